#include "object_store/s3_client.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "aws/sha256.h"
#include "common/bytes.h"
#include "object_store/errors.h"

namespace freshet::object_store {
namespace {

// Pauses between tries: somewhere in [0, 100 ms * 2^tries], at most 20 s ("full jitter"): callers
// that failed together must not come back together.
constexpr std::int64_t kFirstPauseUs = 100'000;
constexpr std::int64_t kPauseUsMax = 20'000'000;

enum class Verdict { kFinal, kAgain, kAgainMaybeDone, kOtherKey };

bool is_one_of(std::string_view code, std::initializer_list<std::string_view> codes) {
  return std::find(codes.begin(), codes.end(), code) != codes.end();
}

// `is_post`: creates or completes an upload.
Verdict verdict_of(const HttpAnswer& answer, const S3Refusal& refusal, bool is_post) {
  // Completing is answered with 200 before it is done; what came of it is in the body.
  if (answer.status >= 200 && answer.status < 300) {
    return refusal.code.empty() ? Verdict::kFinal : Verdict::kAgainMaybeDone;
  }
  if (is_one_of(refusal.code, {"ExpiredToken", "InvalidToken", "InvalidAccessKeyId"})) {
    return Verdict::kOtherKey;
  }
  // An upload whose completion met a rival has to be made anew from its parts.
  if (refusal.code == "ConditionalRequestConflict") {
    return is_post ? Verdict::kFinal : Verdict::kAgain;
  }
  if (is_one_of(refusal.code, {"SlowDown", "ServiceUnavailable", "RequestTimeout", "Throttling",
                               "ThrottlingException", "OperationAborted"})) {
    return Verdict::kAgain;
  }
  if (answer.status == 429) return Verdict::kAgain;
  // Without S3's word for it, 503 may be a proxy's that had passed the request on.
  bool may_be_done = is_one_of(std::to_string(answer.status), {"408", "500", "502", "503", "504"});
  return may_be_done ? Verdict::kAgainMaybeDone : Verdict::kFinal;
}

// What Retry-After asks for; 0 where there is none.
std::int64_t asked_pause_us(const HttpAnswer& answer, std::int64_t now_us) {
  std::string text = answer.header("retry-after").value_or("");
  std::int64_t seconds = 0;
  auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  bool is_number = !text.empty() && failed == std::errc() && end == text.data() + text.size();
  if (is_number) return std::clamp<std::int64_t>(seconds, 0, 86'400) * 1'000'000;
  auto at_us = parse_http_date_us(text);
  return at_us ? std::max<std::int64_t>(*at_us - now_us, 0) : 0;
}

}  // namespace

// The tries of one call.
struct S3Client::Tries {
  const std::string& url;
  std::int64_t deadline_ns;
  int count = 0;
  bool has_other_key = false;
  bool timed_out = false;
  std::int64_t asked_pause_us = 0;
  std::string last = {};  // what came of the last one

