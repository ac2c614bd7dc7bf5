// bench dedup: the real Dedup class, fed with ids whose every answer is known beforehand.
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

#include "cli/bench_report.h"
#include "cli/commands.h"
#include "cli/fleet_files.h"
#include "cli/interrupt.h"
#include "cli/latency.h"
#include "cli/server_client.h"
#include "common/units.h"
#include "dedup/dedup.h"
#include "io/clock.h"

namespace freshet::cli {
namespace {

using dedup::Dedup;
using dedup::DedupDecision;

// What the process needs beside what the budget counts: code, libraries, buffers of the disk.
constexpr std::uint64_t kProcessBytes = 96ull << 20;
constexpr std::size_t kBatch = 2'048;
constexpr std::size_t kPrefetchDistance = 24;
constexpr std::uint64_t kSampleEvery = 61;  // new ids whose time is taken alone

// A number of the seed's stream for each n: any event can be made again, so that the bench
// remembers none.
std::uint64_t mixed(std::uint64_t n) {
  n += 0x9E3779B97F4A7C15ull;
  n = (n ^ n >> 30) * 0xBF58476D1CE4E5B9ull;
  n = (n ^ n >> 27) * 0x94D049BB133111EBull;
  return n ^ n >> 31;
}

struct Event {
  EventId id;
  ContentHash content;
  std::uint64_t number = 0;  // of its id, which is also the row of its first
  bool is_new = true;
  bool is_conflict = false;
};

class DedupBench {
 public:
  DedupBench(Dedup& dedup, std::uint64_t seed, std::uint64_t ids, std::int64_t horizon_us)
      : dedup_(dedup), seed_(mixed(seed)), ids_(ids), horizon_us_(horizon_us) {}

  Status run() {
    while (new_ids_ < ids_ && !interrupted()) {
      make_batch();
      FRESHET_TRY_STATUS(wait_for_room());
      FRESHET_TRY_STATUS(decide_batch());
      note_rows();
    }
    if (interrupted()) return Error(Code::kUnavailable, "interrupted");
    return check_finds();
  }

  std::uint64_t wrong() const { return wrong_; }
  std::string json() const;

