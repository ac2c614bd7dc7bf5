// One function per point, called in order: a request must pass every one. No branch ends early with
// "accepted" (as in MinIO CVE-2025-31489, where a missing header skipped the check).
#include <algorithm>
#include <array>

#include "aws/authorization.h"
#include "aws/sigv4.h"
#include "aws/sigv4_canonical.h"
#include "common/bytes.h"
#include "common/check.h"
#include "common/time_text.h"

namespace freshet::aws {

namespace {

constexpr std::int64_t kSkewMaxUs = 15ll * 60 * 1'000'000;

using Refusal = std::optional<ServiceError>;

Refusal missing_token() {
  return ServiceError{"MissingAuthenticationTokenException", "Missing Authentication Token"};
}
Refusal incomplete(std::string message) {
  return ServiceError{"IncompleteSignatureException", std::move(message)};
}
Refusal invalid(std::string message) {
  return ServiceError{"InvalidSignatureException", std::move(message)};
}

std::size_t count(const RequestView& request, std::string_view name) {
  return static_cast<std::size_t>(
      std::count_if(request.headers.begin(), request.headers.end(),
                    [&](const HeaderView& header) { return header.name == name; }));
}

std::string_view value_of(const RequestView& request, std::string_view name) {
  for (const HeaderView& header : request.headers) {
    if (header.name == name) return header.value;
  }
  return {};
}

bool contains(const std::vector<std::string_view>& sorted, std::string_view name) {
  return std::binary_search(sorted.begin(), sorted.end(), name);
}

class Verification {
 public:
  Verification(const RequestView& request, const VerifyOptions& options)
      : request_(request), options_(options) {}

  std::variant<Verified, ServiceError> run() {
    using Step = Refusal (Verification::*)();
    static constexpr Step kSteps[] = {
        &Verification::has_one_signature,   &Verification::repeats_nothing,
        &Verification::reads_authorization, &Verification::signs_what_matters,
        &Verification::has_plain_target,    &Verification::comes_in_time,
        &Verification::names_our_scope,     &Verification::has_known_key,
        &Verification::has_right_token,     &Verification::has_right_payload,
        &Verification::has_right_signature};
    for (Step step : kSteps) {
      if (Refusal refusal = (this->*step)()) return *std::move(refusal);
    }
    return Verified{scope_};
  }

 private:
  Refusal has_one_signature() {
    bool in_query = query_has_signature();
    std::size_t in_headers = count(request_, "authorization");
    if (in_headers == 0 && !in_query) return missing_token();
    if (in_query) {
      return incomplete(
          "This service takes signatures in the Authorization header only, not in the query.");
    }
    if (in_headers > 1) return incomplete("Authorization header must be sent once.");
    return std::nullopt;
  }

