// HTTP/2 against a client session of nghttp2, in memory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>

#include <cstring>
#include <map>

#include "http/test_connection.h"

namespace freshet::http {
namespace {

using testing::ElementsAre;
using Fields = std::vector<std::pair<std::string, std::string>>;

struct Answer {
  std::map<std::string, std::string> headers;
  std::string body;
  bool closed = false;
  std::uint32_t error_code = 0;
};

// A client whose bytes go to a TestConnection and back.
class Http2Client {
 public:
  explicit Http2Client(TestConnection& connection, bool large_window = true)
      : connection_(connection) {
    nghttp2_session_callbacks* callbacks;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(
        callbacks,
        [](nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t n,
           const std::uint8_t* value, std::size_t v, std::uint8_t, void* self) {
          Answer& answer = static_cast<Http2Client*>(self)->answers[frame->hd.stream_id];
          answer.headers[std::string(reinterpret_cast<const char*>(name), n)] =
              std::string(reinterpret_cast<const char*>(value), v);
          return 0;
        });
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
        callbacks, [](nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* data,
                      std::size_t bytes, void* self) {
          static_cast<Http2Client*>(self)->answers[id].body.append(
              reinterpret_cast<const char*>(data), bytes);
          return 0;
        });
    nghttp2_session_callbacks_set_on_stream_close_callback(
        callbacks, [](nghttp2_session*, std::int32_t id, std::uint32_t code, void* self) {
          Answer& answer = static_cast<Http2Client*>(self)->answers[id];
          answer.closed = true;
          answer.error_code = code;
          return 0;
        });
    nghttp2_session_callbacks_set_on_frame_recv_callback(
        callbacks, [](nghttp2_session*, const nghttp2_frame* frame, void* self) {
          auto* client = static_cast<Http2Client*>(self);
          if (frame->hd.type == NGHTTP2_GOAWAY) client->goaway = true;
          if (frame->hd.type == NGHTTP2_SETTINGS && (frame->hd.flags & NGHTTP2_FLAG_ACK) == 0) {
            for (std::size_t i = 0; i < frame->settings.niv; ++i) {
              client->settings[frame->settings.iv[i].settings_id] = frame->settings.iv[i].value;
            }
          }
          return 0;
        });
    nghttp2_option* option;
    nghttp2_option_new(&option);
    // The tests send what a library would not let them send.
    nghttp2_option_set_no_http_messaging(option, 1);
    nghttp2_session_client_new2(&session, callbacks, this, option);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, nullptr, 0);
    if (large_window) {
      nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0, 64 << 20);
    }
    exchange();
  }
  ~Http2Client() { nghttp2_session_del(session); }

  std::int32_t submit(const Fields& fields, std::string body = "") {
    std::vector<nghttp2_nv> values;
    for (const auto& [name, value] : fields) {
      values.push_back({reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data())),
                        reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data())),
                        name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
    }
    bodies_.push_back(std::make_unique<Body>(Body{std::move(body), 0}));
    nghttp2_data_provider provider;
    provider.source.ptr = bodies_.back().get();
    provider.read_callback = [](nghttp2_session*, std::int32_t, std::uint8_t* to, std::size_t max,
                                std::uint32_t* flags, nghttp2_data_source* source,
                                void*) -> ssize_t {
      Body& from = *static_cast<Body*>(source->ptr);
      std::size_t bytes = std::min(max, from.text.size() - from.sent);
      std::memcpy(to, from.text.data() + from.sent, bytes);
      from.sent += bytes;
      if (from.sent == from.text.size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
      return static_cast<ssize_t>(bytes);
    };
    bool has_body = !bodies_.back()->text.empty();
    return nghttp2_submit_request(session, nullptr, values.data(), values.size(),
                                  has_body ? &provider : nullptr, nullptr);
  }
  std::int32_t post(const std::string& body, const std::string& path = "/") {
    return submit({{":method", "POST"},
                   {":scheme", "http"},
                   {":authority", "127.0.0.1:4566"},
                   {":path", path},
                   {"content-length", std::to_string(body.size())}},
                  body);
  }

  // Until neither side has more to say. False where the server wants to close.
  bool exchange() {
    bool more = true;
    while (more) {
      more = false;
      const std::uint8_t* bytes;
      ssize_t count;
      while ((count = nghttp2_session_mem_send(session, &bytes)) > 0) {
        connection_.protocol->on_bytes(
            {reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(count)},
            connection_.now_ns);
        more = true;
      }
      connection_.loop->run();
      std::string back = connection_.take();
      // What answers brought on their own was taken by wake().
      back = connection_.sent.substr(received_);
      received_ = connection_.sent.size();
      if (back.empty()) continue;
      more = true;
      nghttp2_session_mem_recv(session, reinterpret_cast<const std::uint8_t*>(back.data()),
                               back.size());
    }
    return !connection_.protocol->wants_close();
  }

  std::map<std::int32_t, Answer> answers;
  std::map<std::int32_t, std::uint32_t> settings;
  bool goaway = false;
  nghttp2_session* session = nullptr;

 private:
  struct Body {
    std::string text;
    std::size_t sent;
  };
  TestConnection& connection_;
  std::vector<std::unique_ptr<Body>> bodies_;
  std::size_t received_ = 0;
};

