#include "log/readable_log.h"

#include <algorithm>

#include "common/check.h"
#include "log/block_cursor.h"

namespace freshet::log {

void ReadableLog::add_stretch(Stretch stretch) {
  FRESHET_CHECK(!stretch.index.empty());
  MutexLock lock(mutex_);
  stretches_.push_back(std::move(stretch));
}

void ReadableLog::add_gap(Gap gap) {
  MutexLock lock(mutex_);
  gaps_.push_back(std::move(gap));
}

void ReadableLog::set_trim_floor(Position floor) {
  MutexLock lock(mutex_);
  trim_floor_ = floor.value;
}

void ReadableLog::set_durable(Position last, std::int64_t last_arrival_us) {
  MutexLock lock(mutex_);
  durable_ = last.value;
  last_arrival_us_ = last_arrival_us;
}

std::vector<Stretch> ReadableLog::stretches() const {
  MutexLock lock(mutex_);
  return stretches_;
}

void ReadableLog::add_durable(const BlockView& block, std::shared_ptr<const AlignedBuffer> memory,
                              const std::string& path, const SegmentIdentity& identity) {
  const BlockHeader& header = block.header;
  MutexLock lock(mutex_);
  bool joins = !stretches_.empty() && stretches_.back().identity.segment_id == header.segment_id &&
               stretches_.back().last_sequence + 1 == header.sequence &&
               stretches_.back().end_offset == header.segment_offset;
  if (!joins) {
    Stretch fresh;
    fresh.path = path;
    fresh.identity = identity;
    fresh.start_offset = header.segment_offset;
    fresh.first_sequence = header.sequence;
    fresh.first_position = header.base_position;
    stretches_.push_back(std::move(fresh));
  }
  Stretch& stretch = stretches_.back();
  stretch.end_offset = header.segment_offset + header.block_bytes;
  stretch.last_sequence = header.sequence;
  stretch.end_position = block.end().value;
  stretch.last_record_position = header.last_record_position;
  stretch.last_arrival_us = header.arrival_max_us;
  ++stretch.blocks;
  stretch.records += header.record_count;
  if (stretch.index.empty() ||
      header.segment_offset - stretch.index.back().offset >= kIndexStrideBytes) {
    stretch.index.push_back(
        {header.base_position, header.sequence, header.segment_offset, header.arrival_max_us});
  }
  last_arrival_us_ = header.arrival_max_us;
  if (header.record_count == 0) return;
  durable_ = header.last_record_position;
  recent_bytes_ += memory->capacity();
  recent_.push_back({block, std::move(memory)});
  evict();
}

void ReadableLog::evict() {
  while (recent_bytes_ > recent_bytes_max_ && recent_.size() > 1) {
    std::shared_ptr<const AlignedBuffer> memory = std::move(recent_.front().memory);
    recent_.pop_front();
    recent_bytes_ -= memory->capacity();
    // Only the journal's thread and the ring knew it, and the ring just let go: if no reader holds
    // it now, none can come to hold it.
    if (memory.use_count() == 1 && spare_.size() < 4) {
      spare_.push_back(std::const_pointer_cast<AlignedBuffer>(std::move(memory)));
    }
  }
}

std::shared_ptr<AlignedBuffer> ReadableLog::take_spare_buffer() {
  MutexLock lock(mutex_);
  if (spare_.empty()) return nullptr;
  std::shared_ptr<AlignedBuffer> buffer = std::move(spare_.back());
  spare_.pop_back();
  return buffer;
}

void ReadableLog::drop_segment(std::uint64_t segment_id) {
  MutexLock lock(mutex_);
  std::uint64_t floor = trim_floor_;
  for (const Stretch& stretch : stretches_) {
    if (stretch.identity.segment_id == segment_id) floor = std::max(floor, stretch.end_position);
  }
  // Also copies of blocks that stand before it by position, though in a later segment.
  std::erase_if(stretches_, [&](const Stretch& stretch) {
    return stretch.identity.segment_id == segment_id || stretch.end_position <= floor;
  });
  floor = std::max(floor, stretches_.empty() ? durable_ + 1 : stretches_.front().first_position);
  std::erase_if(gaps_,
                [&](const Gap& gap) { return gap.before.value != 0 && gap.before.value <= floor; });
  trim_floor_ = floor;
}

Position ReadableLog::first_position() const {
  MutexLock lock(mutex_);
  for (const Stretch& stretch : stretches_) {
    if (stretch.records > 0) return {std::max(stretch.first_position, trim_floor_)};
  }
  return {durable_ + 1};
}

bool ReadableLog::is_trimmed() const {
  MutexLock lock(mutex_);
  return trim_floor_ > 0;
}

Position ReadableLog::durable() const {
  MutexLock lock(mutex_);
  return {durable_};
}

Position ReadableLog::position_behind_gap(Position position) const {
  MutexLock lock(mutex_);
  const Gap* gap = gap_at(std::max<std::uint64_t>(position.value, 1));
  if (gap == nullptr) return position;
  return gap->before.value != 0 ? gap->before : Position{durable_ + 1};
}

// The gap in which the next record at or behind `position` would lie.
const Gap* ReadableLog::gap_at(std::uint64_t position) const {
  for (const Gap& gap : gaps_) {
    bool open_ended = gap.before.value == 0;
    if (gap.after.value < position && (open_ended || position < gap.before.value)) return &gap;
  }
  return nullptr;
}

// Index of the first stretch with a record at or behind `position`.
std::size_t ReadableLog::stretch_for(std::uint64_t position) const {
  auto found = std::partition_point(
      stretches_.begin(), stretches_.end(),
      [&](const Stretch& stretch) { return stretch.end_position <= position; });
  return static_cast<std::size_t>(found - stretches_.begin());
}

ReadableLog::DiskPart ReadableLog::part_of(const Stretch& stretch, std::uint64_t position) const {
  auto behind =
      std::partition_point(stretch.index.begin(), stretch.index.end(),
                           [&](const IndexEntry& entry) { return entry.position <= position; });
  std::uint64_t offset =
      behind == stretch.index.begin() ? stretch.start_offset : std::prev(behind)->offset;
  return {stretch.path,       stretch.identity,      offset,
          stretch.end_offset, stretch.last_sequence, stretch.end_position};
}

bool ReadableLog::holds_segment(std::uint64_t segment_id) const {
  MutexLock lock(mutex_);
  return std::any_of(stretches_.begin(), stretches_.end(), [&](const Stretch& stretch) {
    return stretch.identity.segment_id == segment_id;
  });
}

std::uint64_t ReadableLog::add_found_gap(const DiskPart& part, std::uint64_t offset,
                                         std::uint64_t bytes, std::uint64_t cursor,
                                         std::uint64_t next_good) {
  MutexLock lock(mutex_);
  if (gap_at(cursor) == nullptr) {
    gaps_.push_back({part.path, offset, bytes, {cursor - 1}, {next_good}, "found while reading"});
  }
  return next_good;
}

Error ReadableLog::expired(std::uint64_t position) const {
  return Error(Code::kExpired, "position " + std::to_string(position) +
                                   " has been trimmed away; the log begins at " +
                                   std::to_string(trim_floor_));
}

LogExtent ReadableLog::extent(Position from, Position until) const {
  LogExtent extent;
  MutexLock lock(mutex_);
  for (std::size_t i = stretch_for(from.value); i < stretches_.size(); ++i) {
    const Stretch& stretch = stretches_[i];
    if (stretch.first_position >= until.value) break;
    auto offset_at = [&](std::uint64_t position) {
      if (position <= stretch.first_position) return stretch.start_offset;
      if (position >= stretch.end_position) return stretch.end_offset;
      return part_of(stretch, position).offset;
    };
    std::uint64_t whole = stretch.end_offset - stretch.start_offset;
    std::uint64_t bytes = offset_at(until.value) - offset_at(from.value);
    extent.bytes += bytes;
    if (whole > 0) {
      extent.records +=
          static_cast<std::uint64_t>(static_cast<double>(stretch.records) *
                                     static_cast<double>(bytes) / static_cast<double>(whole));
    }
  }
  return extent;
}

Position ReadableLog::position_at_time(std::int64_t us) const {
  DiskPart part;
  std::uint64_t otherwise = 0;
  {
    MutexLock lock(mutex_);
    // A time past the end must not scan anything.
    if (us > last_arrival_us_) return {durable_ + 1};
    auto stretch =
        std::partition_point(stretches_.begin(), stretches_.end(),
                             [&](const Stretch& each) { return each.last_arrival_us < us; });
    if (stretch == stretches_.end()) return {durable_ + 1};
    auto behind =
        std::partition_point(stretch->index.begin(), stretch->index.end(),
                             [&](const IndexEntry& entry) { return entry.arrival_us < us; });
    std::uint64_t position =
        behind == stretch->index.begin() ? stretch->first_position : std::prev(behind)->position;
    if (!recent_.empty() && recent_.front().view.header.base_position <= position) {
      auto block = std::partition_point(recent_.begin(), recent_.end(), [&](const auto& each) {
        return each.view.header.arrival_max_us < us;
      });
      return block == recent_.end() ? Position{durable_ + 1} : block->view.first();
    }
    part = part_of(*stretch, position);
    otherwise = stretch->end_position;
  }
  // At most one stride of blocks. Where it cannot be read, the earlier position is the safe one: a
  // reader that starts there sees what it asked for, and a little before it.
  std::uint64_t position = 0;
  auto file = disk_.open(part.path, io::OpenMode::kRead);
  if (file.has_value()) {
    BlockCursor cursor(**file, part.identity, part.offset, part.end_offset, 2 * kIndexStrideBytes);
    while (cursor.next() == BlockCursor::Found::kBlock) {
      const BlockHeader& header = cursor.header();
      position = header.base_position;
      if (header.arrival_max_us >= us && header.record_count > 0) return {position};
      if (header.sequence >= part.last_sequence) return {otherwise};
    }
  }
  return position != 0 ? Position{position} : first_position();
}

}  // namespace freshet::log
