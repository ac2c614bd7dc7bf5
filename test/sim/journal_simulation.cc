#include "sim/journal_simulation.h"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <vector>

#include "log/format.h"
#include "log/reader.h"
#include "sim/journal_oracle.h"
#include "sim/simulated_write_queue.h"

namespace freshet::sim {
namespace {

constexpr int kOpenAttemptsMax = 200;

class Simulation {
 public:
  explicit Simulation(const JournalSimulationOptions& options)
      : options_(options),
        random_(options.seed),
        disk_(random_.next_u64()),
        queue_(std::make_unique<SimulatedWriteQueue>(disk_, clock_, random_.next_u64())),
        journal_random_(random_.next_u64()) {
    config_.directory = "data/journal-0";
    config_.data_directory_id = 77;
    config_.segment_bytes = std::uint64_t{64} << (10 + random_.below(3));
    config_.block_bytes_max = std::uint64_t{4} << (10 + random_.below(3));
    config_.segments_ahead = static_cast<std::uint32_t>(1 + random_.below(2));
    config_.recent_bytes_max = random_.below(2) == 0 ? 0 : 1 << 20;
    config_.compress = random_.below(4) == 0;
    disk_.faults().ignore_every_nth_sync = options.ignore_every_nth_sync;
    disk_.faults().ignore_every_nth_directory_sync = options.ignore_every_nth_directory_sync;
    disk_.faults().write_fails = random_.below(3) == 0 ? 20 : 0;
    disk_.faults().sync_fails = random_.below(3) == 0 ? 50 : 0;
    disk_.faults().directory_sync_fails = random_.below(4) == 0 ? 20 : 0;
    rots_ = random_.below(3) == 0;
  }

  JournalSimulationOutcome run() {
    open();
    for (std::uint32_t step = 0; step < options_.steps && !violation_; ++step) {
      act();
      if (disk_.is_off() && !violation_) restart();
    }
    if (!violation_) heal();
    journal_.reset();
    JournalSimulationOutcome outcome;
    outcome.violation = violation_;
    outcome.io_hash = disk_.io_hash();
    outcome.acknowledged = oracle_.acknowledged_count();
    outcome.sometimes = std::move(sometimes_);
    outcome.sometimes["unknown record present"] += oracle_.counters().unknown_present;
    outcome.sometimes["unknown record absent"] += oracle_.counters().unknown_absent;
    outcome.sometimes["acknowledged record in a gap"] += oracle_.counters().damaged;
    outcome.sometimes["torn page"] += disk_.counters().torn_pages;
    outcome.sometimes["name forgotten"] += disk_.counters().names_forgotten;
    outcome.sometimes["failed sync"] += disk_.counters().failed_syncs;
    return outcome;
  }

 private:
  void check(JournalOracle::Violation violation) {
    if (!violation_ && violation) violation_ = std::move(violation);
  }
  void saw(const char* state) {
    ++sometimes_[state];
    trace(state);
  }
  void trace(const std::string& what) const {
    if (options_.trace) std::printf("%s\n", what.c_str());
  }

  void act() {
    switch (random_.below(24)) {
      case 0:
        return crash_or_kill();
      case 1:
        return disk_.crash_after(random_.below(30));
      case 2:
        return trim();
      case 3:
        return change_capacity();
      case 4:
        if (random_.below(3) == 0) return rot();
        (void)settle();  // whatever state it leaves is a state to go on from
        return;
      case 5:
      case 6:
        return read();
      case 7:
        clock_.step_wall_us(static_cast<std::int64_t>(random_.below(2'000'000)) - 1'000'000);
        return;
      case 8:
      case 9:
        return prepare();
      case 10:
      case 11:
      case 12:
      case 13:
        return submit();
      case 14:
      case 15:
      case 16:
      case 17:
        return turn(random_.below(2) == 0 ? 0 : 1000);
      default:
        return append();
    }
  }

