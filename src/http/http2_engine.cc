// HTTP/2 with prior knowledge (RFC 9113) on the server's side, over nghttp2's session without its
// own I/O. nghttp2 checks frames, header compression, flow control and the message rules
// (lower-case names, pseudo-headers first, no Connection header, Content-Length agrees); we add our
// limits.
#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <cstring>
#include <unordered_map>

#include "common/check.h"
#include "http/engine.h"
#include "http/response_writer.h"
#include "http/syntax.h"

namespace freshet::http {

namespace {

// Large windows: a 10 MiB PutRecords must not wait for a round trip every 64 KiB. What is really
// buffered is bounded by the memory budget, not by the windows.
constexpr std::int32_t kStreamWindowBytes = 1 << 20;
constexpr std::int32_t kConnectionWindowBytes = 16 << 20;
constexpr std::int64_t kCheckBodiesEveryNs = 1'000'000'000;

struct Stream {
  std::int32_t id = 0;
  Request request;
  BudgetHold hold;  // of the request until it is handed on, then of the answer
  std::size_t head_bytes = 0;
  bool head_too_large = false;
  bool head_complete = false;
  bool request_complete = false;
  bool answered = false;  // by us or by the handler; what still comes is forgotten
  std::uint64_t body_limit = 0;
  std::uint64_t body_received = 0;
  std::int64_t body_started_ns = 0;
  Response response;
  std::size_t body_sent = 0;
};

nghttp2_nv name_value(const std::string& name, const std::string& value) {
  return {reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data())),
          reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data())), name.size(),
          value.size(), NGHTTP2_NV_FLAG_NONE};
}

// HTTP/2 has no place for these (RFC 9113 section 8.2.2), and nghttp2 adds what it needs.
bool is_connection_header(std::string_view name) {
  return name == "connection" || name == "keep-alive" || name == "transfer-encoding" ||
         name == "upgrade" || name == "proxy-connection";
}

// Owned by ServerConnection; loop thread only.
class Http2Engine : public Engine {
 public:
  Http2Engine(EngineContext context, std::int64_t now_ns)
      : context_(std::move(context)),
        limits_(context_.options->limits),
        now_ns_(now_ns),
        active_ns_(now_ns) {
    open_session();
  }
  ~Http2Engine() override { nghttp2_session_del(session_); }
  Http2Engine(const Http2Engine&) = delete;
  Http2Engine& operator=(const Http2Engine&) = delete;

  void on_bytes(std::string_view bytes, std::int64_t now_ns) override {
    now_ns_ = now_ns;
    active_ns_ = now_ns;
    ssize_t taken = nghttp2_session_mem_recv(
        session_, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    // What the session cannot go on from (out of memory, a flood, no preface).
    if (taken < 0) closing_ = true;
  }

  void on_end(std::int64_t now_ns) override {
    now_ns_ = now_ns;
    peer_ended_ = true;
    // The rest of these will never come.
    for (auto& [id, stream] : streams_) {
      if (!stream.request_complete) reset(stream, NGHTTP2_CANCEL);
    }
  }

  void on_deadline(std::int64_t now_ns) override {
    now_ns_ = now_ns;
    if (streams_.empty()) {
      if (now_ns >= idle_deadline_ns()) terminate();
      return;
    }
    bodies_checked_ns_ = now_ns;
    if (head_started_ns_ != 0 && now_ns - head_started_ns_ > limits_.head_deadline_us * 1'000) {
      terminate();
    }
    refuse_slow_bodies();
  }

  void stop(std::int64_t now_ns) override {
    now_ns_ = now_ns;
    // Open streams finish; new ones are told to go elsewhere.
    FRESHET_CHECK(nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE,
                                        nghttp2_session_get_last_proc_stream_id(session_),
                                        NGHTTP2_NO_ERROR, nullptr, 0) == 0);
    stopping_ = true;
  }

  void respond(std::uint64_t id, Response&& response, BudgetHold hold,
               std::int64_t now_ns) override {
    now_ns_ = now_ns;
    active_ns_ = now_ns;
    --in_flight_;
    auto found = streams_.find(static_cast<std::int32_t>(id));
    if (found == streams_.end()) return;
    found->second.hold = std::move(hold);
    submit(found->second, std::move(response));
  }

