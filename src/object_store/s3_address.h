// Where a bucket is: the host that is asked, and the path of an object there.
#pragma once

#include <string>

#include "common/result.h"
#include "object_store/object_store.h"

namespace freshet::object_store {

struct S3Address {
  std::string bucket;
  std::string prefix;  // of every name; "" or ends with "/"
  std::string region;
  std::string origin;     // "https://host:port"
  std::string host;       // for the Host header, which is signed: with the port unless the default
  std::string base_path;  // "", "/bucket", or what the endpoint brings along

  // Percent-encoded but for "/", as S3 signs it.
  std::string path_of(std::string_view name) const;
};

// `url` is "s3://bucket/prefix". `region` and `endpoint_url` are those of the profile, for where
// the settings name none. FRS-3702.
Result<S3Address> make_s3_address(const std::string& url, const S3Settings& settings,
                                  const std::string& region, const std::string& endpoint_url);

// For a query: "/" encoded too.
std::string percent_encoded(std::string_view text);

}  // namespace freshet::object_store
