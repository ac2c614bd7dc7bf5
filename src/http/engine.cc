#include "http/engine.h"

namespace freshet::http {

Response refusal(const ServerOptions& options, int status, std::string_view reason,
                 const Request& head) {
  if (options.refusal) return options.refusal(status, reason, head);
  Response response;
  response.status = status;
  response.headers.push_back({"content-type", "text/plain"});
  response.body.append(reason).append("\n");
  return response;
}

std::int64_t body_deadline_ns(const ServerLimits& limits, std::int64_t started_ns,
                              std::uint64_t received_bytes) {
  std::uint64_t earned_us = received_bytes * 1'000'000 / limits.body_bytes_per_second;
  return started_ns + (limits.body_grace_us + static_cast<std::int64_t>(earned_us)) * 1'000;
}

}  // namespace freshet::http
