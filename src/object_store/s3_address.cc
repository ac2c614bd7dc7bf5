#include "object_store/s3_address.h"

#include "aws/sigv4_canonical.h"
#include "object_store/errors.h"
#include "object_store/object_name.h"

namespace freshet::object_store {
namespace {

Error bad_setting(const std::string& what, std::string_view fault) {
  return Error(Code::kInvalid, kBadUrl, what + " is refused: " + std::string(fault));
}

bool is_bucket(std::string_view text) {
  if (text.size() < 3 || text.size() > 63) return false;
  for (char c : text) {
    bool is_fine = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
    if (!is_fine) return false;
  }
  return text.find("..") == std::string_view::npos && text.front() != '.' && text.back() != '.';
}

bool is_region(std::string_view text) {
  for (char c : text) {
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-')) return false;
  }
  return !text.empty();
}

// "https://host:port/base" in its parts. A user or a query in it would go nowhere.
Status take_endpoint(S3Address& to, std::string url) {
  std::string what = "the endpoint " + in_quotes(url);
  bool is_plain = url.starts_with("http://");
  if (!is_plain && !url.starts_with("https://")) {
    return bad_setting(what, "it must start with https:// or http://");
  }
  while (url.ends_with('/')) url.pop_back();
  std::size_t begin = is_plain ? 7 : 8;
  std::size_t slash = url.find('/', begin);
  to.origin = url.substr(0, slash);
  to.host = to.origin.substr(begin < to.origin.size() ? begin : to.origin.size());
  if (slash != std::string::npos) to.base_path = url.substr(slash);
  bool is_whole = !to.host.empty();
  for (char c : url) {
    auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte >= 0x7F || c == '@' || c == '?' || c == '#') is_whole = false;
  }
  if (!is_whole) return bad_setting(what, "give scheme, host and port only");
  std::string_view default_port = is_plain ? ":80" : ":443";
  if (to.host.ends_with(default_port)) to.host.resize(to.host.size() - default_port.size());
  return ok();
}

Status take_url(S3Address& to, const std::string& url) {
  std::string rest = url.substr(std::string_view("s3://").size());
  std::size_t slash = rest.find('/');
  to.bucket = rest.substr(0, slash);
  if (slash != std::string::npos) to.prefix = rest.substr(slash + 1);
  if (!is_bucket(to.bucket)) {
    return bad_setting("the bucket of " + in_quotes(url), "give s3://BUCKET/PREFIX");
  }
  if (to.prefix.ends_with('/')) to.prefix.pop_back();
  if (to.prefix.empty()) return ok();
  // With the longest name it must stay below S3's 1,024 bytes.
  if (to.prefix.size() > 300 || !check_name(to.prefix)) {
    return bad_setting("the prefix of " + in_quotes(url),
                       "it is longer than 300 bytes, or no name");
  }
  to.prefix += '/';
  return ok();
}

}  // namespace

std::string percent_encoded(std::string_view text) {
  std::string made;
  aws::append_percent_encoded(made, text);
  return made;
}

std::string S3Address::path_of(std::string_view name) const {
  std::string path = base_path + "/";
  std::string key = prefix + std::string(name);
  for (std::size_t at = 0; at < key.size();) {
    std::size_t end = std::min(key.find('/', at), key.size());
    aws::append_percent_encoded(path, std::string_view(key).substr(at, end - at));
    if (end < key.size()) path += '/';
    at = end + 1;
  }
  return path;
}

Result<S3Address> make_s3_address(const std::string& url, const S3Settings& settings,
                                  const std::string& region, const std::string& endpoint_url) {
  S3Address made;
  FRESHET_TRY_STATUS(take_url(made, url));
  const std::string& endpoint =
      settings.endpoint_url.empty() ? endpoint_url : settings.endpoint_url;
  made.region = settings.region.empty() ? region : settings.region;
  // A server of one's own mostly does not care, and us-east-1 is what those that do call theirs.
  if (made.region.empty() && !endpoint.empty()) made.region = "us-east-1";
  if (made.region.empty()) {
    return bad_setting("the region of " + in_quotes(url),
                       "none is named: set it, or AWS_REGION, or the profile's region");
  }
  if (!is_region(made.region)) {
    return bad_setting("the region " + in_quotes(made.region), "it must be like eu-central-1");
  }
  bool has_dot = made.bucket.find('.') != std::string::npos;
  bool path_style = settings.path_style.value_or(!endpoint.empty() || has_dot);
  std::string_view domain = made.region.starts_with("cn-") ? ".amazonaws.com.cn" : ".amazonaws.com";
  FRESHET_TRY_STATUS(take_endpoint(
      made, endpoint.empty() ? "https://s3." + made.region + std::string(domain) : endpoint));
  if (path_style) {
    made.base_path += "/" + made.bucket;
  } else {
    std::size_t begin = made.origin.find("://") + 3;
    made.origin.insert(begin, made.bucket + ".");
    made.host = made.bucket + "." + made.host;
  }
  return made;
}

}  // namespace freshet::object_store
