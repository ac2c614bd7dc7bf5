#include "server/gate/principal.h"

#include <algorithm>

#include "server/gate/gate.h"
#include "server/gate/wildcard.h"

namespace freshet::gate {

namespace {

constexpr std::size_t kRuleBytesMax = 512;

bool is_printable(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

}  // namespace

bool Principal::allows(std::string_view action, std::string_view resource) const {
  if (allows_all_) return true;
  return std::any_of(rules_->begin(), rules_->end(), [&](const AllowRule& rule) {
    return matches_wildcard(rule.action, action) && matches_wildcard(rule.resource, resource);
  });
}

Result<AllowRule> parse_allow_rule(std::string_view text) {
  std::size_t blank = text.find(' ');
  std::string_view action = text.substr(0, blank);
  std::string_view resource =
      blank == std::string_view::npos ? std::string_view() : text.substr(blank + 1);
  bool has_service = action == "*" || action.find(':') != std::string_view::npos;
  if (!is_printable(action) || !is_printable(resource) || !has_service ||
      text.size() > kRuleBytesMax) {
    return Error(Code::kInvalid, 4001,
                 "\"" + std::string(text) +
                     "\" is not an allow rule; write \"SERVICE:ACTION RESOURCE\", such as "
                     "\"kinesis:PutRecords stream/detections\" or \"kinesis:* stream/cam-*\"");
  }
  return AllowRule{std::string(action), std::string(resource)};
}

}  // namespace freshet::gate