  void take_output(std::vector<std::string>& to, std::size_t bytes_max) override {
    std::string output;
    while (output.size() < bytes_max) {
      const std::uint8_t* frame = nullptr;
      ssize_t bytes = nghttp2_session_mem_send(session_, &frame);
      if (bytes < 0) closing_ = true;
      if (bytes <= 0) break;
      output.append(reinterpret_cast<const char*>(frame), static_cast<std::size_t>(bytes));
    }
    if (!output.empty()) to.push_back(std::move(output));
  }

  bool wants_bytes() const override { return !closing_ && !peer_ended_; }

  bool wants_close() const override {
    if (closing_) return true;
    bool quiet = nghttp2_session_want_write(session_) == 0;
    // After the peer's GOAWAY nghttp2 wants to read as long as a stream is open.
    bool finished = nghttp2_session_want_read(session_) == 0 || stopping_ || peer_ended_;
    return quiet && finished && streams_.empty();
  }

  std::int64_t deadline_ns() const override {
    if (streams_.empty()) return idle_deadline_ns();
    return bodies_checked_ns_ + kCheckBodiesEveryNs;
  }

 private:
  static Http2Engine& self(void* user_data) { return *static_cast<Http2Engine*>(user_data); }

  void open_session() {
    nghttp2_session_callbacks* callbacks = nullptr;
    FRESHET_CHECK(nghttp2_session_callbacks_new(&callbacks) == 0);
    nghttp2_session_callbacks_set_on_begin_headers_callback(
        callbacks, [](nghttp2_session*, const nghttp2_frame* frame, void* user_data) {
          return self(user_data).on_begin_headers(*frame);
        });
    nghttp2_session_callbacks_set_on_header_callback(
        callbacks, [](nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                      std::size_t name_bytes, const std::uint8_t* value, std::size_t value_bytes,
                      std::uint8_t, void* user_data) {
          return self(user_data).on_header(frame->hd.stream_id,
                                           {reinterpret_cast<const char*>(name), name_bytes},
                                           {reinterpret_cast<const char*>(value), value_bytes});
        });
    nghttp2_session_callbacks_set_on_frame_recv_callback(
        callbacks, [](nghttp2_session*, const nghttp2_frame* frame, void* user_data) {
          return self(user_data).on_frame(*frame);
        });
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
        callbacks, [](nghttp2_session*, std::uint8_t, std::int32_t stream_id,
                      const std::uint8_t* data, std::size_t bytes, void* user_data) {
          return self(user_data).on_data(stream_id, {reinterpret_cast<const char*>(data), bytes});
        });
    nghttp2_session_callbacks_set_on_stream_close_callback(
        callbacks, [](nghttp2_session*, std::int32_t stream_id, std::uint32_t, void* user_data) {
          self(user_data).streams_.erase(stream_id);
          return 0;
        });
    nghttp2_option* option = nullptr;
    FRESHET_CHECK(nghttp2_option_new(&option) == 0);
    nghttp2_option_set_max_settings(option, 32);
    int made = nghttp2_session_server_new2(&session_, callbacks, this, option);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    FRESHET_CHECK(made == 0);
    submit_settings();
  }

  void submit_settings() {
    const nghttp2_settings_entry entries[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, static_cast<std::uint32_t>(limits_.streams_max)},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kStreamWindowBytes},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<std::uint32_t>(limits_.head_bytes_max)},
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0}};
    FRESHET_CHECK(
        nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, entries, std::size(entries)) == 0);
    FRESHET_CHECK(nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0,
                                                        kConnectionWindowBytes) == 0);
  }

  int on_begin_headers(const nghttp2_frame& frame) {
    if (frame.hd.type != NGHTTP2_HEADERS || frame.headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
    Stream& stream = streams_[frame.hd.stream_id];
    stream.id = frame.hd.stream_id;
    stream.request.version = Version::kHttp2;
    stream.request.peer = context_.peer;
    stream.request.peer_is_loopback = context_.peer_is_loopback;
    stream.hold = BudgetHold(context_.options->budget);
    if (streams_.size() == 1) bodies_checked_ns_ = now_ns_;
    head_started_ns_ = now_ns_;
    return 0;
  }

  int on_header(std::int32_t stream_id, std::string_view name, std::string_view value) {
    auto found = streams_.find(stream_id);
    if (found == streams_.end()) return 0;
    Stream& stream = found->second;
    if (stream.head_complete) return 0;                    // trailers carry nothing that we use
    stream.head_bytes += name.size() + value.size() + 32;  // as RFC 9113 section 6.5.2 counts
    if (stream.head_bytes > limits_.head_bytes_max ||
        stream.request.headers.size() >= limits_.headers_max) {
      stream.head_too_large = true;
      return 0;
    }
    if (name == ":method") {
      stream.request.method = value;
    } else if (name == ":path") {
      stream.request.target = value;
    } else if (name == ":scheme") {
      stream.request.scheme = value;
    } else {
      stream.request.headers.push_back({std::string(name), std::string(trim_blanks(value))});
    }
    return 0;
  }

  int on_frame(const nghttp2_frame& frame) {
    bool headers = frame.hd.type == NGHTTP2_HEADERS;
    if (headers) head_started_ns_ = 0;
    if (!headers && frame.hd.type != NGHTTP2_DATA) return 0;
    auto found = streams_.find(frame.hd.stream_id);
    if (found == streams_.end()) return 0;
    Stream& stream = found->second;
    if (headers && !stream.head_complete) {
      stream.head_complete = true;
      admit(stream);
    }
    if ((frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) finish(stream);
    return 0;
  }

  void admit(Stream& stream) {
    const ServerOptions& options = *context_.options;
    Request& request = stream.request;
    stream.body_started_ns = now_ns_;
    if (in_flight_ >= 2 * limits_.streams_max) {
      // Streams that the peer resets free their place, but their handlers still run: a peer that
      // opens and resets without end (CVE-2023-44487) must not pile them up.
      stream.answered = true;
      return reset(stream, NGHTTP2_REFUSED_STREAM);
    }
    if (stream.head_too_large) return refuse(stream, 431, "the head is too long");
    if (request.method == "CONNECT") return refuse(stream, 501, "CONNECT is not offered");
    if (!is_origin_form(request.target)) {
      return refuse(stream, 400, "the path must start with '/'");
    }
    stream.body_limit = options.body_limit ? options.body_limit(request) : 1 << 20;
    std::uint64_t length = 0;
    if (auto declared = request.header("content-length")) {
      length = parse_content_length(*declared).value_or(UINT64_MAX);
    }
    if (length > stream.body_limit) return refuse_long(stream);
    if (!stream.hold.would_fit(length) || !stream.hold.grow_to(1)) return refuse_full(stream);
    if (length > 0) request.body.reserve(length + kBodySpareBytes);
  }

  int on_data(std::int32_t stream_id, std::string_view bytes) {
    auto found = streams_.find(stream_id);
    if (found == streams_.end()) return 0;
    Stream& stream = found->second;
    stream.body_received += bytes.size();
    if (stream.answered) return 0;
    if (stream.body_received > stream.body_limit) {
      refuse_long(stream);
      return 0;
    }
    stream.request.body.append(bytes);
    if (!stream.hold.grow_to(stream.request.body.size())) refuse_full(stream);
    return 0;
  }

  void finish(Stream& stream) {
    stream.request_complete = true;
    if (stream.answered) return;
    Request request = std::move(stream.request);
    if (request.body.capacity() < request.body.size() + kBodySpareBytes) {
      request.body.reserve(request.body.size() + kBodySpareBytes);
    }
    ++in_flight_;
    context_.dispatch(static_cast<std::uint64_t>(stream.id), std::move(request),
                      std::move(stream.hold));
  }

  void refuse_long(Stream& stream) {
    refuse(stream, 413, "the body is longer than this request may have");
  }
  void refuse_full(Stream& stream) {
    refuse(stream, 503, "the memory for requests is full; come again");
  }

  // Answers by ourselves. What still comes of the body is counted against its rate and forgotten.
  void refuse(Stream& stream, int status, std::string_view reason) {
    Response response = refusal(*context_.options, status, reason, stream.request);
    stream.request = Request();
    stream.hold.release();
    submit(stream, std::move(response));
  }

  void submit(Stream& stream, Response&& response) {
    stream.answered = true;
    stream.response = std::move(response);
    std::vector<std::pair<std::string, std::string>> headers;
    headers.reserve(stream.response.headers.size() + 3);
    headers.emplace_back(":status", std::to_string(stream.response.status));
    for (const Header& header : stream.response.headers) {
      std::string name = to_lower(header.name);
      if (!is_connection_header(name)) {
        headers.emplace_back(std::move(name), safe_header_value(header.value));
      }
    }
    headers.emplace_back("date", date_text(context_.options->clock->wall_us()));
    headers.emplace_back("content-length", std::to_string(stream.response.body.size()));
    std::vector<nghttp2_nv> fields;
    fields.reserve(headers.size());
    for (const auto& [name, value] : headers) fields.push_back(name_value(name, value));
    nghttp2_data_provider body;
    body.source.ptr = &stream;
    body.read_callback = &Http2Engine::read_body;
    int submitted = nghttp2_submit_response(session_, stream.id, fields.data(), fields.size(),
                                            stream.response.body.empty() ? nullptr : &body);
    if (submitted != 0) reset(stream, NGHTTP2_INTERNAL_ERROR);
  }

  // The map's nodes do not move, and a stream closed meanwhile is read no more.
  static ssize_t read_body(nghttp2_session*, std::int32_t, std::uint8_t* to, std::size_t bytes_max,
                           std::uint32_t* flags, nghttp2_data_source* source, void*) {
    Stream& stream = *static_cast<Stream*>(source->ptr);
    const std::string& body = stream.response.body;
    std::size_t bytes = std::min(bytes_max, body.size() - stream.body_sent);
    std::memcpy(to, body.data() + stream.body_sent, bytes);
    stream.body_sent += bytes;
    if (stream.body_sent == body.size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(bytes);
  }

  void refuse_slow_bodies() {
    std::vector<Stream*> slow;
    for (auto& [id, stream] : streams_) {
      if (!stream.head_complete || stream.request_complete) continue;
      if (now_ns_ > body_deadline_ns(limits_, stream.body_started_ns, stream.body_received)) {
        slow.push_back(&stream);
      }
    }
    for (Stream* stream : slow) {
      if (!stream->answered) {
        refuse(*stream, 408, "the body came too slowly");
        stream->body_started_ns = now_ns_;  // time to take the answer
        continue;
      }
      FRESHET_CHECK(
          nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream->id, NGHTTP2_CANCEL) == 0);
    }
  }

  // Ends one stream; the connection and its other streams go on.
  void reset(const Stream& stream, std::uint32_t why) {
    FRESHET_CHECK(nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream.id, why) == 0);
  }

  void terminate() {
    FRESHET_CHECK(nghttp2_session_terminate_session(session_, NGHTTP2_NO_ERROR) == 0);
    stopping_ = true;
    if (streams_.empty()) return;
    closing_ = true;
  }

  std::int64_t idle_deadline_ns() const { return active_ns_ + limits_.idle_us * 1'000; }

  EngineContext context_;
  const ServerLimits& limits_;
  nghttp2_session* session_ = nullptr;
  std::unordered_map<std::int32_t, Stream> streams_;
  std::size_t in_flight_ = 0;  // handlers that have not answered, of closed streams too
  bool stopping_ = false;
  bool peer_ended_ = false;
  bool closing_ = false;
  std::int64_t now_ns_;
  std::int64_t active_ns_;
  std::int64_t head_started_ns_ = 0;  // 0: no header block is on its way
  std::int64_t bodies_checked_ns_ = 0;
};

}  // namespace

std::unique_ptr<Engine> make_http2_engine(EngineContext context, std::int64_t now_ns) {
  return std::make_unique<Http2Engine>(std::move(context), now_ns);
}

}  // namespace freshet::http
