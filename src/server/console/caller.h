// Who is asking over HTTP, and what they may do. Only Callers can make one, so that a call which
// wants a Caller cannot be reached without a verified key.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/mutex.h"
#include "common/result.h"
#include "http/message.h"
#include "io/clock.h"
#include "io/random.h"
#include "server/gate/failure_limiter.h"
#include "server/gate/gate.h"

namespace freshet::console {

class Caller {
 public:
  const std::string& name() const { return name_; }
  // True where a rule of the key allows `action` ("sql:read") on `resource` ("table/detections").
  bool allows(std::string_view action, std::string_view resource) const;
  // kDenied FRS-4022, naming the rule that is missing.
  Status require(std::string_view action, std::string_view resource) const;

 private:
  friend class Callers;
  Caller(std::string name, std::shared_ptr<const std::vector<gate::AllowRule>> rules)
      : name_(std::move(name)), rules_(std::move(rules)) {}
  std::string name_;
  // Null: no key is configured, everything is allowed. Shared with the table of keys, which may be
  // replaced meanwhile.
  std::shared_ptr<const std::vector<gate::AllowRule>> rules_;
};

// The configured keys. Thread-safe.
class Callers {
 public:
  Callers(io::Clock& clock, io::Random& random);
  void replace_keys(std::vector<gate::Key> keys);
  // "Authorization: Bearer <key id>.<secret>". Without any key configured everybody is let in, but
  // only for a local Host and from no foreign Origin. kDenied: FRS-4020 (foreign), FRS-4021 (no or
  // wrong key); kThrottled FRS-4023 (too many wrong ones).
  Result<Caller> verify(const http::Request& request);

 private:
  struct Entry {
    std::string name;
    std::string token;  // "<key id>.<secret>"
    std::shared_ptr<const std::vector<gate::AllowRule>> rules;
  };
  using Entries = std::vector<Entry>;

  io::Clock& clock_;
  gate::FailureLimiter failures_;
  Mutex mutex_;
  std::shared_ptr<const Entries> entries_ FRESHET_GUARDED_BY(mutex_);
};

}  // namespace freshet::console
