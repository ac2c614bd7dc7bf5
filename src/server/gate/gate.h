// The one way to every AWS service: verifies the signature, makes the principal, finds the door.
// Deny by default: a request that no line here lets through is refused.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aws/sigv4.h"
#include "common/result.h"
#include "http/message.h"
#include "io/clock.h"
#include "io/random.h"
#include "server/gate/door.h"
#include "server/gate/principal.h"

namespace freshet::gate {

struct Key {
  std::string id;
  std::string secret;
  std::vector<AllowRule> allow;  // empty: nothing is allowed
};

// "kinesis:PutRecords stream/detections", "kinesis:* stream/cam-*". FRS-4001 where malformed.
Result<AllowRule> parse_allow_rule(std::string_view text);

struct GateConfig {
  std::string region = "us-east-1";
  // Failed signatures of one source address and key id, beyond which that pair is told to slow
  // down. Loopback is exempt: everything on this machine shares that address.
  double failures_per_second = 5;
  double failures_burst = 100;
  double failure_lines_per_second = 1;  // in the log
};

// Owned by app; outlives the server. Doors are added before the first request; the rest is
// thread-safe.
class Gate {
 public:
  Gate(GateConfig config, io::Clock& clock, io::Random& random);
  ~Gate();
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;

  void add_door(Door door);
  // Takes effect with the next request. Without any key every well-formed signature is accepted and
  // everything allowed: app must then have bound the port to loopback, and only requests for a
  // local Host and from no foreign Origin pass.
  void replace_keys(std::vector<Key> keys);

  // For http::ServerOptions. Valid as long as the gate.
  http::Handler handler();
  static std::uint64_t body_limit(const http::Request& head);
  http::Response refusal(int status, std::string_view reason, const http::Request& head);

 private:
  struct State;
  struct KeyTable;
  struct Call;  // one request on its way through
  void handle(http::Request&& request, http::Respond respond);
  // The steps, in order. Each gives the refusal, or nothing and lets the call pass.
  std::optional<aws::ServiceError> check_origin(const Call& call) const;
  std::optional<aws::ServiceError> check_failures(const Call& call);
  std::optional<aws::ServiceError> check_signature(Call& call);
  std::optional<aws::ServiceError> find_door(Call& call) const;
  std::optional<aws::ServiceError> check_encoding(const Call& call) const;
  Principal principal_of(const Call& call) const;
  void refuse(const Call& call, const aws::ServiceError& error);

  std::unique_ptr<State> state_;
};

}  // namespace freshet::gate