 private:
  Event event_of(std::uint64_t number) const {
    std::uint64_t base = seed_ + 4 * number;
    return {{(mixed(base) & ~0xF000ull) | 0x4000, mixed(base + 1) >> 2 | 1ull << 63},
            {mixed(base + 2), mixed(base + 3)},
            number};
  }
  // One in a hundred is a retry: of them one in eight of any age, the others of the last 100,000
  // ids; one in fifty has another content.
  Event next_event() {
    std::uint64_t chance = mixed(seed_ ^ ++events_ << 20);
    if (chance % 100 != 0 || new_ids_ == 0) return event_of(new_ids_++);
    chance /= 100;
    std::uint64_t reach = chance % 8 == 0 ? new_ids_ : std::min<std::uint64_t>(new_ids_, 100'000);
    chance /= 8;
    Event event = event_of(new_ids_ - 1 - mixed(chance) % reach);
    event.is_new = false;
    event.is_conflict = chance % 50 == 0;
    if (event.is_conflict) event.content.low ^= 1;
    return event;
  }
  void make_batch() {
    batch_.clear();
    while (batch_.size() < kBatch && new_ids_ < ids_) batch_.push_back(next_event());
    now_us_ = static_cast<std::int64_t>(static_cast<double>(new_ids_) / static_cast<double>(ids_) *
                                        static_cast<double>(horizon_us_));
  }
  Status wait_for_room();
  Status decide_batch();
  Status decide(const Event& event, std::uint64_t position);
  void fetch_ahead(std::size_t at);
  void note_rows();
  Status check_finds();
  static std::int64_t now_ns() { return io::system_clock().monotonic_ns(); }

  Dedup& dedup_;
  std::uint64_t seed_, ids_;
  std::int64_t horizon_us_;
  std::vector<Event> batch_;
  std::vector<std::pair<Event, dedup::DedupTicket>> rows_;
  std::uint64_t events_ = 0, new_ids_ = 0, positions_ = 0;
  std::int64_t now_us_ = 0;
  std::uint64_t retries_ = 0, conflicts_ = 0, wrong_ = 0, decided_new_ = 0, finds_ = 0;
  std::int64_t new_ns_ = 0, retry_ns_ = 0, upkeep_ns_ = 0, stalled_ns_ = 0;
  std::int64_t started_ns_ = now_ns();
  LatencyHistogram new_times_, retry_times_;  // of nanoseconds
};

// What a shard does before it takes a batch; where a shard would tell its clients to come again,
// the bench waits.
Status DedupBench::wait_for_room() {
  std::int64_t begin_ns = now_ns();
  dedup_.expire(now_us_, new_ids_);
  upkeep_ns_ += now_ns() - begin_ns;
  begin_ns = now_ns();
  while (!dedup_.reserve(kBatch) && !interrupted()) {
    std::this_thread::sleep_for(std::chrono::microseconds(200));
    dedup_.expire(now_us_, new_ids_);
    if (auto failure = dedup_.take_failure()) return *std::move(failure);
  }
  stalled_ns_ += now_ns() - begin_ns;
  return ok();
}

void DedupBench::fetch_ahead(std::size_t at) {
  for (std::size_t i = at == 0 ? 0 : Dedup::kLookAhead; i <= Dedup::kLookAhead; ++i) {
    if (at + i < batch_.size()) dedup_.look_ahead(batch_[at + i].id);
  }
  if (at + kPrefetchDistance < batch_.size()) dedup_.prefetch(batch_[at + kPrefetchDistance].id);
}

// All the time between begin and end is that of new ids, but for what a retry's own decide() took.
Status DedupBench::decide_batch() {
  std::int64_t begin_ns = now_ns(), retries_before_ns = retry_ns_;
  for (std::size_t i = 0; i < batch_.size(); ++i) {
    fetch_ahead(i);
    const Event& event = batch_[i];
    bool is_timed = !event.is_new || events_ % kSampleEvery == i % kSampleEvery;
    std::int64_t one_ns = is_timed ? now_ns() : 0;
    FRESHET_TRY_STATUS(decide(event, ++positions_));
    if (!is_timed) continue;
    one_ns = now_ns() - one_ns;
    (event.is_new ? new_times_ : retry_times_).add_us(one_ns);
    if (!event.is_new) retry_ns_ += one_ns;
  }
  new_ns_ += now_ns() - begin_ns - (retry_ns_ - retries_before_ns);
  return ok();
}

Status DedupBench::decide(const Event& event, std::uint64_t position) {
  FRESHET_TRY(auto got, dedup_.decide(event.id, event.content, {position}, 0, now_us_));
  if (event.is_new) {
    ++decided_new_;
    if (got.decision != DedupDecision::kNew) ++wrong_;
    rows_.emplace_back(event, got.ticket);
    return ok();
  }
  ++(event.is_conflict ? conflicts_ : retries_);
  auto expected = event.is_conflict ? DedupDecision::kConflict : DedupDecision::kDuplicate;
  ContentHash first = event_of(event.number).content;
  bool row_is_known = got.first.row == event.number || got.first.row == dedup::kDedupNoRow;
  if (got.decision != expected || got.first.content != first || !row_is_known) ++wrong_;
  return ok();
}

void DedupBench::note_rows() {
  std::int64_t begin_ns = now_ns();
  for (const auto& [event, ticket] : rows_) dedup_.set_row(event.id, ticket, event.number);
  rows_.clear();
  upkeep_ns_ += now_ns() - begin_ns;
}

// As a client that asks for items: ids of any age, and ids that never came.
Status DedupBench::check_finds() {
  for (; finds_ < 20'000; ++finds_) {
    std::uint64_t number = mixed(finds_) % ids_;
    FRESHET_TRY(auto found, dedup_.find(event_of(number).id));
    if (!found || found->row != number) ++wrong_;
    FRESHET_TRY(found, dedup_.find(event_of(ids_ + finds_).id));
    if (found) ++wrong_;
  }
  return ok();
}

std::string times_json(std::int64_t sum_ns, std::uint64_t count, const LatencyHistogram& times) {
  return fmt::format(
      "{{\"mean_ns\":{:.1f},\"p50_ns\":{},\"p99_ns\":{},\"p999_ns\":{},\"max_ns\":{}}}",
      count == 0 ? 0.0 : static_cast<double>(sum_ns) / static_cast<double>(count),
      times.quantile_us(0.5), times.quantile_us(0.99), times.quantile_us(0.999), times.max_us());
}

std::string DedupBench::json() const {
  auto seconds = [](std::int64_t ns) { return static_cast<double>(ns) / 1e9; };
  dedup::DedupCounters counters = dedup_.counters();
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return fmt::format(
      "{{\"ids\":{},\"retries\":{},\"conflicts\":{},\"finds\":{},\"wrong\":{},\"decide_new\":{},"
      "\"decide_retry\":{},\"upkeep_ns\":{:.1f},\"seconds\":{:.1f},\"stalled_seconds\":{:.1f},"
      "\"peak_resident_bytes\":{},\"charged_bytes\":{},\"filter_bytes\":{},\"memory_ids\":{},"
      "\"runs\":{},\"run_entries\":{},\"disk_bytes\":{},\"written_bytes\":{},\"flushes\":{},"
      "\"merges\":{},\"runs_asked\":{},\"false_positives\":{},\"page_reads\":{}}}",
      decided_new_, retries_, conflicts_, 2 * finds_, wrong_,
      times_json(new_ns_, decided_new_, new_times_),
      times_json(retry_ns_, retries_ + conflicts_, retry_times_),
      static_cast<double>(upkeep_ns_) / static_cast<double>(events_),
      seconds(now_ns() - started_ns_), seconds(stalled_ns_),
      static_cast<std::uint64_t>(usage.ru_maxrss) * 1024, dedup_.memory_bytes(),
      counters.filter_bytes, counters.memory_ids, counters.runs, counters.run_entries,
      counters.file_bytes, counters.bytes_written, counters.flushes, counters.merges,
      counters.filter_hits, counters.false_hits, counters.page_reads);
}

// What the filter of all ids leaves, with half as much again for those on their way to disk.
Result<std::uint64_t> memory_ids(std::uint64_t limit_bytes, std::uint64_t ids) {
  std::uint64_t filter_bytes = ids * 218 / 100 + (4ull << 20);
  if (limit_bytes < filter_bytes + (16ull << 20)) {
    return usage_error(fmt::format("--memory: {} ids need at least {} bytes", ids,
                                   filter_bytes + (16ull << 20) + kProcessBytes));
  }
  return (limit_bytes - filter_bytes) / (82 * 3 / 2);
}

}  // namespace

Result<ExitCode> run_bench_dedup(const Invocation& invocation) {
  FRESHET_TRY(std::uint64_t ids, count_of(invocation, "ids", 20'000'000));
  FRESHET_TRY(std::uint64_t seed, count_of(invocation, "seed", 1));
  FRESHET_TRY(std::int64_t horizon_us, parse_duration_us(invocation.value_or("horizon", "24h")));
  FRESHET_TRY(std::uint64_t memory_bytes, parse_bytes(invocation.value_or("memory", "2GiB")));
  if (ids == 0) return usage_error("--ids: at least 1");
  if (memory_bytes < kProcessBytes + (32ull << 20)) return usage_error("--memory: at least 160MiB");
  FRESHET_TRY(TemporaryFolder folder, TemporaryFolder::make(invocation.value_or("dir", "")));
  MemoryBudget budget(memory_bytes - kProcessBytes);
  io::ThreadPool background("dedup", 1, 64);
  dedup::DedupConfig config;
  config.horizon_us = horizon_us;
  config.hash_seed = mixed(seed);
  config.directory = folder.path() + "/ids";
  config.disk = &io::system_disk();
  FRESHET_TRY(config.memory_ids, memory_ids(budget.limit_bytes(), ids));
  Dedup dedup(config, budget, &background);
  DedupBench bench(dedup, seed, ids, horizon_us);
  FRESHET_TRY_STATUS(bench.run());
  if (auto failure = dedup.take_failure()) return *std::move(failure);
  invocation.output().write_line(bench_report(invocation, "bench dedup", bench.json()));
  return bench.wrong() > 0 ? ExitCode::kFailed : ExitCode::kOk;
}

}  // namespace freshet::cli
