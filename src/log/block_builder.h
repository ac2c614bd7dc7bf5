// Collects the records of one block. Owned by the journal, one thread. Nothing is allocated per
// record: records are copied to a page-aligned buffer behind room for the header.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "event/position.h"
#include "log/aligned_buffer.h"
#include "log/format.h"
#include "log/record.h"

namespace freshet::log {

// A finished body: records, then padding to 8, then the directory, then zeros to a whole page. The
// first kBlockHeaderBytes are left for the header.
struct BlockBody {
  std::shared_ptr<AlignedBuffer>
      buffer;  // shared: readers on other threads may hold it for a while
  std::uint64_t block_bytes = 0;
  std::uint64_t stored_bytes = 0;
  std::uint64_t raw_bytes = 0;
  std::uint64_t directory_count = 0;
  std::uint64_t record_count = 0;
  Codec codec = Codec::kRaw;
};

class BlockBuilder {
 public:
  void begin(std::shared_ptr<AlignedBuffer> buffer, Position base, std::int64_t arrival_us);
  bool is_open() const { return buffer_ != nullptr; }
  std::uint64_t record_count() const { return record_count_; }
  std::int64_t arrival_us() const { return arrival_us_; }
  Position base() const { return base_; }
  // Bytes of the block as it stands, padding left out.
  std::uint64_t bytes() const {
    return records_end_ + 8 + directory_.size() * kDirectoryEntryBytes;
  }
  // Bytes of the whole block, were this record added to a partition new to it.
  std::uint64_t block_bytes_with(std::size_t key_bytes, std::size_t data_bytes) const {
    return round_up(bytes() + kRecordHeaderBytes + key_bytes + data_bytes + kDirectoryEntryBytes,
                    kPageBytes);
  }
  // The same for the first record of a block.
  static std::uint64_t first_block_bytes(std::size_t key_bytes, std::size_t data_bytes) {
    return round_up(
        kBlockHeaderBytes + 8 + kRecordHeaderBytes + key_bytes + data_bytes + kDirectoryEntryBytes,
        kPageBytes);
  }
  void append(StreamId stream, PartitionId partition, RecordKind kind,
              std::string_view partition_key, std::string_view data);
  // Ends the block. The builder is closed afterwards.
  BlockBody finish();

 private:
  std::uint32_t directory_index(StreamId stream, PartitionId partition);
  void grow_slots();

  // A small open-addressing table from (stream, partition) to its directory entry. A slot counts
  // only in the round that wrote it, so that a new block costs no clearing.
  struct Slot {
    std::uint64_t key = 0;
    std::uint32_t index = 0;
    std::uint32_t round = 0;
  };
  std::size_t slot_of(std::uint64_t key) const;

  std::shared_ptr<AlignedBuffer> buffer_;
  std::uint64_t records_end_ = kBlockHeaderBytes;
  std::uint64_t record_count_ = 0;
  Position base_;
  std::int64_t arrival_us_ = 0;
  std::vector<DirectoryEntry> directory_;
  std::vector<Slot> slots_ = std::vector<Slot>(64);
  std::uint32_t round_ = 0;
  std::uint64_t last_key_ = 0;  // most records follow one of the same partition
  std::uint32_t last_index_ = 0;
};

// The same body compressed with lz4 into `to`; nothing where that saves no page.
enum class CompressionEffort : std::uint8_t { kQuick, kBest };
std::optional<BlockBody> compress_body(const BlockBody& body, std::shared_ptr<AlignedBuffer> to,
                                       CompressionEffort effort = CompressionEffort::kQuick);

}  // namespace freshet::log
