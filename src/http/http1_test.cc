#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "http/test_connection.h"

namespace freshet::http {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

std::string get(const std::string& path, const std::string& more = "") {
  return "GET " + path + " HTTP/1.1\r\nHost: x\r\n" + more + "\r\n";
}
std::string post(const std::string& body, const std::string& more = "") {
  return "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         more + "\r\n" + body;
}

TEST(Http1, AnswersWithDateAndLength) {
  TestConnection connection;
  EXPECT_EQ(connection.send(get("/a?b")), "");
  ASSERT_EQ(connection.asked.size(), 1u);
  const Request& request = connection.asked[0].request;
  EXPECT_EQ(request.target, "/a?b");
  EXPECT_EQ(request.peer, "127.0.0.1:5000");
  EXPECT_TRUE(request.peer_is_loopback);
  connection.asked[0].respond(Response{200, {{"X-A", "b\r\nEvil: c"}}, "hi"});
  connection.loop->run();
  EXPECT_EQ(connection.sent,
            "HTTP/1.1 200 OK\r\nX-A: b??Evil: c\r\nDate: Tue, 14 Nov 2023 22:13:20 GMT\r\n"
            "Content-Length: 2\r\n\r\nhi");
  EXPECT_TRUE(connection.protocol->wants_bytes());
  EXPECT_FALSE(connection.protocol->wants_close());
}

TEST(Http1, AnyCutOfTheInputGivesTheSame) {
  std::string input = post("first body") + get("/second") +
                      "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                      "6\r\nthird \r\n4\r\nbody\r\n0\r\n\r\n" +
                      post("") + get("/last");
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    std::mt19937_64 random(seed);
    TestConnection connection;
    std::string_view left = input;
    while (!left.empty()) {
      std::size_t bytes = std::min<std::size_t>(left.size(), random() % 40 + 1);
      connection.send(left.substr(0, bytes));
      left.remove_prefix(bytes);
    }
    ASSERT_EQ(connection.asked.size(), 5u) << seed;
    EXPECT_EQ(connection.asked[0].request.body, "first body");
    EXPECT_EQ(connection.asked[1].request.target, "/second");
    EXPECT_EQ(connection.asked[2].request.body, "third body");
    EXPECT_EQ(connection.asked[4].request.target, "/last");
    for (auto& asked : connection.asked) {
      EXPECT_GE(asked.request.body.capacity(), asked.request.body.size() + 64);
    }
  }
}

TEST(Http1, PipelinedAnswersKeepTheOrderOfRequests) {
  TestConnection connection;
  connection.send(get("/0") + get("/1") + get("/2"));
  connection.answer(2, 200, "two");
  connection.answer(1, 200, "one");
  EXPECT_EQ(connection.sent, "");
  connection.answer(0, 200, "zero");
  std::size_t zero = connection.sent.find("zero");
  std::size_t one = connection.sent.find("one");
  std::size_t two = connection.sent.find("two");
  EXPECT_LT(zero, one);
  EXPECT_LT(one, two);
  EXPECT_NE(two, std::string::npos);
}

TEST(Http1, InlineAnswersPostNothing) {
  TestConnection connection;
  connection.handler = [](Request&& request, Respond respond) {
    respond(Response{200, {}, request.target});
  };
  EXPECT_THAT(connection.send(get("/now")), EndsWith("/now"));
  EXPECT_EQ(connection.loop->waiting(), 0u);
}

TEST(Http1, ManyAnswersMakeOneWakeup) {
  TestConnection connection;
  connection.send(get("/0") + get("/1") + get("/2"));
  connection.loop->on_loop = false;
  for (auto& asked : connection.asked) asked.respond(Response{});
  EXPECT_EQ(connection.loop->waiting(), 1u);
  connection.loop->on_loop = true;
  connection.loop->run();
  EXPECT_EQ(connection.sent.find("200 OK"), 9u);
}

