// Tells the versions apart by the first bytes, then is a thin shell around one engine.
#include <algorithm>
#include <atomic>

#include "common/logging.h"
#include "common/metrics.h"
#include "http/engine.h"
#include "http/outbox.h"
#include "http/server.h"

namespace freshet::http {

namespace {

constexpr std::string_view kHttp2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr char kTlsHandshake = 0x16;

void log_tls_attempt(const std::string& peer, std::int64_t now_ns) {
  static std::atomic<std::int64_t> next_ns{0};
  std::int64_t due = next_ns.load(std::memory_order_relaxed);
  if (now_ns < due || !next_ns.compare_exchange_strong(due, now_ns + 10'000'000'000)) return;
  log_warning("a client tried TLS on a plain port; give it an http:// endpoint", {{"peer", peer}});
}

class ServerConnection : public net::Protocol {
 public:
  ServerConnection(std::shared_ptr<const ServerOptions> options, net::ConnectionInfo info)
      : options_(std::move(options)), info_(std::move(info)) {
    outbox_ = std::make_shared<Outbox>(info_.loop, [this] { collect(); });
  }
  ~ServerConnection() override { outbox_->close(); }

  void on_bytes(std::string_view bytes, std::int64_t now_ns) override {
    if (engine_) {
      run(now_ns, [&] { engine_->on_bytes(bytes, now_ns); });
      return;
    }
    if (closing_) return;
    if (first_bytes_.empty()) first_ns_ = now_ns;
    first_bytes_.append(bytes);
    choose_engine(now_ns);
  }

  void on_end(std::int64_t now_ns) override {
    if (!engine_) {
      closing_ = true;
      return;
    }
    run(now_ns, [&] { engine_->on_end(now_ns); });
  }

  void on_deadline(std::int64_t now_ns) override {
    if (engine_) {
      run(now_ns, [&] { engine_->on_deadline(now_ns); });
      return;
    }
    if (now_ns >= deadline_ns()) closing_ = true;
  }

  void stop(std::int64_t now_ns) override {
    if (!engine_) {
      closing_ = true;
      return;
    }
    run(now_ns, [&] { engine_->stop(now_ns); });
  }

  void take_output(std::vector<std::string>& to, std::size_t bytes_max) override {
    if (!engine_) return;
    // Room that output leaves can let a waiting request in, whose answer may be given at once.
    std::size_t before = to.size();
    bool answered = true;
    while (answered && to.size() == before) {
      answered = run(now_ns_, [&] { engine_->take_output(to, bytes_max); });
    }
  }

  bool wants_bytes() const override { return !closing_ && (!engine_ || engine_->wants_bytes()); }
  bool wants_close() const override { return closing_ || (engine_ && engine_->wants_close()); }

  std::int64_t deadline_ns() const override {
    if (engine_) return engine_->deadline_ns();
    if (first_bytes_.empty()) return info_.opened_ns + options_->limits.idle_us * 1'000;
    return first_ns_ + options_->limits.head_deadline_us * 1'000;
  }

 private:
  // Runs a call into the engine, then hands it the answers that handlers gave meanwhile.
  // True where there were any.
  template <typename Call>
  bool run(std::int64_t now_ns, Call call) {
    now_ns_ = now_ns;
    outbox_->set_busy(true);
    call();
    bool answered = hand_over_answers();
    outbox_->set_busy(false);
    return answered;
  }

  bool hand_over_answers() {
    std::vector<Outbox::Answer> answers = outbox_->take();
    for (Outbox::Answer& each : answers) {
      engine_->respond(each.id, std::move(each.response), std::move(each.hold), now_ns_);
    }
    return !answers.empty();
  }

  void collect() {
    now_ns_ = options_->clock->monotonic_ns();
    outbox_->set_busy(true);
    hand_over_answers();
    outbox_->set_busy(false);
    info_.wake();
  }

  void choose_engine(std::int64_t now_ns) {
    std::string_view first = first_bytes_;
    if (first.front() == kTlsHandshake) {
      log_tls_attempt(info_.peer, now_ns);
      closing_ = true;
      return;
    }
    std::size_t common = std::min(first.size(), kHttp2Preface.size());
    bool like_http2 = first.substr(0, common) == kHttp2Preface.substr(0, common);
    if (like_http2 && common < kHttp2Preface.size()) return;  // wait for the rest
    EngineContext context{options_, info_.peer, info_.peer_is_loopback,
                          [this](std::uint64_t id, Request&& request, BudgetHold hold) {
                            dispatch(id, std::move(request), std::move(hold));
                          }};
    engine_ = like_http2 ? make_http2_engine(std::move(context), now_ns)
                         : make_http1_engine(std::move(context), now_ns);
    std::string bytes = std::move(first_bytes_);
    first_bytes_ = std::string();
    run(now_ns, [&] { engine_->on_bytes(bytes, now_ns); });
  }

  void dispatch(std::uint64_t id, Request&& request, BudgetHold hold) {
    static metrics::Counter& requests =
        metrics::counter("freshet_http_requests_total", "Requests read whole");
    requests.add();
    options_->handler(std::move(request), make_respond(outbox_, options_, id, std::move(hold)));
  }

  std::shared_ptr<const ServerOptions> options_;
  net::ConnectionInfo info_;
  std::shared_ptr<Outbox> outbox_;
  std::unique_ptr<Engine> engine_;
  std::string first_bytes_;
  std::int64_t first_ns_ = 0;
  std::int64_t now_ns_ = 0;
  bool closing_ = false;
};

}  // namespace

net::ProtocolFactory server_protocol(std::shared_ptr<const ServerOptions> options) {
  return [options = std::move(options)](net::ConnectionInfo info) {
    return std::make_unique<ServerConnection>(options, std::move(info));
  };
}

}  // namespace freshet::http
