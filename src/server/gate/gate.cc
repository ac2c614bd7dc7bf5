#include "server/gate/gate.h"

#include <atomic>
#include <cstdio>
#include <map>

#include "common/check.h"
#include "common/logging.h"
#include "common/metrics.h"
#include "common/mutex.h"
#include "server/gate/answer.h"
#include "server/gate/failure_limiter.h"
#include "server/gate/local_guard.h"

namespace freshet::gate {

using aws::ServiceError;
using Refusal = std::optional<ServiceError>;

namespace {

constexpr std::string_view kCbor = "application/x-amz-cbor-1.1";
constexpr std::string_view kJson10 = "application/x-amz-json-1.0";
constexpr std::string_view kJson11 = "application/x-amz-json-1.1";
constexpr std::int64_t kRetryAfterMs = 200;

// The media type alone, without "; charset=utf-8".
std::string_view media_type(const http::Request& request) {
  std::string_view type = request.header("content-type").value_or("");
  type = type.substr(0, type.find(';'));
  while (type.ends_with(' ')) type.remove_suffix(1);
  return type;
}

aws::Encoding encoding_of(std::string_view type) {
  return type == kCbor ? aws::Encoding::kCbor : aws::Encoding::kJson;
}

// What to answer with, whatever was asked with.
std::string_view answer_type(std::string_view type) {
  return type == kCbor || type == kJson10 ? type : kJson11;
}

// "127.0.0.1:51234" without its port.
std::string_view source_address(const http::Request& request) {
  return std::string_view(request.peer).substr(0, request.peer.rfind(':'));
}

// What a stranger wrote may go to the log only when it cannot be mistaken for more than a name.
std::string loggable(std::string_view key_id) {
  bool plain = !key_id.empty() && key_id.size() <= 64;
  for (char c : key_id) {
    plain = plain && ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '-' || c == '_');
  }
  return plain ? std::string(key_id) : "(none)";
}

metrics::Counter& refused_counter() {
  static metrics::Counter& counter = metrics::counter(
      "freshet_gate_refused_total", "Requests refused by signature, scope, origin or target");
  return counter;
}

void complete(http::Response& response, std::string_view type, const std::string& request_id) {
  bool typed = false;
  for (const http::Header& header : response.headers) {
    typed = typed || header.name == "content-type" || header.name == "Content-Type";
  }
  if (!typed) response.headers.push_back({"Content-Type", std::string(type)});
  response.headers.push_back({"x-amzn-RequestId", request_id});
}

}  // namespace

// The keys of one configuration and what was derived from them. Immutable but for its cache;
// replaced whole, while requests that hold it finish.
struct Gate::KeyTable {
  struct Entry {
    aws::Credential credential;
    std::shared_ptr<const std::vector<AllowRule>> rules;
  };
  std::map<std::string, Entry, std::less<>> entries;
  mutable aws::SigningKeyCache signing_keys;
};

struct Gate::State {
  State(GateConfig c, io::Clock& k, io::Random& random)
      : config(std::move(c)),
        clock(k),
        request_id_seed(random.next_u64()),
        failures(config.failures_per_second, config.failures_burst, random),
        failure_lines(config.failure_lines_per_second, 10) {}

  std::shared_ptr<const KeyTable> current_keys() {
    MutexLock lock(mutex);
    return keys;
  }
  std::string next_request_id();
  void log_failure(const http::Request& request, std::string_view key_id, std::string_view name);

  const GateConfig config;
  io::Clock& clock;
  std::vector<Door> doors;
  std::vector<std::string> scopes;
  const std::uint64_t request_id_seed;
  std::atomic<std::uint64_t> request_count{0};
  FailureLimiter failures;
  Mutex mutex;
  std::shared_ptr<const KeyTable> keys FRESHET_GUARDED_BY(mutex) = std::make_shared<KeyTable>();
  TokenBucket failure_lines FRESHET_GUARDED_BY(mutex);
  std::uint64_t unlogged_failures FRESHET_GUARDED_BY(mutex) = 0;
};

struct Gate::Call {
  http::Request request;
  http::Respond respond;  // adds content type and request id
  std::string request_id;
  std::string key_id;  // as claimed, until the signature is checked
  std::shared_ptr<const KeyTable> keys;
  aws::Scope scope;
  const Door* door = nullptr;
  std::string operation;
};

