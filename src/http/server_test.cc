// The server over real sockets, against our client and against bytes by hand.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "common/mutex.h"
#include "http/client.h"
#include "http/server.h"
#include "net/server.h"

namespace freshet::http {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

class RunningServer {
 public:
  explicit RunningServer(Handler handler, std::size_t threads = 2,
                         net::ServerConfig config = net::ServerConfig()) {
    auto options = std::make_shared<ServerOptions>();
    options->handler = std::move(handler);
    options->clock = &io::system_clock();
    options->budget = &budget;
    options->body_limit = [](const Request&) { return 32u << 20; };
    config.threads = threads;
    auto opened = net::Server::open(config, server_protocol(options), io::system_clock());
    EXPECT_TRUE(opened.has_value());
    server = *std::move(opened);
  }
  std::unique_ptr<Client> client() {
    auto opened = Client::open("127.0.0.1", server->port());
    EXPECT_TRUE(opened.has_value());
    return *std::move(opened);
  }
  MemoryBudget budget{256u << 20};
  std::unique_ptr<net::Server> server;
};

void echo(Request&& request, Respond respond) {
  respond(Response{200, {}, request.target + " " + request.body});
}

// A socket by hand.
class RawSocket {
 public:
  explicit RawSocket(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  ~RawSocket() { ::close(socket_); }
  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  void end() { ::shutdown(socket_, SHUT_WR); }
  std::string receive_all() {
    std::string all;
    char buffer[65536];
    pollfd waited{socket_, POLLIN, 0};
    while (::poll(&waited, 1, 10'000) > 0) {
      ssize_t got = ::recv(socket_, buffer, sizeof buffer, 0);
      if (got <= 0) return all;
      all.append(buffer, static_cast<std::size_t>(got));
    }
    ADD_FAILURE() << "no end came";
    return all;
  }

 private:
  int socket_;
};

TEST(Server, AnswersItsClient) {
  RunningServer running(echo);
  EXPECT_THAT(running.server->address(), StartsWith("127.0.0.1:"));
  EXPECT_TRUE(running.server->bound_to_loopback());
  auto client = running.client();
  for (int i = 0; i < 100; ++i) {
    Request request;
    request.method = "POST";
    request.target = "/" + std::to_string(i);
    request.body = std::string(static_cast<std::size_t>(i) * 1'000, 'b');
    auto response = client->request(request);
    ASSERT_TRUE(response.has_value()) << response.error().message();
    EXPECT_EQ(response->status, 200);
    EXPECT_EQ(response->body, request.target + " " + request.body);
  }
  EXPECT_EQ(running.server->connection_count(), 1u) << "one connection served them all";
}

TEST(Server, CarriesLargeBodies) {
  RunningServer running(echo);
  auto client = running.client();
  Request request;
  request.method = "POST";
  request.target = "/";
  request.body.assign(20u << 20, 'z');
  auto response = client->request(request);
  ASSERT_TRUE(response.has_value()) << response.error().message();
  EXPECT_EQ(response->body.size(), request.body.size() + 2);
}

TEST(Server, AnswersFromOtherThreads) {
  std::atomic<int> answered{0};
  std::vector<std::thread> threads;
  Mutex mutex;
  RunningServer running([&](Request&& request, Respond respond) {
    MutexLock lock(mutex);
    threads.emplace_back([&answered, respond, target = request.target] {
      respond(Response{200, {}, target});
      ++answered;
    });
  });
  std::vector<std::thread> clients;
  for (int c = 0; c < 4; ++c) {
    clients.emplace_back([&running, c] {
      auto client = running.client();
      for (int i = 0; i < 50; ++i) {
        Request request;
        request.method = "GET";
        request.target = "/" + std::to_string(c) + "/" + std::to_string(i);
        auto response = client->request(request);
        ASSERT_TRUE(response.has_value()) << response.error().message();
        EXPECT_EQ(response->body, request.target);
      }
    });
  }
  for (auto& thread : clients) thread.join();
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(answered, 200);
}

TEST(Server, LastAnswerSurvivesUnreadInput) {
  RunningServer running(echo);
  RawSocket socket(running.server->port());
  // The server answers at the first line; most of this is never read by the parser.
  socket.send("nonsense\r\n\r\n" + std::string(4 << 20, 'x'));
  socket.end();
  EXPECT_THAT(socket.receive_all(), StartsWith("HTTP/1.1 400"));
}

TEST(Server, HalfClosedClientsGetTheirAnswer) {
  RunningServer running(echo);
  RawSocket socket(running.server->port());
  socket.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
  socket.end();
  EXPECT_THAT(socket.receive_all(), EndsWith("/a "));
}

TEST(Server, SlowReadersGetAllOfALongAnswer) {
  RunningServer running(
      [](Request&&, Respond respond) { respond(Response{200, {}, std::string(30u << 20, 'l')}); });
  RawSocket socket(running.server->port());
  socket.send("GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  std::this_thread::yield();
  std::string all = socket.receive_all();
  EXPECT_EQ(all.size() - all.find("\r\n\r\n") - 4, 30u << 20);
}

TEST(Server, ConnectionsAreBounded) {
  net::ServerConfig config;
  config.connections_max = 2;
  RunningServer running(echo, 1, config);
  auto first = running.client();
  auto second = running.client();
  Request request;
  request.method = "GET";
  request.target = "/";
  EXPECT_TRUE(first->request(request).has_value());
  EXPECT_TRUE(second->request(request).has_value());
  auto third = running.client();
  auto refused = third->request(request);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code(), Code::kUnavailable);
}

TEST(Server, StopFinishesRequestsInFlight) {
  Mutex mutex;
  ConditionVariable changed;
  std::vector<Respond> waiting;
  RunningServer running([&](Request&&, Respond respond) {
    MutexLock lock(mutex);
    waiting.push_back(std::move(respond));
    changed.notify_all();
  });
  std::string body;
  std::thread caller([&] {
    Request request;
    request.method = "GET";
    request.target = "/";
    auto response = running.client()->request(request);
    if (response) body = response->body;
  });
  {
    MutexLock lock(mutex);
    while (waiting.empty()) changed.wait(mutex);
  }
  std::thread stopper([&] { running.server->stop(10'000'000); });
  waiting[0](Response{200, {}, "finished"});
  stopper.join();
  caller.join();
  EXPECT_EQ(body, "finished");
  EXPECT_EQ(running.server->connection_count(), 0u);
  auto late =
      running.client()->request(Request{"GET", "/", "", Version::kHttp11, {}, "", "", false});
  EXPECT_FALSE(late.has_value());
}

TEST(Server, StopCutsWhatOutlivesItsGrace) {
  std::vector<Respond> waiting;
  RunningServer running([&](Request&&, Respond respond) { waiting.push_back(std::move(respond)); });
  RawSocket socket(running.server->port());
  socket.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
  while (running.server->connection_count() == 0) std::this_thread::yield();
  running.server->stop(50'000);
  EXPECT_EQ(socket.receive_all(), "");
  for (Respond& respond : waiting) respond(Response{});  // after the server: dropped
}

TEST(Server, TwoServersCannotShareAPort) {
  RunningServer running(echo);
  net::ServerConfig config;
  config.port = running.server->port();
  auto second = net::Server::open(config, net::ProtocolFactory(), io::system_clock());
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().number(), 1151);
  EXPECT_THAT(second.error().message(), HasSubstr("cannot listen on 127.0.0.1:"));
}

TEST(Client, SaysWhatIsWrong) {
  auto client = Client::open("127.0.0.1", 1);
  Request request;
  request.method = "GET";
  request.target = "/";
  auto refused = (*client)->request(request);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code(), Code::kUnavailable);
  EXPECT_THAT(refused.error().message(), HasSubstr("is the server running?"));
  EXPECT_FALSE(Client::open("", 80).has_value());

  RunningServer silent([](Request&&, Respond respond) {
    static std::vector<Respond> kept;
    kept.push_back(std::move(respond));
  });
  ClientConfig config;
  config.request_timeout_us = 100'000;
  auto impatient = Client::open("127.0.0.1", silent.server->port(), config);
  auto late = (*impatient)->request(request);
  ASSERT_FALSE(late.has_value());
  EXPECT_EQ(late.error().code(), Code::kTimeout);
}

TEST(Client, ReconnectsAfterTheServerClosed) {
  RunningServer running([](Request&&, Respond respond) { respond(Response{200, {}, "x"}); });
  auto client = running.client();
  Request request;
  request.method = "GET";
  request.target = "/";
  request.headers = {{"connection", "close"}};
  for (int i = 0; i < 3; ++i) {
    auto response = client->request(request);
    ASSERT_TRUE(response.has_value()) << response.error().message();
    EXPECT_EQ(response->body, "x");
  }
}

}  // namespace
}  // namespace freshet::http
