#include "http/client.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "http/chunked_decoder.h"
#include "http/head_parser.h"
#include "http/syntax.h"

namespace freshet::http {

namespace {

constexpr std::size_t kHeadBytesMax = 64 * 1024;
constexpr std::size_t kReadBytes = 128 * 1024;

class Deadline {
 public:
  explicit Deadline(std::int64_t us)
      : at_(std::chrono::steady_clock::now() + std::chrono::microseconds(us)) {}
  int left_ms() const {
    auto left =
        std::chrono::ceil<std::chrono::milliseconds>(at_ - std::chrono::steady_clock::now());
    return left.count() < 0 ? 0 : static_cast<int>(left.count());
  }

 private:
  std::chrono::steady_clock::time_point at_;
};

std::string error_text(int error) {
  return std::error_code(error, std::generic_category()).message();
}

struct AddressList {
  addrinfo* first = nullptr;
  ~AddressList() {
    if (first != nullptr) freeaddrinfo(first);
  }
};

}  // namespace

struct Client::State {
  State(std::string h, std::uint16_t p, ClientConfig c)
      : host(std::move(h)), port(p), config(c), buffer(kReadBytes, '\0') {
    host_header = host.find(':') == std::string::npos ? host : "[" + host + "]";
    host_header += ":" + std::to_string(port);
  }
  ~State() { close(); }

  void close() {
    if (socket >= 0) ::close(socket);
    socket = -1;
    received.clear();
  }

  Error broken(std::string what) {
    close();
    return Error(Code::kUnavailable, host_header + ": " + std::move(what));
  }
  Error timed_out(std::string_view what) {
    close();
    return Error(Code::kTimeout, host_header + ": no answer in time while " + std::string(what));
  }
  Error not_http(std::string_view what) {
    close();
    return Error(Code::kCorruption,
                 host_header + ": the answer is not HTTP/1.1: " + std::string(what));
  }

  Status ensure_connected();
  Status connect_to(const addrinfo& address, const Deadline& deadline);
  bool peer_has_closed() const;
  Status wait(short events, const Deadline& deadline, std::string_view what);
  Status send_all(const std::string& head, const std::string& body, const Deadline& deadline);
  Result<std::size_t> receive(const Deadline& deadline);
  Result<std::size_t> receive_head(const Deadline& deadline);
  Result<Response> receive_response(bool to_head_method, const Deadline& deadline);
  Result<Response> parse_response_head(std::string_view head);
  Status receive_body(Response& response, const Deadline& deadline);
  Status receive_chunked(Response& response, const Deadline& deadline);