  // Presigned by SigV4, or by SigV2.
  bool query_has_signature() const {
    static constexpr std::array<std::string_view, 7> kMarks = {
        "x-amz-signature=", "x-amz-algorithm=", "x-amz-credential=", "x-amz-signedheaders=",
        "signature=",       "awsaccesskeyid=",  "signatureversion="};
    std::string query;
    for (char c : request_.query) {
      query += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    return std::any_of(kMarks.begin(), kMarks.end(), [&](std::string_view mark) {
      return query.starts_with(mark) || query.find("&" + std::string(mark)) != std::string::npos;
    });
  }

  Refusal repeats_nothing() {
    static constexpr std::array<std::string_view, 7> kOnce = {"host",
                                                              "date",
                                                              "content-type",
                                                              "content-length",
                                                              "content-encoding",
                                                              ":authority",
                                                              "transfer-encoding"};
    for (std::string_view name : kOnce) {
      if (count(request_, name) > 1) return repeated(name);
    }
    for (const HeaderView& header : request_.headers) {
      if (header.name.starts_with("x-amz-") && count(request_, header.name) > 1) {
        return repeated(header.name);
      }
    }
    return std::nullopt;
  }

  static Refusal repeated(std::string_view name) {
    return incomplete("Header '" + std::string(name) + "' must not be sent more than once.");
  }

  Refusal reads_authorization() {
    auto parsed = parse_authorization(value_of(request_, "authorization"));
    if (!parsed) return incomplete(parsed.error().message());
    authorization_ = *std::move(parsed);
    scope_ = Scope{std::string(authorization_.key_id), std::string(authorization_.date),
                   std::string(authorization_.region), std::string(authorization_.service)};
    return std::nullopt;
  }

  // What is not signed, someone between may have changed. CVE-2026-97731: an unsigned x-amz-*
  // header was obeyed.
  Refusal signs_what_matters() {
    for (const HeaderView& header : request_.headers) {
      bool matters = header.name.starts_with("x-amz-") || header.name == "content-type";
      if (matters && !contains(authorization_.signed_names, header.name)) {
        return invalid("Header '" + std::string(header.name) + "' must be a 'SignedHeader'.");
      }
    }
    return settle_host();
  }

  // HTTP/2 carries the host as :authority. The Java SDK signs it as host, the JavaScript SDK v3 as
  // :authority; both names then mean the same value.
  Refusal settle_host() {
    headers_.assign(request_.headers.begin(), request_.headers.end());
    std::string_view host = value_of(request_, "host");
    std::string_view authority = value_of(request_, ":authority");
    if (request_.http2 && host.empty()) headers_.push_back({"host", authority});
    if (request_.http2 && authority.empty()) headers_.push_back({":authority", host});
    if (!host.empty() && !authority.empty() && host != authority) {
      return invalid("Host and :authority differ.");
    }
    if (host.empty() && authority.empty()) return invalid("Host is missing.");
    bool signs_authority = contains(authorization_.signed_names, ":authority");
    if (signs_authority && !request_.http2) return invalid("':authority' belongs to HTTP/2.");
    if (!signs_authority && !contains(authorization_.signed_names, "host")) {
      return invalid("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.");
    }
    return all_signed_came();
  }

  Refusal all_signed_came() {
    for (std::string_view name : authorization_.signed_names) {
      auto came = [&](const HeaderView& header) { return header.name == name; };
      if (std::none_of(headers_.begin(), headers_.end(), came)) {
        return invalid("SignedHeaders names '" + std::string(name) + "', which was not sent.");
      }
    }
    return std::nullopt;
  }

  // Paths that two readers could read differently are refused before they are canonicalised.
  Refusal has_plain_target() {
    std::string_view path = request_.path;
    bool dots = false;
    for (std::size_t at = path.find('.'); at != std::string_view::npos;
         at = path.find('.', at + 1)) {
      std::size_t end = path.find('/', at);
      std::string_view segment = path.substr(at, end == std::string_view::npos ? end : end - at);
      dots = dots || (at > 0 && path[at - 1] == '/' && (segment == "." || segment == ".."));
    }
    if (dots || path.find('\\') != std::string_view::npos ||
        path.find("%00") != std::string_view::npos) {
      return invalid("The path holds '.', '..', a backslash or a zero byte.");
    }
    std::optional<std::string> query = canonical_query(request_.query);
    if (!query) return invalid("The query holds a malformed percent escape.");
    query_ = *std::move(query);
    return std::nullopt;
  }

  Refusal comes_in_time() {
    amz_date_ = value_of(request_, "x-amz-date");
    if (amz_date_.empty()) {
      return incomplete("Authorization header requires existence of an 'X-Amz-Date' header.");
    }
    std::optional<std::int64_t> sent_us = parse_basic_time_us(amz_date_);
    if (!sent_us) {
      return incomplete("Date must be in ISO-8601 'basic format' (20150830T123600Z).");
    }
    if (authorization_.date != amz_date_.substr(0, 8)) {
      return invalid(
          "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of "
          "date from HTTP.");
    }
    std::int64_t late_us = options_.now_us - *sent_us;
    std::string now = format_basic_time(options_.now_us);
    if (late_us > kSkewMaxUs) {
      return invalid("Signature expired: " + std::string(amz_date_) +
                     " is more than 15 minutes before the server's " + now + ".");
    }
    if (late_us < -kSkewMaxUs) {
      return invalid("Signature not yet current: " + std::string(amz_date_) +
                     " is more than 15 minutes after the server's " + now + ".");
    }
    return std::nullopt;
  }

  Refusal names_our_scope() {
    if (authorization_.region != options_.region) {
      return invalid("Credential should be scoped to a valid region: '" + options_.region +
                     "' (aws.region of this server), not '" + scope_.region + "'.");
    }
    const std::vector<std::string>& ours = options_.services;
    if (std::find(ours.begin(), ours.end(), scope_.service) == ours.end()) {
      return invalid("Credential should be scoped to a service of this endpoint, not '" +
                     scope_.service + "'.");
    }
    return std::nullopt;
  }

  Refusal has_known_key() {
    if (!options_.find_credential)
      return std::nullopt;  // none is configured: see has_right_signature
    credential_ = options_.find_credential(authorization_.key_id);
    if (credential_ == nullptr) {
      return ServiceError{"UnrecognizedClientException",
                          "The security token included in the request is invalid."};
    }
    return std::nullopt;
  }

  Refusal has_right_token() {
    if (credential_ == nullptr) return std::nullopt;
    bool sent = count(request_, "x-amz-security-token") != 0;
    const std::optional<std::string>& expected = credential_->session_token;
    if (!sent && !expected) return std::nullopt;
    if (sent && expected &&
        equal_in_constant_time(value_of(request_, "x-amz-security-token"), *expected)) {
      return std::nullopt;
    }
    if (!sent) return missing_token();
    return ServiceError{"ExpiredTokenException",
                        "The security token included in the request is expired or not this key's."};
  }

  Refusal has_right_payload() {
    constexpr std::string_view kUnsigned = "UNSIGNED-PAYLOAD";
    bool declared = count(request_, "x-amz-content-sha256") != 0;
    std::string_view hash = value_of(request_, "x-amz-content-sha256");
    if (declared && hash == kUnsigned && options_.unsigned_payload_allowed) {
      payload_hash_ = kUnsigned;
      return std::nullopt;
    }
    // Without a key and a declared hash there is nothing to compare.
    if (!declared && !options_.find_credential) return std::nullopt;
    payload_hash_ = sha256_hex(request_.body);
    if (!declared || equal_in_constant_time(hash, payload_hash_)) return std::nullopt;
    return invalid("The value of X-Amz-Content-Sha256 is not the SHA-256 of the body.");
  }

  Refusal has_right_signature() {
    // Without keys app has bound the port to loopback, and the value alone goes unchecked.
    if (!options_.find_credential) return std::nullopt;
    FRESHET_CHECK(credential_ != nullptr);
    FRESHET_CHECK(options_.signing_keys != nullptr);
    RequestView covered = request_;
    covered.headers = headers_;
    std::string canonical = canonical_request(covered, canonical_path(request_.path), query_,
                                              authorization_.signed_names, payload_hash_);
    Sha256 key = options_.signing_keys->key(*credential_, scope_);
    Sha256 expected =
        hmac_sha256(as_string_view(key), string_to_sign(amz_date_, scope_, canonical));
    if (equal_in_constant_time(to_hex(as_string_view(expected)), authorization_.signature)) {
      return std::nullopt;
    }
    return invalid(
        "The request signature we calculated does not match the signature you provided. Check your "
        "AWS Secret Access Key and signing method. Consult the service documentation for details.");
  }

  const RequestView& request_;
  const VerifyOptions& options_;
  Authorization authorization_;
  Scope scope_;
  std::vector<HeaderView> headers_;  // with host or :authority added in HTTP/2
  std::string query_;
  std::string_view amz_date_;
  std::string payload_hash_;
  const Credential* credential_ = nullptr;
};

}  // namespace

std::variant<Verified, ServiceError> verify(const RequestView& request,
                                            const VerifyOptions& options) {
  return Verification(request, options).run();
}

std::string_view claimed_key_id(std::string_view authorization) {
  constexpr std::string_view kMark = "Credential=";
  std::size_t at = authorization.find(kMark);
  if (at == std::string_view::npos) return {};
  authorization.remove_prefix(at + kMark.size());
  return authorization.substr(0, authorization.find_first_of("/, "));
}

}  // namespace freshet::aws