  void append() {
    std::uint64_t count = 1 + random_.below(6);
    for (std::uint64_t each = 0; each < count && journal_; ++each) {
      ExpectedRecord record;
      record.stream = static_cast<StreamId>(1 + random_.below(2));
      record.partition = static_cast<PartitionId>(random_.below(3));
      record.kind = random_.below(10) == 0 ? log::RecordKind::kControl : log::RecordKind::kData;
      record.key = "key-" + std::to_string(random_.below(9));
      bool large = random_.below(40) == 0;
      record.data = std::string(random_.below(large ? 20'000 : 1500),
                                static_cast<char>('a' + random_.below(26)));
      record.data += std::to_string(random_.next_u64());
      auto position = journal_->append(record.stream, record.partition, record.kind, record.key,
                                       record.data, clock_.wall_us());
      if (!position.has_value()) {
        saw("append refused for want of a segment");
        return;
      }
      record.arrival_us = journal_->open_block_arrival_us();
      check(oracle_.appended(*position, std::move(record)));
    }
  }

  void submit() {
    if (!journal_ || journal_->open_block_records() == 0 || !journal_->can_submit()) return;
    Status submitted = journal_->submit();
    if (!submitted.has_value()) return trace("submit: " + submitted.error().to_string());
    oracle_.submitted();
    trace("submit; durable " + std::to_string(journal_->durable().value));
    if (options_.acknowledge_before_sync) {
      Position last;
      (void)journal_->visit_submitted([&](const log::Record& record) {
        last = record.position;
        return ok();
      });
      check(oracle_.durable(last));
    }
  }

  void prepare() {
    if (!journal_) return;
    // A full or failing disk: it is asked again.
    Status prepared = journal_->prepare_segments();
    if (!prepared.has_value()) trace("prepare: " + prepared.error().to_string());
  }

  // One round of the owner's loop.
  void turn(std::int64_t timeout_us) {
    if (!journal_) return;
    std::vector<io::Completion> done;
    queue_->wait(done, timeout_us);
    bool broken = false;
    for (const io::Completion& completion : done) {
      bool log_write_failed =
          !completion.status.has_value() && (completion.tag >> 63) == 0 && !disk_.is_off();
      if (log_write_failed) saw("failed write");
      broken |= !journal_->complete(completion).has_value();
    }
    if (disk_.is_off()) return;
    check(oracle_.durable(journal_->durable()));
    if (journal_->blocks_in_flight() == 0) (void)journal_->submit_watermark();
    if (broken) {
      saw("journal that writes no more");
      kill_process();
      open();
    }
  }

  // Everything written, and a watermark behind it.
  bool settle() {
    for (int round = 0; round < 300 && journal_ && !disk_.is_off() && !violation_; ++round) {
      prepare();
      submit();
      turn(1000);
      bool quiet =
          journal_ && journal_->open_block_records() == 0 && journal_->blocks_in_flight() == 0;
      if (quiet) return true;
    }
    if (journal_) {
      trace("not settled: " + std::to_string(journal_->open_block_records()) + " open records, " +
            std::to_string(journal_->open_block_bytes()) + " bytes, " +
            std::to_string(journal_->blocks_in_flight()) + " blocks in flight");
    }
    return false;
  }

  void read() {
    if (!journal_) return;
    auto stream = static_cast<StreamId>(1 + random_.below(2));
    auto partition = static_cast<PartitionId>(random_.below(3));
    log::ReadLimits limits;
    limits.records_max = 1 + random_.below(50);
    limits.bytes_max = 1 + random_.below(20'000);
    Position from = random_.below(2) == 0 ? journal_->first_position() : read_from_;
    std::vector<std::pair<Position, ExpectedRecord>> given;
    auto end = journal_->reader().read(stream, partition, from, {~0ull}, limits,
                                       [&](const log::Record& record) {
                                         given.push_back(expected_from(record));
                                         return ok();
                                       });
    if (disk_.is_off()) return;
    if (!end.has_value()) {
      bool fair = end.error().code() == Code::kExpired ||
                  (end.error().code() == Code::kCorruption && rotten_);
      if (!fair) check("a reader was refused: " + end.error().to_string());
      read_from_ = journal_->reader().position_behind_gap(from);
      return;
    }
    check(oracle_.read(stream, partition, from, end->next, given, journal_->durable()));
    if (end->next < from) check("a reader was sent back");
    read_from_ = end->next;
  }

  void trim() {
    if (!journal_ || random_.below(3) != 0) return;
    std::uint64_t first = journal_->first_position().value;
    std::uint64_t last = journal_->durable().value;
    if (last <= first) return;
    Position before{first + random_.below(last - first + 1)};
    if (random_.below(2) == 0) {
      before = journal_->position_for_bytes(3 * config_.segment_bytes);
      before = std::min(before, Position{last + 1});
    }
    trace("trim before " + std::to_string(before.value));
    oracle_.trimmed(before);
    if (!journal_->trim(before).has_value()) saw("failed trim");
    if (!disk_.is_off() && journal_->first_position().value > first) saw("segment trimmed");
  }

  void change_capacity() {
    auto& capacity = disk_.faults().capacity_bytes;
    if (capacity != ~std::uint64_t{0}) {
      capacity = ~std::uint64_t{0};
    } else if (random_.below(2) == 0) {
      std::uint64_t used = 0;
      for (const auto& [path, bytes] : disk_.files()) used += bytes;
      capacity = used + random_.below(2 * config_.segment_bytes);
    }
  }

  // One flipped bit while the server is down. Only where all that was acknowledged is vouched for
  // by a watermark: by design the last block before it would pass for a torn tail.
  void rot() {
    if (!rots_ || !settle()) return;
    append();
    if (!settle()) return;
    // Started on a full disk there was no place for a watermark either.
    if (journal_->durable().value / kPositionsPerEpoch != journal_->recovery().epoch) return;
    kill_process();
    auto files = disk_.files();
    if (!files.empty()) {
      const auto& [path, bytes] = files[random_.below(files.size())];
      if (bytes > 0) {
        trace("flip in " + path);
        disk_.flip(path, random_.below(bytes), static_cast<std::uint8_t>(1u << random_.below(8)));
        rotten_ = true;
      }
    }
    open();
  }

  void crash_or_kill() {
    if (journal_ && queue_->in_flight() >= 2) saw("two writes in flight at a crash");
    if (random_.below(2) == 0) {
      trace("crash");
      disk_.crash();
      return;  // the caller restarts
    }
    kill_process();
    open();
  }

  void kill_process() {
    trace("kill");
    queue_->interrupt();
    disk_.kill();
    journal_.reset();
  }

  void restart() {
    journal_.reset();
    disk_.power_on();
    open();
  }

  void open() {
    config_.check_bodies = random_.below(4) == 0;
    open_as_configured();
  }

  void open_as_configured() {
    for (int attempt = 0; attempt < kOpenAttemptsMax; ++attempt) {
      if (random_.below(6) == 0) disk_.crash_after(random_.below(25));
      auto opened =
          log::Journal::open(config_, disk_, *queue_, clock_, journal_random_, options_.policy);
      if (disk_.is_off()) {
        saw("crash inside a recovery");
        if (opened.has_value()) opened->reset();
        disk_.power_on();
        continue;
      }
      disk_.cancel_crash();
      if (!opened.has_value()) {
        // Faults that come by chance go by chance.
        bool fair = opened.error().code() == Code::kIo || opened.error().code() == Code::kNoSpace;
        if (!fair) return check("the journal does not open: " + opened.error().to_string());
        saw("start refused for a failing disk");
        disk_.kill();
        continue;
      }
      journal_ = *std::move(opened);
      return check_recovery();
    }
    check("the journal does not open in " + std::to_string(kOpenAttemptsMax) + " attempts");
  }

  void check_recovery() {
    std::vector<std::pair<Position, ExpectedRecord>> replayed;
    Status status = journal_->replay({0}, [&](const log::Record& record) {
      replayed.push_back(expected_from(record));
      return ok();
    });
    if (!status.has_value() && status.error().code() == Code::kCorruption && rotten_ &&
        !config_.check_bodies) {
      saw("damage that only replay met");
      journal_.reset();
      config_.check_bodies = true;
      return open_as_configured();
    }
    if (!status.has_value()) return check("replay: " + status.error().to_string());
    const log::Recovery& recovery = journal_->recovery();
    if (options_.trace) trace_recovery(recovery);
    if (recovery.torn_tail_bytes > 0) saw("torn tail");
    if (!recovery.gaps.empty()) saw("gap reported");
    if (replayed.size() != recovery.records) check("recovery counts other records than it replays");
    check(oracle_.recovered(recovery, replayed, rotten_));
    if (disk_.faults().capacity_bytes != ~std::uint64_t{0}) {
      auto probe = journal_->append(9, 9, log::RecordKind::kControl, "", "", clock_.wall_us());
      if (!probe.has_value()) {
        saw("no space inside a recovery");
      } else {
        ExpectedRecord record;
        record.stream = 9;
        record.partition = 9;
        record.kind = log::RecordKind::kControl;
        record.arrival_us = journal_->open_block_arrival_us();
        check(oracle_.appended(*probe, std::move(record)));
      }
    }
  }

  void trace_recovery(const log::Recovery& recovery) const {
    trace("opened: epoch " + std::to_string(recovery.epoch) + ", last " +
          std::to_string(recovery.last.value) + ", records " + std::to_string(recovery.records) +
          ", torn bytes " + std::to_string(recovery.torn_tail_bytes));
    for (const auto& [path, bytes] : disk_.files())
      trace("  " + path + " " + std::to_string(bytes));
    for (const log::Gap& gap : recovery.gaps) {
      trace("  gap in " + gap.segment + " at " + std::to_string(gap.offset) + " +" +
            std::to_string(gap.bytes) + " after " + std::to_string(gap.after.value) + " before " +
            std::to_string(gap.before.value));
    }
  }

  // The faults end: from here on everything must work again, within bounds.
  void heal() {
    disk_.faults() = {};
    disk_.faults().ignore_every_nth_sync = options_.ignore_every_nth_sync;
    disk_.faults().ignore_every_nth_directory_sync = options_.ignore_every_nth_directory_sync;
    disk_.cancel_crash();
    bool settled = settle();
    // What failed a moment ago is tried again after a pause.
    for (int pause = 0; pause < 3 && !settled; ++pause) {
      clock_.advance_us(1'000'000);
      settled = settle();
    }
    if (!settled) return check("no progress after the faults ended");
    std::uint64_t before = journal_->durable().value;
    for (int round = 0; round < 50 && journal_->open_block_records() == 0; ++round) {
      clock_.advance_us(100'000);
      append();
      prepare();
      turn(1000);
    }
    if (!settle() || journal_->durable().value <= before) {
      return check("nothing can be written after the faults ended");
    }
    disk_.crash();
    restart();
    if (!violation_) read();
  }

  static std::pair<Position, ExpectedRecord> expected_from(const log::Record& record) {
    ExpectedRecord given;
    given.stream = record.stream;
    given.partition = record.partition;
    given.kind = record.kind;
    given.arrival_us = record.arrival_us;
    given.key = record.partition_key;
    given.data = record.data;
    return {record.position, std::move(given)};
  }

  JournalSimulationOptions options_;
  io::SeededRandom random_;
  io::ManualClock clock_{1'700'000'000'000'000};
  SimulatedDisk disk_;
  std::unique_ptr<SimulatedWriteQueue> queue_;
  io::SeededRandom journal_random_;
  log::Config config_;
  JournalOracle oracle_;
  std::unique_ptr<log::Journal> journal_;
  std::optional<std::string> violation_;
  std::map<std::string, std::uint64_t> sometimes_;
  Position read_from_;
  bool rots_ = false;    // this seed flips bits
  bool rotten_ = false;  // a bit has been flipped
};

}  // namespace

JournalSimulationOutcome run_journal_simulation(const JournalSimulationOptions& options) {
  return Simulation(options).run();
}

}  // namespace freshet::sim
