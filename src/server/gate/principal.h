// Who is asking. Only the gate can make one, so a handler that wants a Principal cannot be reached
// without a verified signature.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace freshet::gate {

// One rule of auth.keys.NAME.allow: "kinesis:PutRecords stream/detections". '*' matches any run of
// characters in either half; matching takes linear time.
struct AllowRule {
  std::string action;
  std::string resource;
};

class Principal {
 public:
  const std::string& name() const { return name_; }
  // True where a rule allows `action` ("kinesis:PutRecords") on `resource` ("stream/detections").
  bool allows(std::string_view action, std::string_view resource) const;

 private:
  friend class Gate;
  friend struct TestPrincipal;  // defined in tests of doors alone
  Principal(std::string name, std::shared_ptr<const std::vector<AllowRule>> rules, bool allows_all)
      : name_(std::move(name)), rules_(std::move(rules)), allows_all_(allows_all) {}
  std::string name_;
  std::shared_ptr<const std::vector<AllowRule>>
      rules_;        // shared with the key table, which may be reloaded
  bool allows_all_;  // no key is configured: loopback only, everything allowed
};

}  // namespace freshet::gate