TEST(Http2, CarriesARequestAndItsAnswer) {
  TestConnection connection;
  Http2Client client(connection);
  EXPECT_GE(client.settings[NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS], 256u);
  std::int32_t id = client.post("hello", "/a?b");
  client.exchange();
  ASSERT_EQ(connection.asked.size(), 1u);
  const Request& request = connection.asked[0].request;
  EXPECT_EQ(request.version, Version::kHttp2);
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.target, "/a?b");
  EXPECT_EQ(request.body, "hello");
  EXPECT_GE(request.body.capacity(), 5u + 64);
  EXPECT_EQ(request.header(":authority"), "127.0.0.1:4566");
  EXPECT_EQ(request.header_count(":method"), 0u);
  connection.asked[0].respond(
      Response{200, {{"X-Amzn-RequestId", "r"}, {"Connection", "close"}}, "world"});
  EXPECT_TRUE(client.exchange());
  Answer& answer = client.answers[id];
  EXPECT_EQ(answer.headers[":status"], "200");
  EXPECT_EQ(answer.headers["x-amzn-requestid"], "r");
  EXPECT_EQ(answer.headers["content-length"], "5");
  EXPECT_EQ(answer.headers["date"], "Tue, 14 Nov 2023 22:13:20 GMT");
  EXPECT_EQ(answer.headers.count("connection"), 0u);
  EXPECT_EQ(answer.body, "world");
  EXPECT_TRUE(answer.closed);
  EXPECT_EQ(answer.error_code, 0u);
}

TEST(Http2, AnswersInAnyOrder) {
  TestConnection connection;
  Http2Client client(connection);
  std::int32_t first = client.post("1");
  std::int32_t second = client.post("2");
  client.exchange();
  connection.answer(1, 200, "two");
  client.exchange();
  EXPECT_TRUE(client.answers[second].closed);
  EXPECT_FALSE(client.answers[first].closed);
  connection.answer(0, 200, "one");
  client.exchange();
  EXPECT_EQ(client.answers[first].body, "one");
}

TEST(Http2, TakesLargeBodiesBothWays) {
  TestConnection connection;
  connection.body_limit = 20 << 20;
  Http2Client client(connection, false);
  std::string body(10 << 20, 'x');
  std::int32_t id = client.post(body);
  client.exchange();
  ASSERT_EQ(connection.asked.size(), 1u);
  EXPECT_EQ(connection.asked[0].request.body, body);
  connection.answer(0, 200, body);
  client.exchange();
  EXPECT_EQ(client.answers[id].body, body);
}

