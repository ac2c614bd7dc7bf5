// A commit block from a disk that lies about everything but its checksum: the fuzzer cannot guess a
// CRC, so it is put right before the block is read.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "common/check.h"
#include "log/block.h"
#include "log/segment_header.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace freshet;
  using namespace freshet::log;
  std::span<const std::byte> input{reinterpret_cast<const std::byte*>(data), size};
  (void)decode_segment_header(input);

  const SegmentIdentity identity{1, 2, 3, 4, 5, 1 << 20};
  std::vector<std::byte> block(round_up(size < kPageBytes ? kPageBytes : size, kPageBytes));
  if (size > 0) std::memcpy(block.data(), data, size);
  auto header = load_le<BlockHeader>(block.data());
  header.magic = kBlockMagic;
  header.format_version = kFormatVersion;
  header.data_directory_id = identity.data_directory_id;
  header.journal_id = identity.journal_id;
  header.segment_id = identity.segment_id;
  header.epoch = identity.epoch;
  header.segment_offset = kSegmentDataOffset;
  header.block_bytes = block.size();
  header.stored_bytes %= block.size();
  header.directory_count %= 64;
  if (directory_offset_of(header) > block.size()) return 0;
  header = seal_block(header, block, identity.crc_seed());

  auto parsed = parse_block_header(block, identity, identity.crc_seed(), kSegmentDataOffset);
  if (!parsed.has_value()) return 0;
  FRESHET_CHECK(block_body_is_good(*parsed, block, identity.crc_seed()));
  AlignedBuffer scratch;
  Result<BlockView> view = view_block(*parsed, block, scratch);
  if (!view.has_value()) return 0;
  std::uint64_t bytes = 0;
  Status visited = visit_block(*view, [&](const Record& record) {
    for (char c : record.partition_key) bytes += static_cast<unsigned char>(c);
    for (char c : record.data) bytes += static_cast<unsigned char>(c);
    return ok();
  });
  (void)visited;
  return static_cast<int>(bytes & 0);
}
