#include "net/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace freshet::net {
namespace {

TEST(HostPort, Reads) {
  auto reads = [](const char* text, const char* host, std::uint16_t port) {
    auto parsed = parse_host_port(text);
    ASSERT_TRUE(parsed.has_value()) << text;
    EXPECT_EQ(parsed->host, host);
    EXPECT_EQ(parsed->port, port);
  };
  reads("127.0.0.1:4566", "127.0.0.1", 4566);
  reads("[::1]:0", "::1", 0);
  reads("localhost:80", "localhost", 80);
  reads(":4566", "127.0.0.1", 4566);
  for (const char* text : {"", "4566", "a:", "a:x", "a:65536", "a:-1", "::1:80", "a:1 "}) {
    auto parsed = parse_host_port(text);
    ASSERT_FALSE(parsed.has_value()) << text;
    EXPECT_EQ(parsed.error().number(), 1150);
  }
}

// Sends back what it gets, never more than it is asked for.
class Echo : public Protocol {
 public:
  void on_bytes(std::string_view bytes, std::int64_t) override { kept_ += bytes; }
  void on_end(std::int64_t) override { ended_ = true; }
  void on_deadline(std::int64_t) override {}
  void stop(std::int64_t) override { ended_ = true; }
  void take_output(std::vector<std::string>& to, std::size_t bytes_max) override {
    if (kept_.empty()) return;
    to.push_back(kept_.substr(0, bytes_max));
    kept_.erase(0, bytes_max);
  }
  bool wants_bytes() const override { return kept_.size() < 1 << 20; }
  bool wants_close() const override { return ended_ && kept_.empty(); }
  std::int64_t deadline_ns() const override { return kNoDeadline; }

 private:
  std::string kept_;
  bool ended_ = false;
};

TEST(Server, OpensAndStopsAgainAndAgain) {
  for (int i = 0; i < 20; ++i) {
    ServerConfig config;
    config.threads = 3;
    auto server = Server::open(
        config, [](ConnectionInfo) { return std::make_unique<Echo>(); }, io::system_clock());
    ASSERT_TRUE(server.has_value());
    EXPECT_NE((*server)->port(), 0);
    (*server)->stop(1'000'000);
    (*server)->stop(1'000'000);
  }
}

TEST(Server, BindsOtherAddresses) {
  ServerConfig config;
  config.host = "0.0.0.0";
  auto factory = [](ConnectionInfo) { return std::make_unique<Echo>(); };
  auto server = Server::open(config, factory, io::system_clock());
  ASSERT_TRUE(server.has_value());
  EXPECT_FALSE((*server)->bound_to_loopback());
  config.host = "192.0.2.1";  // RFC 5737: nobody's
  auto refused = Server::open(config, factory, io::system_clock());
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code(), Code::kUnavailable);
}

}  // namespace
}  // namespace freshet::net
