#include <curl/curl.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "common/check.h"
#include "common/mutex.h"
#include "object_store/http_transport.h"

namespace freshet::object_store {
namespace {

constexpr std::size_t kHandlesKept = 16;
constexpr std::size_t kHeaderBytesMax = 64 * 1024;

// What the callbacks fill.
struct Receiving {
  HttpAnswer answer;
  std::uint64_t body_bytes_max = 0;
  std::size_t header_bytes = 0;
  bool too_large = false;
};

// Callbacks are noexcept: an exception must not pass through C.
std::size_t take_body(char* bytes, std::size_t, std::size_t count, void* to) noexcept {
  auto& receiving = *static_cast<Receiving*>(to);
  std::string& body = receiving.answer.body;
  receiving.too_large = count > receiving.body_bytes_max - body.size();
  if (receiving.too_large) return 0;
  body.append(bytes, count);
  return count;
}

std::string trimmed_lower(std::string_view text, bool lower) {
  while (!text.empty() && std::string_view(" \t\r\n").find(text.back()) != std::string_view::npos)
    text.remove_suffix(1);
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  std::string made(text);
  if (!lower) return made;
  for (char& c : made) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return made;
}

std::size_t take_header(char* bytes, std::size_t, std::size_t count, void* to) noexcept {
  auto& receiving = *static_cast<Receiving*>(to);
  std::string_view line(bytes, count);
  receiving.header_bytes += count;
  receiving.too_large = receiving.header_bytes > kHeaderBytesMax;
  if (receiving.too_large) return 0;
  // Each answer, a "100 Continue" too, begins with its status line.
  if (line.starts_with("HTTP/")) receiving.answer.headers.clear();
  std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || line.starts_with("HTTP/")) return count;
  receiving.answer.headers.push_back(
      {trimmed_lower(line.substr(0, colon), true), trimmed_lower(line.substr(colon + 1), false)});
  return count;
}

template <typename Value>
void set(CURL* handle, CURLoption option, Value value) {
  CURLcode set = curl_easy_setopt(handle, option, value);
  FRESHET_CHECK(set == CURLE_OK);  // an option that this libcurl does not know
}

class HeaderList {
 public:
  HeaderList() = default;
  HeaderList(const HeaderList&) = delete;
  HeaderList& operator=(const HeaderList&) = delete;
  ~HeaderList() { curl_slist_free_all(first_); }
  void add(const std::string& line) {
    curl_slist* longer = curl_slist_append(first_, line.c_str());
    FRESHET_CHECK(longer != nullptr);
    first_ = longer;
  }
  curl_slist* get() const { return first_; }

 private:
  curl_slist* first_ = nullptr;
};

class CurlTransport : public HttpTransport {
 public:
  CurlTransport(std::string certificate_file, std::int64_t connect_timeout_us)
      : certificate_file_(std::move(certificate_file)), connect_timeout_us_(connect_timeout_us) {
    static const CURLcode once = curl_global_init(CURL_GLOBAL_DEFAULT);
    FRESHET_CHECK(once == CURLE_OK);
  }
  ~CurlTransport() override {
    for (CURL* handle : idle_) curl_easy_cleanup(handle);
  }

  HttpOutcome send(const HttpRequest& request) override;
  void wait_us(std::int64_t us) override {
    std::this_thread::sleep_for(std::chrono::microseconds(us));
  }

 private:
  CURL* take_handle();
  void give_back(CURL* handle);
  void prepare(CURL* handle, const HttpRequest& request, const std::string& url,
               curl_slist* headers, Receiving& receiving);
  static void prepare_method(CURL* handle, const HttpRequest& request);

