// One request to S3, signed, and sent again as often as it takes and the deadline allows.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "aws/sigv4.h"
#include "common/mutex.h"
#include "object_store/aws_profile.h"
#include "object_store/http_transport.h"
#include "object_store/s3_address.h"
#include "object_store/s3_answer.h"

namespace freshet::object_store {

struct S3Request {
  std::string method;
  std::string path;   // encoded
  std::string query;  // encoded, "name=value&…"
  std::vector<HttpHeader> headers;
  std::string_view body;
  std::uint64_t answer_bytes_max = 1 << 20;
  bool on_fresh_connection = false;
};

// How it ended: with S3's last word, or without.
struct S3Exchange {
  std::optional<HttpAnswer> answer;
  S3Refusal refusal;  // of an answer that is one
  // Where there is no answer: FRS-3707, 3708, 3710, 3712 or 3715.
  std::optional<Error> failure;
  // A try whose answer was lost may have been carried out, or may be yet.
  bool may_be_done = false;

  bool has_status(int status) const { return answer && answer->status == status; }
};

// Any number of threads.
class S3Client {
 public:
  S3Client(S3Address address, const S3Settings& settings, Environment environment, Machine machine,
           std::unique_ptr<HttpTransport> transport);

  // `url` names the object or listing in errors.
  S3Exchange call(const S3Request& request, const std::string& url);
  // The error of an exchange that was refused or not answered.
  Error error_of(const S3Exchange& exchange, const std::string& url) const;
  const S3Address& address() const { return address_; }
  // 128 random bits in hexadecimal.
  std::string random_token();

 private:
  struct Tries;
  enum class Next { kReturn, kAgain, kOtherKey };
  Result<aws::Credential> credential();
  bool reload_credential(const aws::Credential& refused);
  HttpRequest signed_request(const S3Request& request, const std::string& body_hash,
                             const aws::Credential& credential);
  HttpOutcome send(const S3Request& request, const std::string& body_hash,
                   const aws::Credential& credential, Tries& tries);
  Next judge(const S3Request& request, HttpOutcome outcome, Tries& tries, S3Exchange& exchange);
  Next judge_answer(const S3Request& request, HttpAnswer answer, Tries& tries,
                    S3Exchange& exchange);
  bool wait_for_next(const Tries& tries);
  std::int64_t random_below(std::int64_t bound);

  const S3Address address_;
  const S3Settings settings_;
  const Environment environment_;
  Machine machine_;
  const std::unique_ptr<HttpTransport> transport_;
  Mutex mutex_;  // the random numbers too: a seeded Random is of one thread
  std::optional<aws::Credential> credential_ FRESHET_GUARDED_BY(mutex_);
};

}  // namespace freshet::object_store
