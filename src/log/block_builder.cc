#include "log/block_builder.h"

#include <lz4.h>
#include <lz4hc.h>

#include <cstring>
#include <utility>

#include "common/bytes.h"
#include "common/check.h"

namespace freshet::log {

void BlockBuilder::begin(std::shared_ptr<AlignedBuffer> buffer, Position base,
                         std::int64_t arrival_us) {
  FRESHET_CHECK(!is_open());
  buffer_ = std::move(buffer);
  buffer_->grow(kPageBytes, 0);
  records_end_ = kBlockHeaderBytes;
  record_count_ = 0;
  base_ = base;
  arrival_us_ = arrival_us;
  directory_.clear();
  if (++round_ == 0) {  // after 2³² blocks the old marks would look new
    slots_.assign(slots_.size(), Slot{});
    round_ = 1;
  }
}

void BlockBuilder::append(StreamId stream, PartitionId partition, RecordKind kind,
                          std::string_view partition_key, std::string_view data) {
  FRESHET_CHECK(is_open());
  FRESHET_CHECK(partition_key.size() <= kKeyBytesMax);
  RecordHeader header;
  header.data_bytes = static_cast<std::uint32_t>(data.size());
  header.key_bytes = static_cast<std::uint16_t>(partition_key.size());
  header.kind = static_cast<std::uint8_t>(kind);
  header.directory_index = directory_index(stream, partition);
  std::uint64_t record_bytes = kRecordHeaderBytes + partition_key.size() + data.size();
  buffer_->grow(records_end_ + record_bytes, records_end_);
  std::byte* to = buffer_->data() + records_end_;
  store_le(to, header);
  to += kRecordHeaderBytes;
  if (!partition_key.empty()) std::memcpy(to, partition_key.data(), partition_key.size());
  if (!data.empty()) std::memcpy(to + partition_key.size(), data.data(), data.size());
  records_end_ += record_bytes;
  ++record_count_;
}

std::uint32_t BlockBuilder::directory_index(StreamId stream, PartitionId partition) {
  std::uint64_t key = std::uint64_t{stream} << 32 | partition;
  if (record_count_ > 0 && key == last_key_) {
    ++directory_[last_index_].count;
    return last_index_;
  }
  std::size_t at = slot_of(key);
  if (slots_[at].round != round_) {
    if ((directory_.size() + 1) * 2 > slots_.size()) {
      grow_slots();
      at = slot_of(key);
    }
    slots_[at] = {key, static_cast<std::uint32_t>(directory_.size()), round_};
    directory_.push_back({stream, partition, base_.value + record_count_, 0});
  }
  last_key_ = key;
  last_index_ = slots_[at].index;
  ++directory_[last_index_].count;
  return last_index_;
}

// Its own slot, or the free one where it belongs.
std::size_t BlockBuilder::slot_of(std::uint64_t key) const {
  std::size_t mask = slots_.size() - 1;
  std::size_t at = (key * 0x9E3779B97F4A7C15ull >> 32) & mask;
  while (slots_[at].round == round_ && slots_[at].key != key) at = (at + 1) & mask;
  return at;
}

void BlockBuilder::grow_slots() {
  std::vector<Slot> before = std::exchange(slots_, std::vector<Slot>(slots_.size() * 2));
  for (const Slot& slot : before) {
    if (slot.round == round_) slots_[slot_of(slot.key)] = slot;
  }
}

BlockBody BlockBuilder::finish() {
  FRESHET_CHECK(is_open());
  BlockBody body;
  std::uint64_t directory = round_up(records_end_, 8);
  std::uint64_t end = directory + directory_.size() * kDirectoryEntryBytes;
  body.block_bytes = round_up(end, kPageBytes);
  body.stored_bytes = records_end_ - kBlockHeaderBytes;
  body.raw_bytes = body.stored_bytes;
  body.directory_count = directory_.size();
  body.record_count = record_count_;
  buffer_->grow(body.block_bytes, records_end_);
  std::byte* bytes = buffer_->data();
  // Zeros, not what the heap held: stale bytes would leave the process, and would look like damage.
  std::memset(bytes, 0, kBlockHeaderBytes);
  std::memset(bytes + records_end_, 0, directory - records_end_);
  if (!directory_.empty()) std::memcpy(bytes + directory, directory_.data(), end - directory);
  std::memset(bytes + end, 0, body.block_bytes - end);
  body.buffer = std::exchange(buffer_, nullptr);
  return body;
}

std::optional<BlockBody> compress_body(const BlockBody& body, std::shared_ptr<AlignedBuffer> to,
                                       CompressionEffort effort) {
  if (body.raw_bytes == 0 || body.raw_bytes > LZ4_MAX_INPUT_SIZE) return std::nullopt;
  std::uint64_t raw_directory = round_up(kBlockHeaderBytes + body.raw_bytes, 8);
  std::uint64_t directory_bytes = body.directory_count * kDirectoryEntryBytes;
  to->grow(body.block_bytes, 0);
  std::byte* bytes = to->data();
  int room = static_cast<int>(body.raw_bytes);
  const char* from = reinterpret_cast<const char*>(body.buffer->data() + kBlockHeaderBytes);
  char* into = reinterpret_cast<char*>(bytes + kBlockHeaderBytes);
  int stored = effort == CompressionEffort::kQuick
                   ? LZ4_compress_default(from, into, room, room)
                   : LZ4_compress_HC(from, into, room, room, LZ4HC_CLEVEL_MAX);
  if (stored <= 0) return std::nullopt;
  std::uint64_t records_end = kBlockHeaderBytes + static_cast<std::uint64_t>(stored);
  std::uint64_t directory = round_up(records_end, 8);
  std::uint64_t end = directory + directory_bytes;
  BlockBody smaller = body;
  smaller.block_bytes = round_up(end, kPageBytes);
  if (smaller.block_bytes >= body.block_bytes) return std::nullopt;
  smaller.stored_bytes = static_cast<std::uint64_t>(stored);
  smaller.codec = Codec::kLz4;
  std::memset(bytes, 0, kBlockHeaderBytes);
  std::memset(bytes + records_end, 0, directory - records_end);
  std::memcpy(bytes + directory, body.buffer->data() + raw_directory, directory_bytes);
  std::memset(bytes + end, 0, smaller.block_bytes - end);
  smaller.buffer = std::move(to);
  return smaller;
}

}  // namespace freshet::log
