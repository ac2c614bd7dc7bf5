// AWS Signature Version 4, both sides: the signer of our own clients and the verifier behind the
// gate. No I/O and no clock of its own.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "aws/error.h"
#include "aws/sha256.h"

namespace freshet::aws {

struct HeaderView {
  std::string_view name;  // lower case; in HTTP/2 also ":authority"
  std::string_view value;
};

// What of a request a signature covers. The views must outlive the call only.
struct RequestView {
  std::string_view method;
  std::string_view path;   // as sent, undecoded
  std::string_view query;  // as sent, without '?'
  std::span<const HeaderView> headers;
  std::string_view body;
  bool http2 = false;  // then ":authority" may be signed in place of "host"
};

struct Credential {
  std::string id;
  std::string secret;
  // What x-amz-security-token must carry; without one, a request with a token is refused.
  std::optional<std::string> session_token;
};

// "id/20150830/us-east-1/kinesis/aws4_request"
struct Scope {
  std::string key_id;
  std::string date;
  std::string region;
  std::string service;
};

// Signing keys by (key, date, region, service): four HMACs saved on each request. Bounded; forgets
// all when full. Thread-safe. Belongs to one set of credentials: replace it with them.
class SigningKeyCache {
 public:
  SigningKeyCache();
  ~SigningKeyCache();
  Sha256 key(const Credential& credential, const Scope& scope);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Signs for one credential, region and service. One thread at a time.
class Signer {
 public:
  Signer(Credential credential, std::string region, std::string service);
  struct Headers {
    std::string amz_date;       // x-amz-date
    std::string authorization;  // authorization
  };
  // For the service "s3" `path` must be percent-encoded by sigv4_canonical.h's rule, and
  // x-amz-content-sha256 among the headers.
  // Signs every header of `request` that it may (not authorization, connection, expect,
  // user-agent …) plus x-amz-date. `request` must hold host; where the credential has a session
  // token, x-amz-security-token too. The caller adds the two headers.
  Headers sign(const RequestView& request, std::int64_t now_us);

 private:
  Credential credential_;
  Scope scope_;
  Sha256 signing_key_{};
};

// Decides whether a request is what the holder of a key signed.
struct VerifyOptions {
  std::string region;
  std::vector<std::string> services;  // the scope must name one of them
  std::int64_t now_us = 0;
  bool unsigned_payload_allowed = false;  // the peer is on loopback
  // Gives the credential of an id, or nothing. Where empty, no key is configured: everything is
  // checked except the signature's value and the token.
  std::function<const Credential*(std::string_view id)> find_credential;
  SigningKeyCache* signing_keys = nullptr;  // needed with find_credential
};

struct Verified {
  Scope scope;
};

// The caller, or the refusal in the words of the JSON services. Header signatures only: presigned
// requests, both at once, SigV2 and streaming payloads are refused.
std::variant<Verified, ServiceError> verify(const RequestView& request,
                                            const VerifyOptions& options);

// The key id that an Authorization header claims, before anything is checked: for limits on
// failures. "" if none.
std::string_view claimed_key_id(std::string_view authorization);

}  // namespace freshet::aws