TEST(Http1, PipelineIsBounded) {
  ServerLimits limits;
  limits.pipelined_max = 3;
  TestConnection connection(limits);
  std::string many;
  for (int i = 0; i < 10; ++i) many += get("/" + std::to_string(i));
  connection.send(many);
  EXPECT_EQ(connection.asked.size(), 3u);
  EXPECT_FALSE(connection.protocol->wants_bytes());
  for (std::size_t i = 0; i < 10; ++i) {
    ASSERT_LT(i, connection.asked.size());
    EXPECT_EQ(connection.asked[i].request.target, "/" + std::to_string(i));
    connection.answer(i, 200);
  }
  EXPECT_TRUE(connection.protocol->wants_bytes());
}

TEST(Http1, HeadMethodHasNoBody) {
  TestConnection connection;
  connection.send("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
  connection.answer(0, 200, "hidden");
  EXPECT_THAT(connection.sent, HasSubstr("Content-Length: 6\r\n\r\n"));
  EXPECT_THAT(connection.sent, Not(HasSubstr("hidden")));
}

TEST(Http1, ConnectionCloseIsHonoured) {
  TestConnection connection;
  connection.send(get("/", "Connection: close\r\n") + get("/never"));
  EXPECT_EQ(connection.asked.size(), 1u);
  connection.answer(0, 200);
  EXPECT_THAT(connection.sent, HasSubstr("Connection: close\r\n"));
  EXPECT_TRUE(connection.protocol->wants_close());
}

TEST(Http1, ContinueIsSentOnceTheHeadPasses) {
  TestConnection connection;
  std::string whole = post("0123456789", "Expect: 100-continue\r\n");
  std::string head = whole.substr(0, whole.size() - 10);
  EXPECT_EQ(connection.send(head), "HTTP/1.1 100 Continue\r\n\r\n");
  connection.send("0123456789");
  ASSERT_EQ(connection.asked.size(), 1u);
  connection.answer(0, 200, "done");
  EXPECT_THAT(connection.sent, EndsWith("done"));
}

TEST(Http1, ContinueWaitsForEarlierAnswers) {
  TestConnection connection;
  std::string whole = post("0123456789", "Expect: 100-continue\r\n");
  EXPECT_EQ(connection.send(get("/first") + whole.substr(0, whole.size() - 10)), "");
  connection.answer(0, 200, "first");
  EXPECT_THAT(connection.sent, EndsWith("firstHTTP/1.1 100 Continue\r\n\r\n"));
}

TEST(Http1, ExpectationIsRefusedWithoutReadingTheBody) {
  TestConnection connection;
  connection.body_limit = 5;
  std::string whole = post("0123456789", "Expect: 100-continue\r\n");
  EXPECT_THAT(connection.send(whole.substr(0, whole.size() - 10)), StartsWith("HTTP/1.1 413"));
  EXPECT_TRUE(connection.protocol->wants_close());
}

TEST(Http1, BodyLimits) {
  TestConnection connection;
  connection.body_limit = 10;
  EXPECT_THAT(connection.send(post("01234567890")), StartsWith("HTTP/1.1 413"));
  EXPECT_TRUE(connection.protocol->wants_close());

  TestConnection chunked;
  chunked.body_limit = 10;
  std::string head = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_EQ(chunked.send(head + "5\r\n01234\r\n"), "");
  EXPECT_THAT(chunked.send("6\r\n"), StartsWith("HTTP/1.1 413")) << "before its data";
  EXPECT_TRUE(chunked.asked.empty());
}

TEST(Http1, FullBudgetAnswers503AndKeepsTheConnection) {
  MemoryBudget budget(100 * 1024);
  TestConnection connection({}, &budget);
  connection.send(post(std::string(80 * 1024, 'a')));
  ASSERT_EQ(connection.asked.size(), 1u);
  EXPECT_GE(budget.used_bytes(), 80u * 1024);
  // The second does not fit while the first is being worked on.
  std::string second = post(std::string(50 * 1024, 'b'));
  connection.send(std::string_view(second).substr(0, 1'000));
  connection.send(std::string_view(second).substr(1'000));
  EXPECT_EQ(connection.asked.size(), 1u);
  connection.answer(0, 200, "first");
  EXPECT_THAT(connection.sent, HasSubstr("HTTP/1.1 503"));
  EXPECT_EQ(budget.used_bytes(), 0u);
  EXPECT_FALSE(connection.protocol->wants_close());
  connection.send(second);
  EXPECT_EQ(connection.asked.size(), 2u);
  connection.answer(1, 200, "second");
  EXPECT_THAT(connection.sent, EndsWith("second"));
  EXPECT_EQ(budget.used_bytes(), 0u);
}

TEST(Http1, BudgetFilledInsideABodyAnswers503) {
  MemoryBudget budget(100 * 1024);
  TestConnection connection({}, &budget);
  std::string whole = post(std::string(60 * 1024, 'a'));
  connection.send(std::string_view(whole).substr(0, 30 * 1024));
  ASSERT_TRUE(budget.try_take(60 * 1024));
  connection.send(std::string_view(whole).substr(30 * 1024));
  EXPECT_THAT(connection.sent, StartsWith("HTTP/1.1 503"));
  EXPECT_TRUE(connection.asked.empty());
  EXPECT_EQ(budget.used_bytes(), 60u * 1024);
  connection.send(get("/next"));
  EXPECT_EQ(connection.asked.size(), 1u);
}

TEST(Http1, LargeAnswersHoldTheBudgetUntilSent) {
  MemoryBudget budget(3 << 20);
  TestConnection connection({}, &budget);
  connection.send(get("/0") + get("/1") + get("/2"));
  connection.asked[0].respond(Response{200, {}, std::string(2 << 20, 'a')});
  EXPECT_GE(budget.used_bytes(), 2u << 20);
  connection.asked[1].respond(Response{200, {}, std::string(2 << 20, 'b')});
  connection.asked[2].respond(Response{200, {}, "small"});
  connection.loop->run();
  EXPECT_THAT(connection.sent, HasSubstr("HTTP/1.1 503")) << "the second did not fit";
  EXPECT_THAT(connection.sent, EndsWith("small"));
  EXPECT_EQ(budget.used_bytes(), 0u);
}

TEST(Http1, ErrorsAreAnsweredInOrderAndClose) {
  TestConnection connection;
  connection.send(get("/first") + "nonsense\r\n\r\n" + get("/never"));
  EXPECT_EQ(connection.asked.size(), 1u);
  EXPECT_EQ(connection.sent, "");
  connection.answer(0, 200, "first");
  EXPECT_THAT(connection.sent, HasSubstr("firstHTTP/1.1 400"));
  EXPECT_TRUE(connection.protocol->wants_close());
  EXPECT_EQ(connection.send(get("/never")), "");
  EXPECT_EQ(connection.asked.size(), 1u);
}

void answers_at_once(const std::string& input, const char* status) {
  TestConnection connection;
  EXPECT_THAT(connection.send(input), StartsWith(std::string("HTTP/1.1 ") + status)) << input;
  EXPECT_TRUE(connection.protocol->wants_close()) << input;
}

TEST(Http1, HopelessInputIsAnsweredAtOnce) {
  answers_at_once("GET / HTTP/1.1\n", "400");
  answers_at_once("GET /" + std::string(40'000, 'a'), "431");
  answers_at_once("GET / HTTP/1.0\r\nHost: x\r\n\r\n", "505");
  answers_at_once("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", "501");
  answers_at_once("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nx", "400");
  answers_at_once("PRI * HTTP/1.1\r\nHost: x\r\n\r\n", "400");
}

TEST(Http1, TlsIsClosedWithoutAnAnswer) {
  TestConnection connection;
  EXPECT_EQ(connection.send("\x16\x03\x01"), "");
  EXPECT_TRUE(connection.protocol->wants_close());
}

TEST(Http1, SlowHeadsAndBodiesAreCut) {
  TestConnection head;
  head.send("GET / HT");
  head.advance_us(9'000'000);
  EXPECT_FALSE(head.protocol->wants_close());
  head.advance_us(1'500'000);
  EXPECT_THAT(head.sent, StartsWith("HTTP/1.1 408"));
  EXPECT_TRUE(head.protocol->wants_close());

  TestConnection body;
  std::string whole = post(std::string(100'000, 'a'));
  body.send(whole.substr(0, 200));
  body.advance_us(11'000'000);
  EXPECT_THAT(body.sent, StartsWith("HTTP/1.1 408"));
  EXPECT_TRUE(body.protocol->wants_close());
  EXPECT_TRUE(body.asked.empty());
}

TEST(Http1, SteadyBodiesAreNotCut) {
  TestConnection connection;
  std::string whole = post(std::string(100'000, 'a'));
  std::string_view left = whole;
  while (!left.empty()) {
    std::size_t bytes = std::min<std::size_t>(left.size(), 5'000);
    connection.send(left.substr(0, bytes));
    left.remove_prefix(bytes);
    connection.advance_us(1'000'000);
  }
  EXPECT_EQ(connection.asked.size(), 1u);
}

TEST(Http1, IdleConnectionsAreClosedSilently) {
  TestConnection silent;
  silent.advance_us(301'000'000);
  EXPECT_TRUE(silent.protocol->wants_close());

  TestConnection used;
  used.send(get("/"));
  used.advance_us(400'000'000);
  EXPECT_FALSE(used.protocol->wants_close()) << "a handler may take its time";
  used.answer(0, 200);
  used.sent.clear();
  used.advance_us(299'000'000);
  EXPECT_FALSE(used.protocol->wants_close());
  used.advance_us(2'000'000);
  EXPECT_TRUE(used.protocol->wants_close());
  EXPECT_EQ(used.sent, "");
}

TEST(Http1, HalfClosedPeersAreStillAnswered) {
  TestConnection connection;
  connection.send(get("/"));
  connection.protocol->on_end(connection.now_ns);
  EXPECT_FALSE(connection.protocol->wants_close());
  connection.answer(0, 200, "late");
  EXPECT_THAT(connection.sent, EndsWith("late"));
  EXPECT_TRUE(connection.protocol->wants_close());
}

TEST(Http1, CutBodiesHaveNoEffect) {
  TestConnection connection;
  std::string whole = post("0123456789");
  connection.send(whole.substr(0, whole.size() - 1));
  connection.protocol->on_end(connection.now_ns);
  EXPECT_TRUE(connection.protocol->wants_close());
  EXPECT_TRUE(connection.asked.empty());
}

TEST(Http1, StopFinishesWhatIsInFlight) {
  TestConnection idle;
  idle.send(get("/"));
  idle.answer(0, 200);
  idle.protocol->stop(idle.now_ns);
  EXPECT_TRUE(idle.protocol->wants_close());

  TestConnection busy;
  std::string whole = post("0123456789");
  busy.send(get("/") + whole.substr(0, whole.size() - 5));
  busy.protocol->stop(busy.now_ns);
  EXPECT_FALSE(busy.protocol->wants_close());
  busy.answer(0, 200, "first");
  EXPECT_FALSE(busy.protocol->wants_close());
  busy.send("56789" + get("/never"));
  ASSERT_EQ(busy.asked.size(), 2u);
  busy.answer(1, 200, "second");
  EXPECT_THAT(busy.sent, HasSubstr("Connection: close\r\n\r\nsecond"));
  EXPECT_TRUE(busy.protocol->wants_close());
}

TEST(Http1, ForgottenAnswersBecome500) {
  TestConnection connection;
  connection.handler = [](Request&&, Respond) {};
  EXPECT_THAT(connection.send(get("/")), StartsWith("HTTP/1.1 500"));
}

TEST(Http1, AnswersAfterTheConnectionAreDropped) {
  MemoryBudget budget(1 << 20);
  TestConnection connection({}, &budget);
  connection.send(post("body"));
  connection.protocol.reset();
  connection.asked[0].respond(Response{});
  connection.loop->run();
  connection.asked.clear();
  EXPECT_EQ(budget.used_bytes(), 0u);
}

TEST(Http1, RandomBytesNeverHang) {
  std::mt19937_64 random(3);
  for (int round = 0; round < 500; ++round) {
    TestConnection connection;
    connection.handler = [](Request&&, Respond respond) { respond(Response{}); };
    std::string input = post("body") + get("/") + post("x", "Expect: 100-continue\r\n");
    for (int i = 0; i < 3; ++i) input[random() % input.size()] = static_cast<char>(random());
    connection.send(input);
    connection.protocol->on_end(connection.now_ns);
    connection.take();
    EXPECT_TRUE(connection.protocol->wants_close()) << round;
  }
}

}  // namespace
}  // namespace freshet::http
