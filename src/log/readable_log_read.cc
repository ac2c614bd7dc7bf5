// ReadableLog::read and read_all: records from memory where they are new, from disk before.
#include <algorithm>
#include <variant>

#include "log/block_cursor.h"
#include "log/readable_log.h"

namespace freshet::log {
namespace {

// One call looks at no more than this, so that a reader of a quiet partition is bounded too.
constexpr std::uint64_t kScanBytesMax = 64ull << 20;
constexpr std::size_t kPinnedBlocksMax = 64;

}  // namespace

struct ReadableLog::Source {
  enum class Kind { kEnd, kError, kMemory, kDisk } kind = Kind::kEnd;
  std::optional<Error> error;
  std::vector<RecentBlock> blocks;
  DiskPart part;
};

ReadableLog::Source ReadableLog::locate(std::uint64_t cursor,
                                        const std::optional<Wanted>& wanted) const {
  Source source;
  MutexLock lock(mutex_);
  if (cursor < trim_floor_) {
    source.kind = Source::Kind::kError;
    source.error = expired(cursor);
    return source;
  }
  if (cursor > durable_) return source;
  if (const Gap* gap = gap_at(cursor)) {
    source.kind = Source::Kind::kError;
    source.error =
        Error(Code::kCorruption, 3111,
              gap->segment + " is damaged at offset " + std::to_string(gap->offset) + " (" +
                  std::to_string(gap->bytes) + " bytes): records behind position " +
                  std::to_string(gap->after.value) + " cannot be read; go on at position " +
                  std::to_string(gap->before.value));
    return source;
  }
  if (!recent_.empty() && recent_.front().view.header.base_position <= cursor) {
    source.kind = Source::Kind::kMemory;
    auto block = std::partition_point(recent_.begin(), recent_.end(), [&](const RecentBlock& each) {
      return each.view.end().value <= cursor;
    });
    for (; block != recent_.end() && source.blocks.size() < kPinnedBlocksMax; ++block) {
      // The last one is taken in any case: it says how far was looked.
      bool is_last = std::next(block) == recent_.end();
      bool has_records = !wanted || block->view.find(wanted->stream, wanted->partition);
      if (is_last || has_records) source.blocks.push_back(*block);
    }
    return source;
  }
  std::size_t index = stretch_for(cursor);
  if (index == stretches_.size()) return source;
  source.kind = Source::Kind::kDisk;
  source.part = part_of(stretches_[index], cursor);
  return source;
}

// One call of read(): where it stands and what it has handed out.
class ReadableLog::Reading {
 public:
  Reading(ReadableLog& log, const std::optional<Wanted>& wanted, Position from, Position until,
          const ReadLimits& limits, const RecordVisitor& visit)
      : log_(log),
        wanted_(wanted),
        cursor_(std::max<std::uint64_t>(from.value, 1)),
        until_(until.value),
        limits_(limits),
        visit_(visit) {}

  Status run() {
    while (!stopped_ && cursor_ < until_ && scanned_bytes_ < kScanBytesMax) {
      Source source = log_.locate(cursor_, wanted_);
      switch (source.kind) {
        case Source::Kind::kEnd:
          at_end_ = true;
          return ok();
        case Source::Kind::kError:
          // What was read before it is given first; the next call meets the error again.
          if (records_ > 0) return ok();
          return *std::move(source.error);
        case Source::Kind::kMemory:
          for (const RecentBlock& block : source.blocks) FRESHET_TRY_STATUS(take(block.view));
          break;
        case Source::Kind::kDisk:
          FRESHET_TRY_STATUS(read_part(source.part));
          break;
      }
    }
    return ok();
  }

  ReadEnd end() const {
    ReadEnd end;
    end.next = {std::min(cursor_, std::max(until_, std::uint64_t{1}))};
    end.at_end = at_end_;
    return end;
  }

 private:
  Status take(const BlockView& block) {
    if (stopped_) return ok();
    scanned_bytes_ += block.header.block_bytes;
    bool has_records = !wanted_ || block.find(wanted_->stream, wanted_->partition);
    if (!has_records || block.end().value <= cursor_) {
      cursor_ = std::max(cursor_, block.end().value);
      return ok();
    }
    FRESHET_TRY_STATUS(
        visit_block_records(block, [&](const Record& record) -> Status { return offer(record); }));
    if (!stopped_) cursor_ = std::max(cursor_, block.end().value);
    return ok();
  }