// A version 4 UUID in form (RFC 9562), from SplitMix64 over a counter: unique, not secret.
std::string Gate::State::next_request_id() {
  std::uint64_t at = request_id_seed + request_count.fetch_add(1) * 2;
  auto mix = [](std::uint64_t value) {
    value *= 0x9e3779b97f4a7c15;
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
    value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
    return value ^ (value >> 31);
  };
  std::uint64_t high = mix(at);
  std::uint64_t low = mix(at + 1);
  char text[37];
  std::snprintf(text, sizeof text, "%08x-%04x-4%03x-%04x-%012llx",
                static_cast<unsigned>(high >> 32), static_cast<unsigned>(high >> 16 & 0xffff),
                static_cast<unsigned>(high & 0xfff),
                static_cast<unsigned>((low >> 48 & 0x3fff) | 0x8000),
                static_cast<unsigned long long>(low & 0xffffffffffff));
  return text;
}

void Gate::State::log_failure(const http::Request& request, std::string_view key_id,
                              std::string_view name) {
  std::uint64_t skipped = 0;
  {
    MutexLock lock(mutex);
    if (!failure_lines.try_take(clock.monotonic_ns())) {
      ++unlogged_failures;
      return;
    }
    skipped = std::exchange(unlogged_failures, 0);
  }
  log_warning("a request was refused at the gate", {{"error", name},
                                                    {"from", source_address(request)},
                                                    {"key", loggable(key_id)},
                                                    {"refused_unlogged", skipped}});
}

Gate::Gate(GateConfig config, io::Clock& clock, io::Random& random)
    : state_(std::make_unique<State>(std::move(config), clock, random)) {}

Gate::~Gate() = default;

void Gate::add_door(Door door) {
  state_->scopes.push_back(door.scope);
  state_->doors.push_back(std::move(door));
}

void Gate::replace_keys(std::vector<Key> keys) {
  auto table = std::make_shared<KeyTable>();
  for (Key& key : keys) {
    auto rules = std::make_shared<const std::vector<AllowRule>>(std::move(key.allow));
    std::string id = key.id;
    table->entries.insert_or_assign(
        std::move(id),
        KeyTable::Entry{{std::move(key.id), std::move(key.secret), std::nullopt}, rules});
  }
  MutexLock lock(state_->mutex);
  state_->keys = std::move(table);
}

http::Handler Gate::handler() {
  return [this](http::Request&& request, http::Respond respond) {
    handle(std::move(request), std::move(respond));
  };
}

void Gate::handle(http::Request&& request, http::Respond respond) {
  Call call;
  call.request = std::move(request);
  call.request_id = state_->next_request_id();
  call.keys = state_->current_keys();
  std::string_view type = media_type(call.request);
  call.respond = [respond = std::move(respond), type = std::string(answer_type(type)),
                  id = call.request_id](http::Response response) {
    complete(response, type, id);
    respond(std::move(response));
  };
  if (Refusal refusal = check_origin(call)) return refuse(call, *refusal);
  bool asks_health = call.request.method == "GET" && call.request.target == "/";
  if (asks_health && !call.request.header("authorization")) {
    return call.respond({200, {{"Content-Type", "text/plain"}}, "healthy\n"});
  }
  if (Refusal refusal = check_failures(call)) return refuse(call, *refusal);
  if (Refusal refusal = check_signature(call)) return refuse(call, *refusal);
  if (Refusal refusal = find_door(call)) return refuse(call, *refusal);
  if (Refusal refusal = check_encoding(call)) return refuse(call, *refusal);
  AwsRequest verified;
  verified.operation = std::move(call.operation);
  verified.encoding = encoding_of(type);
  verified.content_type = answer_type(type);
  verified.body = std::move(call.request.body);
  verified.region = call.scope.region;
  verified.request_id = call.request_id;
  call.door->handle(principal_of(call), std::move(verified), std::move(call.respond));
}

// Without keys everybody on this machine may do everything; a web page in its browser may not.
Refusal Gate::check_origin(const Call& call) const {
  if (!call.keys->entries.empty() || is_local_request(call.request)) return std::nullopt;
  return ServiceError{"AccessDeniedException",
                      "FRS-4002 no key is configured, so only requests for localhost, 127.0.0.1 or "
                      "[::1] and from no foreign Origin are taken. Add [auth.keys.NAME] to the "
                      "configuration to serve others.",
                      403};
}

Refusal Gate::check_failures(const Call& call) {
  if (call.request.peer_is_loopback || call.keys->entries.empty()) return std::nullopt;
  std::string_view key_id = call.request.header("authorization").value_or("");
  key_id = aws::claimed_key_id(key_id);
  if (!call.keys->entries.contains(key_id)) key_id = {};
  if (!state_->failures.is_limited(source_address(call.request), key_id,
                                   state_->clock.monotonic_ns())) {
    return std::nullopt;
  }
  return ServiceError{"ThrottlingException",
                      "Too many requests with a wrong signature came from this address."};
}

