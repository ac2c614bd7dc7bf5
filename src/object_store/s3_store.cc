// What S3 gives: reading and listing, and removing. s3_store_put.cc puts.
#include "object_store/s3_store.h"

#include <algorithm>
#include <charconv>

#include "common/bytes.h"
#include "common/crc32c.h"
#include "object_store/errors.h"
#include "object_store/object_name.h"
#include "object_store/s3_metadata.h"

namespace freshet::object_store {
namespace {

Error damaged(const std::string& url, std::string_view how) {
  return Error(Code::kCorruption, kDamaged,
               url + " is not what was put: " + std::string(how) +
                   "; read it again, and if that gives the same, restore or make it anew");
}

std::optional<std::uint64_t> number_of(std::string_view text) {
  std::uint64_t number = 0;
  auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  bool is_whole = failed == std::errc() && end == text.data() + text.size();
  return is_whole && !text.empty() ? std::optional(number) : std::nullopt;
}

// "bytes 3-6/10": first, last, size of the object.
struct ContentRange {
  std::uint64_t first;
  std::uint64_t last;
  std::uint64_t size;
};

std::optional<ContentRange> content_range_of(const HttpAnswer& answer) {
  std::string text = answer.header("content-range").value_or("");
  std::size_t dash = text.find('-');
  std::size_t slash = text.find('/');
  if (!text.starts_with("bytes ") || dash == std::string::npos || slash == std::string::npos ||
      dash > slash) {
    return std::nullopt;
  }
  auto first = number_of(std::string_view(text).substr(6, dash - 6));
  auto last = number_of(std::string_view(text).substr(dash + 1, slash - dash - 1));
  auto size = number_of(std::string_view(text).substr(slash + 1));
  if (!first || !last || !size) return std::nullopt;
  return ContentRange{*first, *last, *size};
}

}  // namespace

S3Store::S3Store(std::unique_ptr<S3Client> client, const Settings& settings, Machine machine)
    : client_(std::move(client)),
      settings_(settings),
      machine_(machine),
      root_url_("s3://" + client_->address().bucket + "/" + client_->address().prefix) {}

Result<std::unique_ptr<ObjectStore>> S3Store::open(const std::string& url, const Settings& settings,
                                                   Machine machine) {
  Environment environment = process_environment();
  FRESHET_TRY(AwsProfile profile, AwsProfile::load(environment, machine.disk));
  FRESHET_TRY(S3Address address,
              make_s3_address(url, settings.s3, profile.region(), profile.endpoint_url()));
  auto transport =
      make_curl_transport(settings.s3.certificate_file, settings.s3.connect_timeout_us);
  auto client = std::make_unique<S3Client>(std::move(address), settings.s3, std::move(environment),
                                           machine, std::move(transport));
  return std::unique_ptr<ObjectStore>(
      std::make_unique<S3Store>(std::move(client), settings, machine));
}

S3Request S3Store::request(std::string method, const std::string& name) const {
  S3Request made;
  made.method = std::move(method);
  made.path = client_->address().path_of(name);
  return made;
}

// A HEAD's refusal has no body, and so no reason: a GET of the same has.
Error S3Store::error_of_head(const std::string& name, const S3Exchange& exchange) {
  if (exchange.failure) return *exchange.failure;
  S3Request asked = request("GET", name);
  asked.headers = {{"range", "bytes=0-0"}};
  S3Exchange told = client_->call(asked, url_of(name));
  bool is_refusal = told.answer && told.answer->status >= 300 && !told.refusal.code.empty();
  return client_->error_of(is_refusal ? told : exchange, url_of(name));
}

Result<S3Store::Seen> S3Store::look(const std::string& name) {
  S3Exchange exchange = client_->call(request("HEAD", name), url_of(name));
  if (exchange.has_status(404)) return no_object(url_of(name));
  if (!exchange.has_status(200)) return error_of_head(name, exchange);
  const HttpAnswer& answer = *exchange.answer;
  auto bytes = number_of(answer.header("content-length").value_or(""));
  auto modified_us = parse_http_date_us(answer.header("last-modified").value_or(""));
  std::string etag = bare_etag(answer.header("etag").value_or(""));
  if (!bytes || !modified_us || etag.empty()) {
    return damaged(url_of(name), "the answer lacks its size, time or etag");
  }
  return Seen{{name, *bytes, etag, *modified_us}, answer.header(kTokenHeader).value_or("")};
}

Result<ObjectInfo> S3Store::head(const std::string& name) {
  FRESHET_TRY_STATUS(check_name(name));
  FRESHET_TRY(Seen seen, look(name));
  return std::move(seen.info);
}

Result<std::string> S3Store::get(const std::string& name) {
  FRESHET_TRY_STATUS(check_name(name));
  S3Request asked = request("GET", name);
  asked.answer_bytes_max = settings_.get_bytes_max;
  S3Exchange exchange = client_->call(asked, url_of(name));
  if (exchange.has_status(404) && exchange.refusal.code != "NoSuchBucket") {
    return no_object(url_of(name));
  }
  if (!exchange.has_status(200)) return client_->error_of(exchange, url_of(name));
  HttpAnswer& answer = *exchange.answer;
  auto crc = answer.header(kCrcHeader);
  if (crc && *crc != crc_text(crc32c(0, as_bytes_of(answer.body)))) {
    return damaged(url_of(name), "its CRC32C differs from the one it was put with");
  }
  return std::move(answer.body);
}

Result<std::string> S3Store::get_range(const std::string& name, std::uint64_t offset,
                                       std::uint64_t bytes) {
  FRESHET_TRY_STATUS(check_name(name));
  if (bytes > settings_.get_bytes_max) {
    return too_large(url_of(name), bytes, settings_.get_bytes_max);
  }
  // HTTP has no empty range; whether there is such an object is answered all the same.
  if (bytes == 0) {
    FRESHET_TRY(Seen seen, look(name));
    return std::string();
  }
  std::uint64_t last =
      offset > ~std::uint64_t{0} - bytes ? ~std::uint64_t{0} >> 1 : offset + bytes - 1;
  S3Request asked = request("GET", name);
  asked.headers = {{"range", "bytes=" + std::to_string(offset) + "-" + std::to_string(last)}};
  // Refusals come with a body too.
  asked.answer_bytes_max = std::max<std::uint64_t>(bytes, 64 * 1024);
  S3Exchange exchange = client_->call(asked, url_of(name));
  if (exchange.has_status(416)) return std::string();
  if (exchange.has_status(404) && exchange.refusal.code != "NoSuchBucket") {
    return no_object(url_of(name));
  }
  if (exchange.has_status(206) || exchange.has_status(200)) {
    return take_range(*exchange.answer, {offset, bytes}, url_of(name));
  }
  return client_->error_of(exchange, url_of(name));
}

// Servers may answer with the whole object (200), and caches with another range.
Result<std::string> S3Store::take_range(const HttpAnswer& answer, const Range& range,
                                        const std::string& url) const {
  if (answer.status == 200) {
    if (range.offset >= answer.body.size()) return std::string();
    return answer.body.substr(range.offset, range.bytes);
  }
  auto got = content_range_of(answer);
  bool is_asked = got && got->first == range.offset && got->last >= got->first &&
                  got->last - got->first + 1 == answer.body.size() &&
                  (answer.body.size() == range.bytes || got->last + 1 == got->size);
  if (is_asked) return answer.body;
  return damaged(url, "another range came than was asked for");
}

Status S3Store::remove(const std::string& name) {
  FRESHET_TRY_STATUS(check_name(name));
  std::string url = url_of(name);
  S3Exchange exchange = client_->call(request("DELETE", name), url);
  bool is_done = exchange.has_status(204) || exchange.has_status(200) ||
                 (exchange.has_status(404) && exchange.refusal.code != "NoSuchBucket");
  if (is_done) return ok();
  Error error = client_->error_of(exchange, url);
  if (!exchange.may_be_done) return error;
  auto seen = look(name);
  if (!seen && seen.error().number() == kNoObject) return ok();
  return outcome_unknown(url, error.to_string());
}

Result<S3Listing> S3Store::list_once(const std::string& prefix, const std::string& after,
                                     std::size_t count_max) {
  const S3Address& address = client_->address();
  S3Request asked;
  asked.method = "GET";
  asked.path = address.base_path.empty() ? "/" : address.base_path;
  asked.query = "encoding-type=url&list-type=2&max-keys=" + std::to_string(count_max) +
                "&prefix=" + percent_encoded(address.prefix + prefix);
  if (!after.empty()) asked.query += "&start-after=" + percent_encoded(address.prefix + after);
  asked.answer_bytes_max = 8 << 20;
  std::string url = url_of(prefix);
  S3Exchange exchange = client_->call(asked, url);
  if (!exchange.has_status(200)) return client_->error_of(exchange, url);
  auto listing = parse_listing(exchange.answer->body);
  if (!listing) return std::move(listing).error().with_context(url);
  return listing;
}

Result<ListPage> S3Store::list_page(const std::string& prefix, const std::string& after,
                                    std::size_t count_max) {
  FRESHET_TRY_STATUS(check_prefix(prefix));
  const std::string& ours = client_->address().prefix;
  ListPage page;
  std::string last = after;
  do {
    FRESHET_TRY(S3Listing listing,
                list_once(prefix, last, std::clamp<std::size_t>(count_max, 1, kPageObjectsMax)));
    for (ObjectInfo& object : listing.objects) {
      std::string name = object.name.substr(std::min(ours.size(), object.name.size()));
      if (object.name != ours + name || !name.starts_with(prefix) || name <= last) {
        return damaged(url_of(prefix), "a list has a name that was not asked for");
      }
      last = name;
      object.name = std::move(name);
      // Not ours: consoles put "folder/" there, other programs what they like.
      if (check_name(object.name)) page.objects.push_back(std::move(object));
    }
    page.more = listing.is_truncated;
  } while (page.more && page.objects.empty());
  return page;
}

}  // namespace freshet::object_store
