#include "object_store/s3_answer.h"

#include <array>
#include <charconv>

#include "common/time_text.h"
#include "object_store/errors.h"
#include "object_store/xml.h"

namespace freshet::object_store {
namespace {

Error not_s3(std::string_view what) {
  return Error(Code::kCorruption, kDamaged,
               "the answer is not S3's: " + std::string(what) +
                   "; does the endpoint speak S3, and is there a proxy in between?");
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// encoding-type=url: a blank comes as "+", a plus as "%2B".
std::optional<std::string> url_decoded(std::string_view text) {
  std::string made;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      made += text[i] == '+' ? ' ' : text[i];
      continue;
    }
    if (text.size() - i < 3) return std::nullopt;
    int high = hex_value(text[i + 1]);
    int low = hex_value(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    made += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return made;
}

Result<ObjectInfo> listed_object(const XmlElement& contents, bool is_url_encoded) {
  ObjectInfo info;
  std::string_view key = contents.text_of("Key");
  auto name = is_url_encoded ? url_decoded(key) : std::optional<std::string>(key);
  if (!name || name->empty()) return not_s3("a listed object has no key");
  info.name = *std::move(name);
  std::string_view size = contents.text_of("Size");
  auto [end, failed] = std::from_chars(size.data(), size.data() + size.size(), info.bytes);
  if (failed != std::errc() || end != size.data() + size.size()) {
    return not_s3("a listed object has no size");
  }
  auto modified_us = parse_rfc3339_us(contents.text_of("LastModified"));
  if (!modified_us) return not_s3("a listed object has no time");
  info.modified_us = *modified_us;
  info.etag = bare_etag(contents.text_of("ETag"));
  return info;
}

// What to do about S3's own codes that refuse a key or a signature; "" for any other.
std::string advice_for(std::string_view code, const HttpAnswer& answer, const std::string& region) {
  if (code == "RequestTimeTooSkewed") {
    return "this machine's clock is off (the store's is at " + answer.header("date").value_or("?") +
           "): set it, by NTP";
  }
  if (code == "SignatureDoesNotMatch") {
    return "the secret key is not that of the key id: check AWS_SECRET_ACCESS_KEY or the profile; "
           "where it is right, a proxy changes the requests";
  }
  if (code == "InvalidAccessKeyId") {
    return "the key id is not known there: check AWS_ACCESS_KEY_ID or the profile";
  }
  if (code == "ExpiredToken" || code == "InvalidToken" || code == "TokenRefreshRequired") {
    return "the session token has ended: get new keys";
  }
  if (code == "AuthorizationHeaderMalformed" || code == "PermanentRedirect" ||
      code == "TemporaryRedirect" || code == "IllegalLocationConstraintException") {
    return "the bucket is not in region " + region + " but in " +
           answer.header("x-amz-bucket-region").value_or("another") +
           ": set the region, or the endpoint";
  }
  return {};
}

Error denied(const std::string& url, const std::string& words, const std::string& advice) {
  return Error(Code::kDenied, kRefusedKey, url + " was refused: " + words + "; " + advice);
}

}  // namespace

std::string bare_etag(std::string_view etag) {
  if (etag.starts_with("W/")) etag.remove_prefix(2);
  if (etag.size() >= 2 && etag.front() == '"' && etag.back() == '"') {
    etag = etag.substr(1, etag.size() - 2);
  }
  return std::string(etag);
}

S3Refusal refusal_of(const std::string& body) {
  auto root = parse_xml(body);
  // Not S3's but a proxy's page, or none: the status alone has to do.
  if (!root || root->name != "Error") return {};
  return {std::string(root->text_of("Code")), std::string(root->text_of("Message"))};
}

Error s3_error(const HttpAnswer& answer, const S3Refusal& refusal, const std::string& url,
               const std::string& region) {
  std::string words = "HTTP " + std::to_string(answer.status);
  if (!refusal.code.empty()) words += " " + in_quotes(refusal.code);
  if (!refusal.message.empty()) words += " " + in_quotes(refusal.message);
  if (refusal.code == "NoSuchBucket") {
    return Error(Code::kInvalid, kNoBucket,
                 url + ": there is no such bucket there; make it, or correct the URL or endpoint");
  }
  if (std::string advice = advice_for(refusal.code, answer, region); !advice.empty()) {
    return denied(url, words, advice);
  }
  if (answer.status >= 300 && answer.status < 400) {
    return denied(url, words, advice_for("PermanentRedirect", answer, region));
  }
  if (answer.status == 401 || answer.status == 403) {
    return denied(url, words,
                  "the key needs s3:GetObject, PutObject, DeleteObject, AbortMultipartUpload and "
                  "ListBucket there; clock, region and secret key may also be wrong");
  }
  if (refusal.code == "ConditionalRequestConflict") {
    return Error(Code::kUnavailable, kNotNow,
                 url + " was not put: another put of it was on its way; put it again");
  }
  if (answer.status == 507 || refusal.code == "XMinioStorageFull") {
    return Error(Code::kNoSpace, kStoreFull,
                 url + ": the store is full (" + words + "); free space there");
  }
  if (refusal.code == "EntityTooLarge") {
    return Error(Code::kInvalid, kTooLarge, url + " is too large for the store (" + words + ")");
  }
  return Error(Code::kInvalid, kRefused, url + ": the store refuses this request: " + words);
}

Result<S3Listing> parse_listing(std::string_view body) {
  FRESHET_TRY(XmlElement root, parse_xml(body));
  if (root.name != "ListBucketResult") return not_s3("it is no list of objects");
  S3Listing listing;
  std::string_view truncated = root.text_of("IsTruncated");
  if (truncated != "true" && truncated != "false") return not_s3("a list has no IsTruncated");
  listing.is_truncated = truncated == "true";
  bool is_url_encoded = root.text_of("EncodingType") == "url";
  for (const XmlElement& each : root.children) {
    if (each.name != "Contents") continue;
    FRESHET_TRY(ObjectInfo info, listed_object(each, is_url_encoded));
    // Pages go on after the last name: an order that jumps would go round in circles.
    if (!listing.objects.empty() && info.name <= listing.objects.back().name) {
      return not_s3("a list is not in order");
    }
    listing.objects.push_back(std::move(info));
  }
  if (listing.is_truncated && listing.objects.empty()) return not_s3("a truncated list is empty");
  return listing;
}

Result<std::string> parse_answer(std::string_view body, std::string_view root_name,
                                 std::string_view element) {
  FRESHET_TRY(XmlElement root, parse_xml(body));
  std::string_view text = root.text_of(element);
  if (root.name != root_name || text.empty()) {
    return not_s3("it has no " + std::string(element));
  }
  return std::string(text);
}

std::optional<std::int64_t> parse_http_date_us(std::string_view text) {
  static constexpr std::array<std::string_view, 12> kMonths = {
      "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  // "Sun, 22 Nov 2026 10:00:00 GMT"
  if (text.size() != 29 || text.substr(25) != " GMT" || text[16] != ' ') return std::nullopt;
  for (std::size_t i = 0; i < kMonths.size(); ++i) {
    if (text.substr(8, 3) != kMonths[i]) continue;
    std::string month = (i < 9 ? "0" : "") + std::to_string(i + 1);
    std::string rfc3339 = std::string(text.substr(12, 4)) + "-" + month + "-" +
                          std::string(text.substr(5, 2)) + "T" + std::string(text.substr(17, 8)) +
                          "Z";
    return parse_rfc3339_us(rfc3339);
  }
  return std::nullopt;
}

}  // namespace freshet::object_store
