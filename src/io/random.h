// Random numbers: from the operating system in production, from a seed in simulation.
#pragma once

#include <cstdint>
#include <span>

namespace freshet::io {

class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(std::span<std::byte> bytes) = 0;
  std::uint64_t next_u64();
  // Uniform in [0, bound); `bound` must not be 0.
  std::uint64_t below(std::uint64_t bound);
};

// getrandom(2). Thread-safe.
Random& system_random();

// SplitMix64 (Steele, Lea, Flood 2014): the same seed gives the same numbers for ever. One thread.
class SeededRandom : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_(seed) {}
  void fill(std::span<std::byte> bytes) override;

 private:
  std::uint64_t state_;
};

}  // namespace freshet::io