  Error given_up() const {
    return Error(timed_out ? Code::kTimeout : Code::kUnavailable, timed_out ? kTooLate : kNotNow,
                 url + ": " + std::to_string(count) + " tries failed, the last with: " + last +
                     "; try again later, and look at the network and the store's health");
  }
};

S3Client::S3Client(S3Address address, const S3Settings& settings, Environment environment,
                   Machine machine, std::unique_ptr<HttpTransport> transport)
    : address_(std::move(address)),
      settings_(settings),
      environment_(std::move(environment)),
      machine_(machine),
      transport_(std::move(transport)) {}

std::string S3Client::random_token() {
  std::array<std::byte, 16> chance;
  MutexLock hold(mutex_);
  machine_.random.fill(chance);
  return to_hex(as_string_view(chance));
}

std::int64_t S3Client::random_below(std::int64_t bound) {
  MutexLock hold(mutex_);
  return static_cast<std::int64_t>(machine_.random.below(static_cast<std::uint64_t>(bound)));
}

Result<aws::Credential> S3Client::credential() {
  MutexLock hold(mutex_);
  if (credential_) return *credential_;
  FRESHET_TRY(AwsProfile profile, AwsProfile::load(environment_, machine_.disk));
  FRESHET_TRY(credential_, profile.credential());
  return *credential_;
}

// True where there is another one now: keys with an end are rotated by writing the files again.
bool S3Client::reload_credential(const aws::Credential& refused) {
  {
    MutexLock hold(mutex_);
    credential_.reset();
  }
  auto found = credential();
  return found && (found->id != refused.id || found->session_token != refused.session_token);
}

HttpRequest S3Client::signed_request(const S3Request& request, const std::string& body_hash,
                                     const aws::Credential& credential) {
  HttpRequest made;
  made.method = request.method;
  made.origin = address_.origin;
  made.target = request.path + (request.query.empty() ? "" : "?" + request.query);
  made.headers = request.headers;
  made.headers.push_back({"host", address_.host});
  made.headers.push_back({"x-amz-content-sha256", body_hash});
  if (credential.session_token) {
    made.headers.push_back({"x-amz-security-token", *credential.session_token});
  }
  std::vector<aws::HeaderView> views;
  for (const HttpHeader& header : made.headers) views.push_back({header.name, header.value});
  aws::Signer signer(credential, address_.region, "s3");
  aws::Signer::Headers signature = signer.sign(
      {request.method, request.path, request.query, views, request.body}, machine_.clock.wall_us());
  made.headers.push_back({"x-amz-date", signature.amz_date});
  made.headers.push_back({"authorization", signature.authorization});
  made.body = request.body;
  made.on_fresh_connection = request.on_fresh_connection;
  made.answer_bytes_max = request.answer_bytes_max;
  return made;
}

HttpOutcome S3Client::send(const S3Request& request, const std::string& body_hash,
                           const aws::Credential& credential, Tries& tries) {
  HttpRequest made = signed_request(request, body_hash, credential);
  std::int64_t left_us = (tries.deadline_ns - machine_.clock.monotonic_ns()) / 1000;
  made.timeout_us = std::clamp<std::int64_t>(left_us, 1000, settings_.request_timeout_us);
  ++tries.count;
  return transport_->send(made);
}

S3Client::Next S3Client::judge(const S3Request& request, HttpOutcome outcome, Tries& tries,
                               S3Exchange& exchange) {
  using Kind = HttpOutcome::Kind;
  tries.last = outcome.fault;
  tries.timed_out = outcome.timed_out;
  tries.asked_pause_us = 0;
  if (outcome.kind == Kind::kAnswered) {
    return judge_answer(request, std::move(outcome.answer), tries, exchange);
  }
  if (outcome.kind == Kind::kBadCertificate) {
    exchange.failure = Error(
        Code::kUnavailable, kUntrusted,
        tries.url + ": the certificate of " + address_.host + " is not to be trusted (" +
            outcome.fault + "); correct the endpoint, or name its authorities in certificate_file");
    return Next::kReturn;
  }
  if (outcome.kind != Kind::kNotSent) exchange.may_be_done = true;
  if (outcome.kind == Kind::kOverlong) {
    exchange.failure =
        Error(Code::kInvalid, kTooLarge,
              tries.url + " gives more than the " + std::to_string(request.answer_bytes_max) +
                  " bytes that are read at once; read ranges of it");
    return Next::kReturn;
  }
  return Next::kAgain;
}

S3Client::Next S3Client::judge_answer(const S3Request& request, HttpAnswer answer, Tries& tries,
                                      S3Exchange& exchange) {
  bool is_success = answer.status >= 200 && answer.status < 300;
  // The body of a GET that went well is the object's, and may be anything.
  bool may_refuse = !is_success || request.method == "POST";
  exchange.refusal = may_refuse ? refusal_of(answer.body) : S3Refusal();
  Verdict verdict = verdict_of(answer, exchange.refusal, request.method == "POST");
  tries.last = "HTTP " + std::to_string(answer.status) + " " + in_quotes(exchange.refusal.code);
  tries.asked_pause_us = asked_pause_us(answer, machine_.clock.wall_us());
  if (verdict == Verdict::kAgainMaybeDone) exchange.may_be_done = true;
  if (verdict == Verdict::kAgain || verdict == Verdict::kAgainMaybeDone) return Next::kAgain;
  exchange.answer = std::move(answer);
  bool tries_other_key = verdict == Verdict::kOtherKey && !tries.has_other_key;
  return tries_other_key ? Next::kOtherKey : Next::kReturn;
}

// False where the deadline is nearer than the next try.
bool S3Client::wait_for_next(const Tries& tries) {
  if (settings_.is_cancelled && settings_.is_cancelled()) return false;
  std::int64_t cap_us =
      std::min<std::int64_t>(kPauseUsMax, kFirstPauseUs << std::min(tries.count, 10));
  std::int64_t pause_us = std::max(tries.asked_pause_us, random_below(cap_us));
  std::int64_t left_us = (tries.deadline_ns - machine_.clock.monotonic_ns()) / 1000;
  if (pause_us >= left_us) return false;
  transport_->wait_us(pause_us);
  return true;
}

S3Exchange S3Client::call(const S3Request& request, const std::string& url) {
  S3Exchange exchange;
  Tries tries{url, machine_.clock.monotonic_ns() + settings_.deadline_us * 1000};
  std::string body_hash = aws::sha256_hex(request.body);
  while (true) {
    auto key = credential();
    if (!key) {
      exchange.failure = std::move(key).error();
      return exchange;
    }
    Next next = judge(request, send(request, body_hash, *key, tries), tries, exchange);
    if (next == Next::kReturn) return exchange;
    if (next == Next::kOtherKey) {
      tries.has_other_key = true;
      if (!reload_credential(*key)) return exchange;
      exchange.answer.reset();
      continue;
    }
    if (!wait_for_next(tries)) {
      exchange.failure = tries.given_up();
      return exchange;
    }
  }
}

Error S3Client::error_of(const S3Exchange& exchange, const std::string& url) const {
  if (exchange.failure) return *exchange.failure;
  return s3_error(*exchange.answer, exchange.refusal, url, address_.region);
}

}  // namespace freshet::object_store
