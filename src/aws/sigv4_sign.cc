#include <algorithm>
#include <array>

#include "aws/sigv4.h"
#include "aws/sigv4_canonical.h"
#include "common/bytes.h"
#include "common/check.h"
#include "common/time_text.h"

namespace freshet::aws {

namespace {

// Proxies and HTTP libraries add or change these on the way.
constexpr std::array<std::string_view, 7> kNeverSigned = {
    "authorization", "connection",        "content-length", "expect",
    "user-agent",    "transfer-encoding", "x-amzn-trace-id"};

bool is_signable(std::string_view name) {
  return std::find(kNeverSigned.begin(), kNeverSigned.end(), name) == kNeverSigned.end();
}

std::string_view payload_hash_header(const RequestView& request) {
  for (const HeaderView& header : request.headers) {
    if (header.name == "x-amz-content-sha256") return header.value;
  }
  return {};
}

}  // namespace

Signer::Signer(Credential credential, std::string region, std::string service)
    : credential_(std::move(credential)) {
  scope_.key_id = credential_.id;
  scope_.region = std::move(region);
  scope_.service = std::move(service);
}

Signer::Headers Signer::sign(const RequestView& request, std::int64_t now_us) {
  Headers made;
  made.amz_date = format_basic_time(now_us);
  if (std::string_view day = std::string_view(made.amz_date).substr(0, 8); day != scope_.date) {
    scope_.date = day;
    signing_key_ = derive_signing_key(credential_.secret, scope_);
  }
  std::vector<HeaderView> headers;
  for (const HeaderView& header : request.headers) {
    if (is_signable(header.name) && header.name != "x-amz-date") headers.push_back(header);
  }
  headers.push_back({"x-amz-date", made.amz_date});
  std::vector<std::string_view> names;
  for (const HeaderView& header : headers) names.push_back(header.name);
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());

  RequestView covered = request;
  covered.headers = headers;
  std::string_view declared = payload_hash_header(request);
  std::string hash = declared.empty() ? sha256_hex(request.body) : std::string(declared);
  std::optional<std::string> query = canonical_query(request.query);
  FRESHET_CHECK(query.has_value());  // our own clients make well-formed queries
  // S3 alone takes the path as it was sent, encoded once: there "a//b" and "a/./b" are keys.
  std::string path =
      scope_.service == "s3" ? std::string(request.path) : canonical_path(request.path);
  std::string canonical = canonical_request(covered, path, *query, names, hash);
  std::string to_sign = string_to_sign(made.amz_date, scope_, canonical);

  made.authorization.append(kAlgorithm).append(" Credential=").append(credential_.id).append("/");
  made.authorization.append(scope_text(scope_)).append(", SignedHeaders=");
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i != 0) made.authorization += ';';
    made.authorization += names[i];
  }
  Sha256 signature = hmac_sha256(as_string_view(signing_key_), to_sign);
  made.authorization.append(", Signature=").append(to_hex(as_string_view(signature)));
  return made;
}

}  // namespace freshet::aws
