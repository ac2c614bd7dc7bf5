// What both sides of SigV4 hash: the canonical request and the string to sign. One canonicaliser,
// so that signer and verifier cannot drift apart.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aws/sigv4.h"

namespace freshet::aws {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
constexpr std::string_view kTerminator = "aws4_request";

// Each byte that is not unreserved (RFC 3986 section 2.3) as %XX, "/" too.
void append_percent_encoded(std::string& to, std::string_view bytes);
// Dot segments and doubled slashes removed, then each byte that is not unreserved percent-encoded:
// with a path that is already encoded as sent, that is the second encoding.
std::string canonical_path(std::string_view path);
// Decoded, encoded again in upper case, sorted. Nothing where an escape is malformed.
std::optional<std::string> canonical_query(std::string_view query);
// Outer blanks removed, inner runs of blanks made one space.
void append_canonical_value(std::string& to, std::string_view value);

// Names must be sorted. Several headers of one name are joined by commas.
std::string canonical_request(const RequestView& request, std::string_view path,
                              std::string_view query,
                              const std::vector<std::string_view>& signed_names,
                              std::string_view payload_hash);
std::string string_to_sign(std::string_view amz_date, const Scope& scope,
                           std::string_view canonical_request);
// "20150830/us-east-1/kinesis/aws4_request"
std::string scope_text(const Scope& scope);
Sha256 derive_signing_key(std::string_view secret, const Scope& scope);

}  // namespace freshet::aws
