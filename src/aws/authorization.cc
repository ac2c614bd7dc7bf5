#include "aws/authorization.h"

#include <algorithm>

#include "aws/sigv4_canonical.h"

namespace freshet::aws {

namespace {

constexpr std::size_t kSignedNamesMax = 100;

Error incomplete(std::string why) {
  return Error(Code::kInvalid, std::move(why));
}

bool is_lower_hex(std::string_view text, std::size_t digits) {
  return text.size() == digits && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

bool is_date(std::string_view text) {
  return text.size() == 8 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// Key ids are those that configuration accepts; region and service come out of AWS's tables.
bool is_scope_word(std::string_view text) {
  return !text.empty() && text.size() <= 128 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  });
}

Status read_credential(std::string_view text, Authorization& to) {
  std::string_view parts[5];
  for (std::size_t i = 0; i < 5; ++i) {
    std::size_t end = text.find('/');
    if ((end == std::string_view::npos) != (i == 4)) {
      return incomplete(
          "Credential must have exactly 5 slash-delimited elements, e.g. "
          "keyid/date/region/service/term.");
    }
    parts[i] = text.substr(0, end);
    if (i < 4) text.remove_prefix(end + 1);
  }
  if (parts[4] != kTerminator) {
    return incomplete("Credential should be scoped with a valid terminator: 'aws4_request'.");
  }
  if (!is_date(parts[1])) return incomplete("Date in Credential scope must be YYYYMMDD.");
  if (!is_scope_word(parts[0]) || !is_scope_word(parts[2]) || !is_scope_word(parts[3])) {
    return incomplete("Credential holds an empty element or a foreign character.");
  }
  to.key_id = parts[0];
  to.date = parts[1];
  to.region = parts[2];
  to.service = parts[3];
  return ok();
}

Status read_signed_names(std::string_view text, Authorization& to) {
  while (true) {
    std::size_t end = text.find(';');
    std::string_view name = text.substr(0, end);
    // Ascending order also excludes a name that stands twice.
    bool ascends = to.signed_names.empty() || to.signed_names.back() < name;
    if (name.empty() || !ascends || to.signed_names.size() == kSignedNamesMax) {
      return incomplete("SignedHeaders must be lower-case names in ascending order, once each.");
    }
    to.signed_names.push_back(name);
    if (end == std::string_view::npos) return ok();
    text.remove_prefix(end + 1);
  }
}

// Takes "NAME=value" off the front of `text`: up to the next comma.
std::string_view take_part(std::string_view& text) {
  std::size_t comma = text.find(',');
  std::string_view part = text.substr(0, comma);
  text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
  while (!part.empty() && part.front() == ' ') part.remove_prefix(1);
  while (!part.empty() && part.back() == ' ') part.remove_suffix(1);
  return part;
}

}  // namespace

Result<Authorization> parse_authorization(std::string_view value) {
  if (!value.starts_with(kAlgorithm) || value.size() == kAlgorithm.size() ||
      value[kAlgorithm.size()] != ' ') {
    return incomplete(
        "Authorization must begin with AWS4-HMAC-SHA256; no other algorithm is "
        "accepted, signature version 2 neither.");
  }
  value.remove_prefix(kAlgorithm.size());
  Authorization read;
  std::string_view credential;
  std::string_view names;
  bool trailing_comma = value.ends_with(',');
  while (!value.empty()) {
    std::string_view part = take_part(value);
    std::string_view* slot = part.starts_with("Credential=")      ? &credential
                             : part.starts_with("SignedHeaders=") ? &names
                             : part.starts_with("Signature=")     ? &read.signature
                                                                  : nullptr;
    if (slot == nullptr) return incomplete("Authorization holds a part that SigV4 does not know.");
    if (!slot->empty()) return incomplete("Authorization holds a part twice.");
    *slot = part.substr(part.find('=') + 1);
  }
  if (credential.empty() || names.empty() || read.signature.empty() || trailing_comma) {
    return incomplete(
        "Authorization header requires 'Credential', 'SignedHeaders' and 'Signature' parameters.");
  }
  FRESHET_TRY_STATUS(read_credential(credential, read));
  FRESHET_TRY_STATUS(read_signed_names(names, read));
  if (!is_lower_hex(read.signature, 64)) {
    return incomplete("Signature must be 64 lower-case hexadecimal digits.");
  }
  return read;
}

}  // namespace freshet::aws
