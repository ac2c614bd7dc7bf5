// How a request leaves and its answer comes: the seam between S3's rules and the network. Two real
// sides: libcurl, and a script in tests.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace freshet::object_store {

struct HttpHeader {
  std::string name;  // lower case
  std::string value;
};

struct HttpRequest {
  std::string method;
  std::string origin;  // "https://host:port"
  std::string target;  // path and query, encoded
  std::vector<HttpHeader> headers;
  std::string_view body;  // must outlive the call
  // Not over a connection that was used before: a library may then send the request again where
  // the old connection turns out to be dead, and hide from us that it may have been done twice.
  bool on_fresh_connection = false;
  std::int64_t timeout_us = 0;
  std::uint64_t answer_bytes_max = 0;
};

struct HttpAnswer {
  int status = 0;
  std::vector<HttpHeader> headers;
  std::string body;

  std::optional<std::string> header(std::string_view name) const {
    for (const HttpHeader& each : headers) {
      if (each.name == name) return each.value;
    }
    return std::nullopt;
  }
};

struct HttpOutcome {
  enum class Kind {
    kAnswered,
    kNotSent,         // no connection: nothing can have been done
    kNoAnswer,        // sent in part or whole
    kBadCertificate,  // of the server; nothing was sent
    kOverlong,        // the answer is more than answer_bytes_max
  };
  Kind kind = Kind::kNotSent;
  HttpAnswer answer;  // kAnswered
  bool timed_out = false;
  std::string fault;  // in words, else
};

// Any number of threads.
class HttpTransport {
 public:
  virtual ~HttpTransport() = default;
  virtual HttpOutcome send(const HttpRequest& request) = 0;
  // Between two tries.
  virtual void wait_us(std::int64_t us) = 0;
};

// Verifies certificates, follows no redirect, speaks HTTP/1.1, keeps connections.
// `certificate_file`: authorities in PEM; "" for the system's.
std::unique_ptr<HttpTransport> make_curl_transport(std::string certificate_file,
                                                   std::int64_t connect_timeout_us);

}  // namespace freshet::object_store