  const std::string host;
  const std::uint16_t port;
  const ClientConfig config;
  std::string host_header;
  int socket = -1;
  std::string buffer;    // what one receive fills
  std::string received;  // not yet used
  bool keep_alive = true;
};

// A server may close an idle connection at any time; better seen before sending than after.
bool Client::State::peer_has_closed() const {
  char byte;
  ssize_t got = ::recv(socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

Status Client::State::ensure_connected() {
  if (socket >= 0 && (!keep_alive || !received.empty() || peer_has_closed())) close();
  if (socket >= 0) return ok();
  keep_alive = true;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  AddressList list;
  int failed = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list.first);
  if (failed != 0) return broken(std::string("unknown host: ") + gai_strerror(failed));
  Deadline deadline(config.connect_timeout_us);
  Status last = ok();
  for (addrinfo* each = list.first; each != nullptr; each = each->ai_next) {
    last = connect_to(*each, deadline);
    if (last) return ok();
  }
  return last;
}

Status Client::State::connect_to(const addrinfo& address, const Deadline& deadline) {
  socket = ::socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (socket < 0) return broken("cannot make a socket: " + error_text(errno));
  int on = 1;
  if (setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0) {
    return broken("cannot set TCP_NODELAY: " + error_text(errno));
  }
  if (::connect(socket, address.ai_addr, address.ai_addrlen) != 0 && errno != EINPROGRESS) {
    return broken("cannot connect: " + error_text(errno) + "; is the server running?");
  }
  FRESHET_TRY_STATUS(wait(POLLOUT, deadline, "connecting"));
  int error = 0;
  socklen_t bytes = sizeof error;
  getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &bytes);
  if (error != 0)
    return broken("cannot connect: " + error_text(error) + "; is the server running?");
  return ok();
}

Status Client::State::wait(short events, const Deadline& deadline, std::string_view what) {
  pollfd waited{socket, events, 0};
  while (true) {
    int ready = ::poll(&waited, 1, deadline.left_ms());
    if (ready > 0) return ok();
    if (ready == 0) return timed_out(what);
    if (errno != EINTR) return broken("cannot wait: " + error_text(errno));
  }
}

Status Client::State::send_all(const std::string& head, const std::string& body,
                               const Deadline& deadline) {
  std::array<iovec, 2> parts = {iovec{const_cast<char*>(head.data()), head.size()},
                                iovec{const_cast<char*>(body.data()), body.size()}};
  std::size_t left = head.size() + body.size();
  while (left > 0) {
    msghdr message{};
    bool head_sent = parts[0].iov_len == 0;
    message.msg_iov = parts.data() + (head_sent ? 1 : 0);
    message.msg_iovlen = head_sent ? 1 : 2;
    ssize_t sent = ::sendmsg(socket, &message, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      FRESHET_TRY_STATUS(wait(POLLOUT, deadline, "sending"));
      continue;
    }
    // The server may have answered and closed without reading the rest: let receiving tell.
    if (sent < 0 && (errno == EPIPE || errno == ECONNRESET)) return ok();
    if (sent < 0) return broken("cannot send: " + error_text(errno));
    left -= static_cast<std::size_t>(sent);
    for (iovec& part : parts) {
      std::size_t of_part = std::min<std::size_t>(part.iov_len, static_cast<std::size_t>(sent));
      part.iov_base = static_cast<char*>(part.iov_base) + of_part;
      part.iov_len -= of_part;
      sent -= static_cast<ssize_t>(of_part);
    }
  }
  return ok();
}

// Appends what came to `received`; 0 at the end of the connection.
Result<std::size_t> Client::State::receive(const Deadline& deadline) {
  while (true) {
    ssize_t got = ::recv(socket, buffer.data(), buffer.size(), 0);
    if (got >= 0) {
      received.append(buffer, 0, static_cast<std::size_t>(got));
      return static_cast<std::size_t>(got);
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) {
      return broken("the connection broke: " + error_text(errno));
    }
    FRESHET_TRY_STATUS(wait(POLLIN, deadline, "receiving"));
  }
}

Result<std::size_t> Client::State::receive_head(const Deadline& deadline) {
  std::size_t seen = 0;
  while (true) {
    HeadScan scan = scan_head(received, seen);
    if (scan.state == HeadScan::State::kFound) return scan.end;
    if (scan.state == HeadScan::State::kBareLineFeed) return not_http("a line feed alone");
    if (received.size() > kHeadBytesMax) return not_http("its head is too long");
    seen = received.size();
    FRESHET_TRY(std::size_t got, receive(deadline));
    if (got == 0) return broken("the server closed the connection without an answer");
  }
}

Result<Response> Client::State::parse_response_head(std::string_view head) {
  std::size_t end = head.find("\r\n");
  std::string_view line = head.substr(0, end);
  bool digits = line.size() >= 12 && line[9] >= '1' && line[9] <= '5' && line[10] >= '0' &&
                line[10] <= '9' && line[11] >= '0' && line[11] <= '9';
  if (!line.starts_with("HTTP/1.1 ") || !digits) return not_http("no status line");
  Response response;
  response.status = (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
  head.remove_prefix(end + 2);
  while (!head.starts_with("\r\n")) {
    end = head.find("\r\n");
    line = head.substr(0, end);
    head.remove_prefix(end + 2);
    std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) {
      return not_http("a malformed header");
    }
    response.headers.push_back(
        {to_lower(line.substr(0, colon)), std::string(trim_blanks(line.substr(colon + 1)))});
  }
  return response;
}

Result<Response> Client::State::receive_response(bool to_head_method, const Deadline& deadline) {
  while (true) {
    FRESHET_TRY(std::size_t head_bytes, receive_head(deadline));
    FRESHET_TRY(Response response,
                parse_response_head(std::string_view(received).substr(0, head_bytes)));
    received.erase(0, head_bytes);
    if (response.status < 200) continue;  // 100 Continue
    bool empty = to_head_method || response.status == 204 || response.status == 304;
    for (const Header& header : response.headers) {
      if (header.name == "connection" && list_has(header.value, "close")) keep_alive = false;
    }
    if (!empty) FRESHET_TRY_STATUS(receive_body(response, deadline));
    return response;
  }
}

Status Client::State::receive_body(Response& response, const Deadline& deadline) {
  std::optional<std::uint64_t> length;
  for (const Header& header : response.headers) {
    if (header.name == "transfer-encoding") return receive_chunked(response, deadline);
    if (header.name != "content-length") continue;
    length = parse_content_length(header.value);
    if (!length) return not_http("a malformed Content-Length");
  }
  if (length.value_or(0) > config.response_bytes_max) return not_http("its body is too long");
  if (!length) keep_alive = false;  // it ends with the connection
  while (received.size() < length.value_or(config.response_bytes_max + 1)) {
    if (!length && received.size() > config.response_bytes_max) {
      return not_http("its body is too long");
    }
    FRESHET_TRY(std::size_t got, receive(deadline));
    if (got > 0) continue;
    if (length) return broken("the connection ended inside the answer");
    break;
  }
  response.body = received.substr(0, length.value_or(received.size()));
  received.erase(0, response.body.size());
  return ok();
}

Status Client::State::receive_chunked(Response& response, const Deadline& deadline) {
  ChunkedDecoder decoder;
  while (true) {
    std::string_view left = received;
    ChunkedDecoder::State state = decoder.feed(left, &response.body);
    received.erase(0, received.size() - left.size());
    if (state == ChunkedDecoder::State::kDone) return ok();
    if (state == ChunkedDecoder::State::kMalformed) return not_http("malformed chunks");
    if (decoder.announced_bytes() > config.response_bytes_max) {
      return not_http("its body is too long");
    }
    FRESHET_TRY(std::size_t got, receive(deadline));
    if (got == 0) return broken("the connection ended inside the answer");
  }
}

Client::Client(std::unique_ptr<State> state) : state_(std::move(state)) {}
Client::~Client() = default;

Result<std::unique_ptr<Client>> Client::open(const std::string& host, std::uint16_t port,
                                             ClientConfig config) {
  if (host.empty() || port == 0) {
    return Error(Code::kInvalid, "a host and a port above 0 are needed to connect");
  }
  return std::unique_ptr<Client>(new Client(std::make_unique<State>(host, port, config)));
}

const std::string& Client::host_header() const {
  return state_->host_header;
}

Result<Response> Client::request(const Request& request) {
  FRESHET_TRY_STATUS(state_->ensure_connected());
  Deadline deadline(state_->config.request_timeout_us);
  std::string head;
  head.reserve(512);
  head.append(request.method).append(" ").append(request.target).append(" HTTP/1.1\r\n");
  for (const Header& header : request.headers) {
    head.append(header.name).append(": ").append(header.value).append("\r\n");
  }
  if (!request.header("host")) head.append("host: ").append(host_header()).append("\r\n");
  bool has_body = !request.body.empty() || request.method == "POST" || request.method == "PUT";
  if (has_body && !request.header("content-length")) {
    head.append("content-length: ").append(std::to_string(request.body.size())).append("\r\n");
  }
  head.append("\r\n");
  FRESHET_TRY_STATUS(state_->send_all(head, request.body, deadline));
  return state_->receive_response(request.method == "HEAD", deadline);
}

}  // namespace freshet::http