Refusal Gate::check_signature(Call& call) {
  const http::Request& request = call.request;
  std::vector<aws::HeaderView> headers;
  headers.reserve(request.headers.size() + 1);
  for (const http::Header& header : request.headers) headers.push_back({header.name, header.value});
  aws::RequestView view{request.method, request.path(), request.query(),
                        headers,        request.body,   request.version == http::Version::kHttp2};
  aws::VerifyOptions options;
  options.region = state_->config.region;
  options.services = state_->scopes;
  options.now_us = state_->clock.wall_us();
  options.unsigned_payload_allowed = request.peer_is_loopback;
  options.signing_keys = &call.keys->signing_keys;
  if (!call.keys->entries.empty()) {
    options.find_credential = [&call](std::string_view id) -> const aws::Credential* {
      auto found = call.keys->entries.find(id);
      return found == call.keys->entries.end() ? nullptr : &found->second.credential;
    };
  }
  auto result = aws::verify(view, options);
  if (const aws::Verified* verified = std::get_if<aws::Verified>(&result)) {
    call.scope = verified->scope;
    call.key_id = call.scope.key_id;
    return std::nullopt;
  }
  call.key_id = aws::claimed_key_id(request.header("authorization").value_or(""));
  std::string_view limited = call.key_id;
  if (!call.keys->entries.contains(call.key_id)) limited = {};
  state_->failures.note_failure(source_address(request), limited, state_->clock.monotonic_ns());
  return std::get<ServiceError>(std::move(result));
}

Refusal Gate::find_door(Call& call) const {
  const http::Request& request = call.request;
  if (request.method != "POST" || request.target != "/" || !request.header("x-amz-target")) {
    return ServiceError{"UnknownOperationException",
                        "A request must be POST / with an X-Amz-Target header.", 404};
  }
  std::string_view target = *request.header("x-amz-target");
  for (const Door& door : state_->doors) {
    if (!target.starts_with(door.target_prefix)) continue;
    // No service name may pick another door than the one that was signed for (CVE-2026-55873).
    if (door.scope != call.scope.service) {
      return ServiceError{"InvalidSignatureException",
                          "Credential should be scoped to correct service: '" + door.scope + "'."};
    }
    call.door = &door;
    call.operation = target.substr(door.target_prefix.size());
    return std::nullopt;
  }
  return ServiceError{"UnknownOperationException",
                      "X-Amz-Target names no service of this endpoint."};
}

Refusal Gate::check_encoding(const Call& call) const {
  std::string_view type = media_type(call.request);
  bool known = type == kCbor || type == kJson10 || type == kJson11 || type == "application/json";
  if (!known) {
    return ServiceError{"SerializationException",
                        "Content-Type must be application/x-amz-json-1.0, "
                        "application/x-amz-json-1.1 or application/x-amz-cbor-1.1."};
  }
  if (call.request.header("content-encoding")) {
    return ServiceError{"SerializationException",
                        "Content-Encoding is not taken here; send the body as it is."};
  }
  return std::nullopt;
}

Principal Gate::principal_of(const Call& call) const {
  if (call.keys->entries.empty()) return Principal(call.key_id, nullptr, true);
  auto found = call.keys->entries.find(call.key_id);
  FRESHET_CHECK(found != call.keys->entries.end());  // verified against this very table
  return Principal(call.key_id, found->second.rules, false);
}

void Gate::refuse(const Call& call, const ServiceError& error) {
  refused_counter().add();
  state_->log_failure(call.request, call.key_id, error.name);
  http::Response response = answer(error, encoding_of(media_type(call.request)));
  if (error.name == "ThrottlingException") add_retry_after(response, kRetryAfterMs);
  call.respond(std::move(response));
}

// Kinesis: 10 MiB of records, a third more in base64, and their JSON. DynamoDB: 16 MB a batch.
std::uint64_t Gate::body_limit(const http::Request& head) {
  constexpr std::uint64_t kMiB = 1 << 20;
  std::string_view target = head.header("x-amz-target").value_or("");
  if (target.starts_with("Kinesis_")) return 15 * kMiB;
  if (target.starts_with("DynamoDB_")) return 17 * kMiB;
  return kMiB;
}

http::Response Gate::refusal(int status, std::string_view reason, const http::Request& head) {
  std::string_view type = media_type(head);
  std::string name = status == 503   ? "ServiceUnavailableException"
                     : status == 413 ? "RequestEntityTooLargeException"
                     : status == 408 ? "RequestTimeoutException"
                                     : "BadRequestException";
  http::Response response =
      answer(ServiceError{std::move(name), std::string(reason), status}, encoding_of(type));
  if (status == 503) add_retry_after(response, kRetryAfterMs);
  complete(response, answer_type(type), state_->next_request_id());
  return response;
}

}  // namespace freshet::gate
