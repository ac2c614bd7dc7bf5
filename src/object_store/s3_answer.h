// What S3's answers say: pages of a list, refusals, ids, times.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/result.h"
#include "object_store/http_transport.h"
#include "object_store/object_store.h"

namespace freshet::object_store {

// S3's own word for a refusal: "SlowDown", "AccessDenied". Both "" where the body has none (HEAD).
struct S3Refusal {
  std::string code;
  std::string message;
};
S3Refusal refusal_of(const std::string& body);

// What a failed request is for the caller. `url` of the object or the listing.
Error s3_error(const HttpAnswer& answer, const S3Refusal& refusal, const std::string& url,
               const std::string& region);

struct S3Listing {
  std::vector<ObjectInfo> objects;  // with the keys as they are, the store's prefix included
  bool is_truncated = false;
};
// The body of ListObjectsV2 with encoding-type=url. FRS-3709 where it is not one.
Result<S3Listing> parse_listing(std::string_view body);

// The text of one element of a root: the id of an upload. FRS-3709 where it is missing.
Result<std::string> parse_answer(std::string_view body, std::string_view root,
                                 std::string_view element);

// "Sun, 22 Nov 2026 10:00:00 GMT" (RFC 9110 section 5.6.7), in microseconds.
std::optional<std::int64_t> parse_http_date_us(std::string_view text);

// Without its quotes.
std::string bare_etag(std::string_view etag);

}  // namespace freshet::object_store