  const std::string certificate_file_;
  const std::int64_t connect_timeout_us_;
  Mutex mutex_;
  std::vector<CURL*> idle_ FRESHET_GUARDED_BY(mutex_);  // each with its connections
};

CURL* CurlTransport::take_handle() {
  {
    MutexLock hold(mutex_);
    if (!idle_.empty()) {
      CURL* handle = idle_.back();
      idle_.pop_back();
      return handle;
    }
  }
  CURL* handle = curl_easy_init();
  FRESHET_CHECK(handle != nullptr);
  return handle;
}

void CurlTransport::give_back(CURL* handle) {
  curl_easy_reset(handle);  // keeps the connections
  {
    MutexLock hold(mutex_);
    if (idle_.size() < kHandlesKept) {
      idle_.push_back(handle);
      return;
    }
  }
  curl_easy_cleanup(handle);
}

void CurlTransport::prepare_method(CURL* handle, const HttpRequest& request) {
  if (request.method == "HEAD") {
    set(handle, CURLOPT_NOBODY, 1L);
  } else if (request.method == "GET") {
    set(handle, CURLOPT_HTTPGET, 1L);
  } else if (request.method == "DELETE") {
    set(handle, CURLOPT_CUSTOMREQUEST, "DELETE");
  } else {
    set(handle, CURLOPT_POSTFIELDS, request.body.empty() ? "" : request.body.data());
    set(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    set(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  }
}

void CurlTransport::prepare(CURL* handle, const HttpRequest& request, const std::string& url,
                            curl_slist* headers, Receiving& receiving) {
  set(handle, CURLOPT_URL, url.c_str());
  set(handle, CURLOPT_PATH_AS_IS, 1L);  // the path is signed
  set(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  set(handle, CURLOPT_FOLLOWLOCATION, 0L);
  set(handle, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(handle, CURLOPT_SSL_VERIFYPEER, 1L);
  set(handle, CURLOPT_SSL_VERIFYHOST, 2L);
  set(handle, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!certificate_file_.empty()) set(handle, CURLOPT_CAINFO, certificate_file_.c_str());
  set(handle, CURLOPT_NOSIGNAL, 1L);  // threads
  set(handle, CURLOPT_CONNECTTIMEOUT_MS,
      static_cast<long>(std::min(connect_timeout_us_, request.timeout_us) / 1000 + 1));
  set(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout_us / 1000 + 1));
  set(handle, CURLOPT_FRESH_CONNECT, request.on_fresh_connection ? 1L : 0L);
  set(handle, CURLOPT_TCP_NODELAY, 1L);
  set(handle, CURLOPT_HTTPHEADER, headers);
  set(handle, CURLOPT_WRITEFUNCTION, &take_body);
  set(handle, CURLOPT_WRITEDATA, static_cast<void*>(&receiving));
  set(handle, CURLOPT_HEADERFUNCTION, &take_header);
  set(handle, CURLOPT_HEADERDATA, static_cast<void*>(&receiving));
  prepare_method(handle, request);
}

// Whether anything of the request can have reached the server.
HttpOutcome::Kind kind_of(CURLcode code, CURL* handle) {
  switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
      return HttpOutcome::Kind::kBadCertificate;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
    case CURLE_SSL_CONNECT_ERROR:
      return HttpOutcome::Kind::kNotSent;
    default:
      break;
  }
  // Set once a connection, with its TLS, is there and the request begins.
  curl_off_t begun_us = 0;
  bool is_known = curl_easy_getinfo(handle, CURLINFO_PRETRANSFER_TIME_T, &begun_us) == CURLE_OK;
  return is_known && begun_us == 0 ? HttpOutcome::Kind::kNotSent : HttpOutcome::Kind::kNoAnswer;
}

HttpOutcome CurlTransport::send(const HttpRequest& request) {
  HeaderList headers;
  for (const HttpHeader& header : request.headers) headers.add(header.name + ": " + header.value);
  // Not libcurl's own: "Expect: 100-continue" costs a round trip, the form's type is wrong.
  headers.add("Expect:");
  if (request.method == "PUT" || request.method == "POST") headers.add("Content-Type:");
  std::string url = request.origin + request.target;
  Receiving receiving;
  receiving.body_bytes_max = request.answer_bytes_max;
  CURL* handle = take_handle();
  prepare(handle, request, url, headers.get(), receiving);
  CURLcode code = curl_easy_perform(handle);
  HttpOutcome outcome;
  if (code == CURLE_OK) {
    long status = 0;
    FRESHET_CHECK(curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK);
    outcome.kind = HttpOutcome::Kind::kAnswered;
    outcome.answer = std::move(receiving.answer);
    outcome.answer.status = static_cast<int>(status);
  } else {
    outcome.kind = receiving.too_large ? HttpOutcome::Kind::kOverlong : kind_of(code, handle);
    outcome.timed_out = code == CURLE_OPERATION_TIMEDOUT;
    outcome.fault = curl_easy_strerror(code);
  }
  give_back(handle);
  return outcome;
}

}  // namespace

std::unique_ptr<HttpTransport> make_curl_transport(std::string certificate_file,
                                                   std::int64_t connect_timeout_us) {
  return std::make_unique<CurlTransport>(std::move(certificate_file), connect_timeout_us);
}

}  // namespace freshet::object_store
