// One version of HTTP on one connection, behind http::ServerConnection. Same rules as
// net::Protocol, plus the way of requests out and answers back.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "http/budget_hold.h"
#include "http/message.h"
#include "http/server.h"
#include "net/protocol.h"

namespace freshet::http {

// What an engine works with. `dispatch` hands a whole request on; its answer comes back later, and
// never inside that call, through Engine::respond() under the same id.
struct EngineContext {
  std::shared_ptr<const ServerOptions> options;
  std::string peer;
  bool peer_is_loopback = false;
  std::function<void(std::uint64_t id, Request&& request, BudgetHold hold)> dispatch;
};

class Engine : public net::Protocol {
 public:
  // `hold` covers the response's body: keep it until that is sent.
  virtual void respond(std::uint64_t id, Response&& response, BudgetHold hold,
                       std::int64_t now_ns) = 0;
};

// The answer of the server itself, in the words of ServerOptions::refusal.
Response refusal(const ServerOptions& options, int status, std::string_view reason,
                 const Request& head);
// When a body must have come so far, given what has come.
std::int64_t body_deadline_ns(const ServerLimits& limits, std::int64_t started_ns,
                              std::uint64_t received_bytes);

constexpr std::size_t kBodySpareBytes = 64;  // behind each body, for simdjson

std::unique_ptr<Engine> make_http1_engine(EngineContext context, std::int64_t now_ns);
std::unique_ptr<Engine> make_http2_engine(EngineContext context, std::int64_t now_ns);

}  // namespace freshet::http
