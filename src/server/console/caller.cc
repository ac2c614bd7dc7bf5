#include "server/console/caller.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/bytes.h"
#include "server/gate/local_guard.h"
#include "server/gate/wildcard.h"

namespace freshet::console {
namespace {

constexpr double kFailuresPerSecond = 5;
constexpr double kFailuresBurst = 100;
constexpr std::string_view kScheme = "Bearer ";

Error no_key(std::string_view what) {
  return Error(Code::kDenied, 4021,
               fmt::format("{}: send the header Authorization: Bearer <key id>.<secret>", what));
}

}  // namespace

bool Caller::allows(std::string_view action, std::string_view resource) const {
  if (rules_ == nullptr) return true;
  return std::any_of(rules_->begin(), rules_->end(), [&](const gate::AllowRule& rule) {
    return gate::matches_wildcard(rule.action, action) &&
           gate::matches_wildcard(rule.resource, resource);
  });
}

Status Caller::require(std::string_view action, std::string_view resource) const {
  if (allows(action, resource)) return ok();
  return Error(
      Code::kDenied, 4022,
      fmt::format("key {} may not do this: it needs the rule \"{} {}\"", name_, action, resource));
}

Callers::Callers(io::Clock& clock, io::Random& random)
    : clock_(clock),
      failures_(kFailuresPerSecond, kFailuresBurst, random),
      entries_(std::make_shared<const Entries>()) {}

void Callers::replace_keys(std::vector<gate::Key> keys) {
  auto entries = std::make_shared<Entries>();
  for (gate::Key& key : keys) {
    auto rules = std::make_shared<const std::vector<gate::AllowRule>>(std::move(key.allow));
    entries->push_back({key.id, key.id + '.' + key.secret, std::move(rules)});
  }
  MutexLock lock(mutex_);
  entries_ = std::move(entries);
}

Result<Caller> Callers::verify(const http::Request& request) {
  std::shared_ptr<const Entries> entries;
  {
    MutexLock lock(mutex_);
    entries = entries_;
  }
  if (entries->empty()) {
    if (gate::is_local_request(request)) return Caller("local", nullptr);
    return Error(Code::kDenied, 4020,
                 "no key is configured, so only requests to localhost, 127.0.0.1 or [::1] from no "
                 "other origin are answered: configure [auth.keys]");
  }
  if (request.header_count("authorization") > 1) return no_key("several Authorization headers");
  std::string_view given = request.header("authorization").value_or("");
  if (given.empty()) return no_key("this needs a key");
  if (given.substr(0, kScheme.size()) != kScheme) return no_key("another Authorization scheme");
  std::string_view token = given.substr(kScheme.size());
  std::string_view source = std::string_view(request.peer).substr(0, request.peer.rfind(':'));
  std::string_view key_id = token.substr(0, token.find('.'));
  if (!request.peer_is_loopback && failures_.is_limited(source, key_id, clock_.monotonic_ns()))
    return Error(Code::kThrottled, 4023, "too many wrong keys from this address: wait a second");
  // Every key is compared, so that the time taken says nothing about which came near.
  const Entry* found = nullptr;
  for (const Entry& entry : *entries) {
    if (equal_in_constant_time(entry.token, token)) found = &entry;
  }
  if (found == nullptr) {
    failures_.note_failure(source, key_id, clock_.monotonic_ns());
    return no_key("this key is not known");
  }
  return Caller(found->name, found->rules);
}

}  // namespace freshet::console
