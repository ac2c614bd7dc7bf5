// The write queue of the simulated machine: writes finish late, in any order, fail, and are caught
// half done by a crash.
#pragma once

#include <cstdint>
#include <vector>

#include "io/clock.h"
#include "io/random.h"
#include "io/write_queue.h"
#include "sim/simulated_disk.h"

namespace freshet::sim {

class SimulatedWriteQueue : public io::WriteQueue {
 public:
  // Waiting lets time pass on `clock`.
  SimulatedWriteQueue(SimulatedDisk& disk, io::ManualClock& clock, std::uint64_t seed)
      : disk_(disk), clock_(clock), random_(seed) {
    disk_.set_before_crash([this] { interrupt(); });
  }
  ~SimulatedWriteQueue() override { disk_.set_before_crash(nullptr); }

  void submit(io::File& file, std::uint64_t offset, std::span<const std::byte> bytes,
              std::uint64_t tag) override;
  // Finishes any number of the writes, in any order; with time to wait at least one, if there is
  // one.
  void wait(std::vector<io::Completion>& done, std::int64_t timeout_us) override;
  void wake() override { woken_ = true; }
  std::string_view kind() const override { return "simulated"; }

  // The process dies, or the disk is about to crash (it calls this itself): the writes on their way
  // reach the machine in part. Afterwards wait() says that they failed, once, so that their owner
  // can be destroyed.
  void interrupt();
  std::size_t in_flight() const { return writes_.size(); }

 private:
  struct Write {
    io::File* file = nullptr;
    std::uint64_t offset = 0;
    std::span<const std::byte> bytes;
    std::uint64_t tag = 0;
  };

  SimulatedDisk& disk_;
  io::ManualClock& clock_;
  io::SeededRandom random_;
  std::vector<Write> writes_;
  std::vector<io::Completion> interrupted_;
  bool woken_ = false;
};

}  // namespace freshet::sim