  Status offer(const Record& record) {
    if (stopped_ || record.position.value < cursor_) return ok();
    if (wanted_ && (record.stream != wanted_->stream || record.partition != wanted_->partition))
      return ok();
    std::size_t bytes = record.partition_key.size() + record.data.size();
    bool full = records_ >= limits_.records_max || bytes_ + bytes > limits_.bytes_max;
    if (record.position.value >= until_ || (records_ > 0 && full)) {
      stopped_ = true;
      cursor_ = record.position.value;
      return ok();
    }
    ++records_;
    bytes_ += bytes;
    FRESHET_TRY_STATUS(visit_(record));
    cursor_ = record.position.value + 1;
    return ok();
  }

  Status read_part(const DiskPart& part) {
    auto file = log_.disk_.open(part.path, io::OpenMode::kRead);
    if (!file.has_value()) return trimmed_or(part, std::move(file).error());
    BlockCursor cursor(**file, part.identity, part.offset, part.end_offset);
    while (!stopped_ && cursor_ < until_ && scanned_bytes_ < kScanBytesMax) {
      std::uint64_t bad_from = cursor.offset();
      BlockCursor::Found found = skip_to_block(cursor);
      std::uint64_t bad_until =
          found == BlockCursor::Found::kBlock ? cursor.block_offset() : part.end_offset;
      std::uint64_t next_good =
          found == BlockCursor::Found::kBlock ? cursor.block().first().value : part.end_position;
      if (bad_until > bad_from && next_good > cursor_) {
        return damaged(part, bad_from, bad_until - bad_from, next_good);
      }
      if (found != BlockCursor::Found::kBlock) break;
      FRESHET_TRY_STATUS(take(cursor.block()));
      if (cursor.header().sequence >= part.last_sequence) break;
    }
    if (!stopped_ && cursor.offset() >= part.end_offset) {
      cursor_ = std::max(cursor_, part.end_position);
    }
    return ok();
  }

  // kBlock, or kEnd. Whatever is no good block is stepped over page by page.
  static BlockCursor::Found skip_to_block(BlockCursor& cursor) {
    for (;;) {
      BlockCursor::Found found = cursor.next();
      if (found == BlockCursor::Found::kBlock || found == BlockCursor::Found::kEnd) return found;
      cursor.skip(kPageBytes);
    }
  }

  Status damaged(const DiskPart& part, std::uint64_t offset, std::uint64_t bytes,
                 std::uint64_t next_good) {
    // Trimmed and taken into use again under our hands: that is no damage.
    if (!log_.holds_segment(part.identity.segment_id)) return trimmed_or(part, std::nullopt);
    log_.add_found_gap(part, offset, bytes, cursor_, next_good);
    if (records_ > 0) {
      stopped_ = true;
      return ok();
    }
    return *log_.locate(cursor_, wanted_).error;
  }

  Status trimmed_or(const DiskPart& part, std::optional<Error> otherwise) {
    if (otherwise.has_value() && log_.holds_segment(part.identity.segment_id)) {
      return *std::move(otherwise);
    }
    if (records_ > 0) {
      stopped_ = true;
      return ok();
    }
    MutexLock lock(log_.mutex_);
    return log_.expired(cursor_);
  }

  ReadableLog& log_;
  const std::optional<Wanted>& wanted_;
  std::uint64_t cursor_;
  std::uint64_t until_;
  const ReadLimits& limits_;
  const RecordVisitor& visit_;
  std::size_t records_ = 0;
  std::size_t bytes_ = 0;
  std::uint64_t scanned_bytes_ = 0;
  bool stopped_ = false;
  bool at_end_ = false;
};

Result<ReadEnd> ReadableLog::read(StreamId stream, PartitionId partition, Position from,
                                  Position until, const ReadLimits& limits,
                                  const RecordVisitor& visit) {
  return read_wanted(Wanted{stream, partition}, from, until, limits, visit);
}

Result<ReadEnd> ReadableLog::read_all(Position from, Position until, const ReadLimits& limits,
                                      const RecordVisitor& visit) {
  return read_wanted(std::nullopt, from, until, limits, visit);
}

Result<ReadEnd> ReadableLog::read_wanted(const std::optional<Wanted>& wanted, Position from,
                                         Position until, const ReadLimits& limits,
                                         const RecordVisitor& visit) {
  Reading reading(*this, wanted, from, until, limits, visit);
  FRESHET_TRY_STATUS(reading.run());
  ReadEnd end = reading.end();
  MutexLock lock(mutex_);
  end.last_arrival_us = last_arrival_us_;
  return end;
}

}  // namespace freshet::log
