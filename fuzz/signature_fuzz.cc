// Any bytes as the parts of a signed request: what our signer signs, our verifier accepts, and one
// byte more in the body it refuses. An Authorization header of any bytes is read or refused.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "aws/authorization.h"
#include "aws/sigv4.h"
#include "aws/sigv4_canonical.h"
#include "common/check.h"

namespace {

using namespace freshet::aws;

constexpr std::int64_t kNowUs = 1'700'000'000'000'000;

std::string_view take(std::string_view& bytes) {
  if (bytes.empty()) return {};
  std::size_t length = static_cast<unsigned char>(bytes.front());
  bytes.remove_prefix(1);
  std::string_view taken = bytes.substr(0, length);
  bytes.remove_prefix(taken.size());
  return taken;
}

void check_authorization(std::string_view text) {
  auto parsed = parse_authorization(text);
  if (!parsed) return;
  FRESHET_CHECK(parsed->signature.size() == 64);
  FRESHET_CHECK(!parsed->signed_names.empty());
  for (std::size_t i = 1; i < parsed->signed_names.size(); ++i) {
    FRESHET_CHECK(parsed->signed_names[i - 1] < parsed->signed_names[i]);
  }
}

// Canonical text is its own canonical form.
void check_canonical(std::string_view query, std::string_view path) {
  if (auto once = canonical_query(query)) {
    auto twice = canonical_query(*once);
    FRESHET_CHECK(twice.has_value());
    FRESHET_CHECK(*twice == *once);
  }
  std::string canonical = canonical_path(path);
  FRESHET_CHECK(canonical.starts_with('/'));
  FRESHET_CHECK(canonical.find("//") == std::string::npos);
}

bool accepts(const RequestView& request, const Credential& credential) {
  SigningKeyCache cache;
  VerifyOptions options;
  options.region = "us-east-1";
  options.services = {"kinesis"};
  options.now_us = kNowUs;
  options.signing_keys = &cache;
  options.find_credential = [&](std::string_view id) {
    return id == credential.id ? &credential : nullptr;
  };
  return std::holds_alternative<Verified>(verify(request, options));
}

void check_round_trip(std::string_view value, const std::string& body) {
  Credential credential{"AKID", "secret", std::nullopt};
  Signer signer(credential, "us-east-1", "kinesis");
  std::vector<HeaderView> headers = {
      {"host", "localhost:4566"}, {"content-type", value}, {"x-amz-target", "Kinesis.Put"}};
  auto made = signer.sign({"POST", "/", "", headers, body}, kNowUs);
  headers.push_back({"x-amz-date", made.amz_date});
  headers.push_back({"authorization", made.authorization});
  FRESHET_CHECK(accepts({"POST", "/", "", headers, body}, credential));
  FRESHET_CHECK(!accepts({"POST", "/", "", headers, body + "x"}, credential));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  check_authorization(bytes);
  std::string_view query = take(bytes);
  std::string_view path = take(bytes);
  std::string_view value = take(bytes);
  check_canonical(query, path);
  check_round_trip(value, std::string(bytes));
  return 0;
}
