// A request and its answer, the same for HTTP/1.1 and HTTP/2.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace freshet::http {

struct Header {
  std::string name;   // lower case
  std::string value;  // outer blanks removed, else as it came
};

enum class Version { kHttp11, kHttp2 };

struct Request {
  std::string method;
  std::string target;  // as sent: path and query, undecoded
  std::string scheme;  // "http"
  Version version = Version::kHttp11;
  std::vector<Header> headers;  // in order of arrival; in HTTP/2 also ":authority"
  std::string body;
  std::string peer;  // "127.0.0.1:51234"
  bool peer_is_loopback = false;

  // The part of target before '?', and the part behind it ("" where there is none).
  std::string_view path() const;
  std::string_view query() const;
  // The first header of that lower-case name, and how many there are.
  std::optional<std::string_view> header(std::string_view name) const;
  std::size_t header_count(std::string_view name) const;
};

struct Response {
  int status = 200;
  std::vector<Header> headers;  // Date, Content-Length and Connection are added by the connection
  std::string body;
};

// Must be called exactly once, from any thread.
using Respond = std::function<void(Response)>;
// Called on a net thread: must not wait on disk, a lock held for long, or a query.
using Handler = std::function<void(Request&&, Respond)>;

}  // namespace freshet::http
