#include "cli/disk_probe.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <thread>

#include "cli/latency.h"
#include "io/clock.h"

namespace freshet::cli {
namespace {

constexpr std::size_t kWriteBytes = 4096;
constexpr std::int64_t kIntervalUs = 100'000;
constexpr std::int64_t kStallUs = 20'000;

}  // namespace

struct DiskProbe::State {
  int file = -1;
  std::atomic<bool> stopping{false};
  std::thread thread;
  LatencyHistogram latency;
  std::uint64_t stalls = 0;
  int failure = 0;

  void run() {
    std::string block(kWriteBytes, '\0');
    while (!stopping.load() && failure == 0) {
      block[0] = static_cast<char>(latency.count());
      std::int64_t begin_ns = io::system_clock().monotonic_ns();
      if (pwrite(file, block.data(), block.size(), 0) < 0) failure = errno;
      std::int64_t took_us = (io::system_clock().monotonic_ns() - begin_ns) / 1000;
      latency.add_us(took_us);
      if (took_us > kStallUs) ++stalls;
      usleep(static_cast<useconds_t>(kIntervalUs));
    }
  }

  void stop() {
    stopping.store(true);
    if (thread.joinable()) thread.join();
  }
};

Result<std::unique_ptr<DiskProbe>> DiskProbe::start(const std::string& directory) {
  auto state = std::make_unique<State>();
  std::string path = directory + "/probe";
  state->file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_DSYNC | O_CLOEXEC, 0600);
  if (state->file < 0) {
    return Error(Code::kIo, fmt::format("{} cannot be made: {}", path, strerror(errno)));
  }
  state->thread = std::thread([at = state.get()] { at->run(); });
  return std::unique_ptr<DiskProbe>(new DiskProbe(std::move(state)));
}

DiskProbe::DiskProbe(std::unique_ptr<State> state) : state_(std::move(state)) {}

DiskProbe::~DiskProbe() {
  state_->stop();
  ::close(state_->file);
}

std::string DiskProbe::stop_and_report() {
  state_->stop();
  auto ms = [](std::int64_t us) { return static_cast<double>(us) / 1e3; };
  const LatencyHistogram& latency = state_->latency;
  return fmt::format(
      "{{\"writes\":{},\"p50_ms\":{:.3f},\"p99_ms\":{:.3f},\"max_ms\":{:.3f},\"stalls\":{},"
      "\"failed\":{}}}",
      latency.count(), ms(latency.quantile_us(0.5)), ms(latency.quantile_us(0.99)),
      ms(latency.max_us()), state_->stalls, state_->failure != 0);
}

}  // namespace freshet::cli