TEST(Http2, GoawayFromTheClientLetsOpenStreamsFinish) {
  // As the JavaScript SDK does: GOAWAY at once, and answers longer than the first window.
  TestConnection connection;
  Http2Client client(connection, false);
  std::int32_t id = client.post("question");
  client.exchange();
  nghttp2_submit_goaway(client.session, NGHTTP2_FLAG_NONE, 0, NGHTTP2_NO_ERROR, nullptr, 0);
  EXPECT_TRUE(client.exchange());
  ASSERT_EQ(connection.asked.size(), 1u);
  EXPECT_TRUE(client.exchange());
  std::string body(300'000, 'y');
  connection.answer(0, 200, body);
  client.exchange();
  EXPECT_EQ(client.answers[id].body, body);
  EXPECT_TRUE(connection.protocol->wants_close()) << "nothing is left to do";
}

TEST(Http2, ManyStreamsAtOnce) {
  TestConnection connection;
  Http2Client client(connection);
  std::vector<std::int32_t> ids;
  for (int i = 0; i < 256; ++i) ids.push_back(client.post(std::to_string(i)));
  client.exchange();
  ASSERT_EQ(connection.asked.size(), 256u);
  for (std::size_t i = 0; i < 256; ++i) {
    connection.answer(i, 200, connection.asked[i].request.body);
  }
  client.exchange();
  for (int i = 0; i < 256; ++i) EXPECT_EQ(client.answers[ids[i]].body, std::to_string(i));
}

TEST(Http2, OpeningAndResettingWithoutEndIsRefused) {
  ServerLimits limits;
  limits.streams_max = 10;
  TestConnection connection(limits);
  Http2Client client(connection);
  std::int32_t last = 0;
  for (int i = 0; i < 100; ++i) {
    last = client.post("x");
    client.exchange();
    if (client.answers[last].closed) break;
    nghttp2_submit_rst_stream(client.session, NGHTTP2_FLAG_NONE, last, NGHTTP2_CANCEL);
    client.exchange();
  }
  EXPECT_EQ(connection.asked.size(), 20u) << "handlers of reset streams still run";
  EXPECT_EQ(client.answers[last].error_code, NGHTTP2_REFUSED_STREAM);
  EXPECT_FALSE(connection.protocol->wants_close()) << "a refused stream leaves the connection";
  for (std::size_t i = 0; i < 20; ++i) connection.answer(i, 200);
  std::int32_t next = client.post("next");
  client.exchange();
  connection.answer(20, 200, "fine");
  client.exchange();
  EXPECT_EQ(client.answers[next].body, "fine");
}

std::string refused_status(const Fields& fields, const std::string& body = "",
                           std::uint64_t body_limit = 1 << 20) {
  TestConnection connection;
  connection.body_limit = body_limit;
  Http2Client client(connection);
  std::int32_t id = client.submit(fields, body);
  client.exchange();
  EXPECT_TRUE(connection.asked.empty());
  EXPECT_FALSE(connection.protocol->wants_close());
  Answer& answer = client.answers[id];
  return answer.headers.count(":status") != 0 ? answer.headers[":status"]
                                              : "reset " + std::to_string(answer.error_code);
}

TEST(Http2, RefusesOneStreamAndKeepsTheConnection) {
  const Fields good = {
      {":method", "GET"}, {":scheme", "http"}, {":authority", "x"}, {":path", "/"}};
  auto with = [&](const std::string& name, const std::string& value) {
    Fields fields = good;
    fields.emplace_back(name, value);
    return fields;
  };
  const std::string protocol_error = "reset " + std::to_string(NGHTTP2_PROTOCOL_ERROR);
  EXPECT_EQ(refused_status(with("connection", "close")), protocol_error);
  EXPECT_EQ(refused_status(with("transfer-encoding", "chunked")), protocol_error);
  EXPECT_EQ(refused_status(with("a", "b\nc")), protocol_error);
  EXPECT_EQ(refused_status(with(":method", "POST")), protocol_error);
  EXPECT_EQ(refused_status({{":method", "GET"}, {":scheme", "http"}, {":authority", "x"}}),
            protocol_error);
  EXPECT_EQ(refused_status(with("content-length", "5"), "123456"), protocol_error)
      << "longer than it said";
  EXPECT_EQ(refused_status(with("big", std::string(40'000, 'a'))), "431");
  Fields relative = good;
  relative[3].second = "a";
  EXPECT_THAT(refused_status(relative), testing::AnyOf("400", protocol_error));
  Fields post = good;
  post[0].second = "POST";
  EXPECT_EQ(refused_status(post, std::string(11, 'a'), 10), "413");
  post.emplace_back("content-length", "11");
  EXPECT_EQ(refused_status(post, std::string(11, 'a'), 10), "413");
}

TEST(Http2, RefusesUpperCaseNames) {
  TestConnection connection;
  connection.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + std::string("\0\0\0\4\0\0\0\0\0", 9));
  // By hand, because no library sends one: POST http / with :authority x, and "X: a" as a literal.
  std::string block("\x83\x86\x84\x41\1x\0\1X\1a", 11);
  std::string frame("\0\0\x0b\1\5\0\0\0\1", 9);
  std::string answer = connection.send(frame + block);
  EXPECT_TRUE(connection.asked.empty());
  std::string reset("\0\0\4\3\0\0\0\0\1\0\0\0\1", 13);  // RST_STREAM, PROTOCOL_ERROR
  EXPECT_THAT(answer, testing::HasSubstr(reset));
  EXPECT_FALSE(connection.protocol->wants_close());
}

TEST(Http2, FullBudgetAnswers503) {
  MemoryBudget budget(100 * 1024);
  TestConnection connection({}, &budget);
  Http2Client client(connection);
  client.post(std::string(80 * 1024, 'a'));
  client.exchange();
  std::int32_t second = client.post(std::string(50 * 1024, 'b'));
  client.exchange();
  EXPECT_EQ(client.answers[second].headers[":status"], "503");
  connection.answer(0, 200);
  client.exchange();
  EXPECT_EQ(budget.used_bytes(), 0u);
  std::int32_t third = client.post(std::string(50 * 1024, 'c'));
  client.exchange();
  connection.answer(1, 200, "third");
  client.exchange();
  EXPECT_EQ(client.answers[third].body, "third");
}

TEST(Http2, LargeAnswersHoldTheBudgetUntilSent) {
  MemoryBudget budget(3 << 20);
  TestConnection connection({}, &budget);
  Http2Client client(connection);
  std::int32_t first = client.post("1");
  std::int32_t second = client.post("2");
  client.exchange();
  connection.asked[0].respond(Response{200, {}, std::string(2 << 20, 'a')});
  connection.asked[1].respond(Response{200, {}, std::string(2 << 20, 'b')});
  client.exchange();
  EXPECT_EQ(client.answers[first].body.size(), 2u << 20);
  EXPECT_EQ(client.answers[second].headers[":status"], "503");
  EXPECT_EQ(budget.used_bytes(), 0u);
}

TEST(Http2, SlowBodiesAndIdleConnectionsEnd) {
  TestConnection connection;
  Http2Client client(connection);
  nghttp2_data_provider never;
  never.read_callback = [](nghttp2_session*, std::int32_t, std::uint8_t*, std::size_t,
                           std::uint32_t*, nghttp2_data_source*,
                           void*) -> ssize_t { return NGHTTP2_ERR_DEFERRED; };
  const std::pair<const char*, const char*> fields[] = {
      {":method", "POST"}, {":scheme", "http"}, {":authority", "x"}, {":path", "/"}};
  std::vector<nghttp2_nv> values;
  for (const auto& [name, value] : fields) {
    values.push_back({reinterpret_cast<std::uint8_t*>(const_cast<char*>(name)),
                      reinterpret_cast<std::uint8_t*>(const_cast<char*>(value)), std::strlen(name),
                      std::strlen(value), NGHTTP2_NV_FLAG_NONE});
  }
  std::int32_t id = nghttp2_submit_request(client.session, nullptr, values.data(), values.size(),
                                           &never, nullptr);
  client.exchange();
  connection.advance_us(11'000'000);
  client.exchange();
  EXPECT_EQ(client.answers[id].headers[":status"], "408");
  connection.advance_us(11'000'000);
  client.exchange();
  EXPECT_TRUE(client.answers[id].closed);
  EXPECT_FALSE(connection.protocol->wants_close());
  connection.advance_us(301'000'000);
  client.exchange();
  EXPECT_TRUE(client.goaway);
  EXPECT_TRUE(connection.protocol->wants_close());
}

TEST(Http2, StopFinishesOpenStreams) {
  TestConnection connection;
  Http2Client client(connection);
  std::int32_t id = client.post("x");
  client.exchange();
  connection.protocol->stop(connection.now_ns);
  EXPECT_TRUE(client.exchange());
  EXPECT_TRUE(client.goaway);
  connection.answer(0, 200, "done");
  client.exchange();
  EXPECT_EQ(client.answers[id].body, "done");
  EXPECT_TRUE(connection.protocol->wants_close());
}

TEST(Http2, GarbageAfterThePrefaceCloses) {
  TestConnection connection;
  connection.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  EXPECT_FALSE(connection.protocol->wants_close());
  connection.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(connection.protocol->wants_close());
}

TEST(Http2, PrefaceMayComeInPieces) {
  TestConnection connection;
  for (char c : std::string_view("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")) {
    connection.send(std::string_view(&c, 1));
  }
  EXPECT_FALSE(connection.protocol->wants_close());
  EXPECT_FALSE(connection.sent.empty()) << "our settings";
}

}  // namespace
}  // namespace freshet::http
