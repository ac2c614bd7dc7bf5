// Drives a server connection from memory, as net::Server does over TCP.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "http/server.h"
#include "io/clock.h"

namespace freshet::http {

// A loop that is the test's own thread.
class TestLoop : public net::Loop {
 public:
  void post(std::function<void()> task) override { tasks_.push_back(std::move(task)); }
  bool on_loop_thread() const override { return on_loop; }
  void run() {
    while (!tasks_.empty()) {
      auto tasks = std::exchange(tasks_, {});
      for (auto& task : tasks) task();
    }
  }
  std::size_t waiting() const { return tasks_.size(); }
  bool on_loop = true;

 private:
  std::vector<std::function<void()>> tasks_;
};

class TestConnection {
 public:
  struct Asked {
    Request request;
    Respond respond;
  };

  explicit TestConnection(ServerLimits limits = {}, MemoryBudget* budget = nullptr) {
    clock.advance_us(1'000'000);
    options = std::make_shared<ServerOptions>();
    options->limits = limits;
    options->budget = budget;
    options->clock = &clock;
    options->body_limit = [this](const Request&) { return body_limit; };
    options->handler = [this](Request&& request, Respond respond) {
      if (handler) return handler(std::move(request), std::move(respond));
      asked.push_back({std::move(request), std::move(respond)});
    };
    net::ConnectionInfo info;
    info.peer = "127.0.0.1:5000";
    info.peer_is_loopback = true;
    info.opened_ns = now_ns;
    info.loop = loop;
    info.wake = [this] { take(); };
    protocol = server_protocol(options)(std::move(info));
  }

  // Feeds bytes, gives what comes back at once.
  std::string send(std::string_view bytes) {
    protocol->on_bytes(bytes, now_ns);
    return take();
  }
  std::string take() {
    std::string came;
    while (true) {
      std::vector<std::string> output;
      protocol->take_output(output, 64 * 1024);
      if (output.empty()) break;
      for (const std::string& part : output) came += part;
    }
    sent += came;
    return came;
  }
  void advance_us(std::int64_t us) {
    clock.advance_us(us);
    now_ns = clock.monotonic_ns();
    if (now_ns >= protocol->deadline_ns()) protocol->on_deadline(now_ns);
    take();
  }
  void answer(std::size_t index, int status, std::string body = "") {
    asked[index].respond(Response{status, {}, std::move(body)});
    loop->run();
    take();
  }

  io::ManualClock clock{1'699'999'999'000'000};
  std::int64_t now_ns = 1'000'000'000;
  std::uint64_t body_limit = 1 << 20;
  std::shared_ptr<TestLoop> loop = std::make_shared<TestLoop>();
  std::shared_ptr<ServerOptions> options;
  Handler handler;  // where empty, requests wait in `asked`
  std::vector<Asked> asked;
  std::string sent;  // all that the server has sent
  std::unique_ptr<net::Protocol> protocol;
};

}  // namespace freshet::http
