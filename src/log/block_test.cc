#include "log/block.h"

#include <gtest/gtest.h>

#include <vector>

#include "io/random.h"
#include "log/block_builder.h"

namespace freshet::log {
namespace {

constexpr std::uint64_t kOffset = 5 * kPageBytes;
const SegmentIdentity kIdentity{4711, 3, 42, 7, 0xFEED, 1 << 20};

struct Sealed {
  BlockBody body;
  BlockHeader header;
  std::vector<std::byte> bytes;
};

Sealed seal(BlockBody body, Position base) {
  Sealed sealed;
  sealed.header.journal_id = kIdentity.journal_id;
  sealed.header.data_directory_id = kIdentity.data_directory_id;
  sealed.header.segment_id = kIdentity.segment_id;
  sealed.header.epoch = kIdentity.epoch;
  sealed.header.sequence = 9;
  sealed.header.segment_offset = kOffset;
  sealed.header.base_position = base.value;
  sealed.header.record_count = body.record_count;
  sealed.header.block_bytes = body.block_bytes;
  sealed.header.stored_bytes = body.stored_bytes;
  sealed.header.raw_bytes = body.raw_bytes;
  sealed.header.directory_count = body.directory_count;
  sealed.header.codec = static_cast<std::uint8_t>(body.codec);
  sealed.header.arrival_max_us = 123;
  std::span<std::byte> image{body.buffer->data(), body.block_bytes};
  sealed.header = seal_block(sealed.header, image, kIdentity.crc_seed());
  sealed.bytes.assign(image.begin(), image.end());
  sealed.body = std::move(body);
  return sealed;
}

BlockBody build(int records, int partitions, std::size_t data_bytes) {
  BlockBuilder builder;
  builder.begin(std::make_shared<AlignedBuffer>(), {1000}, 123);
  for (int i = 0; i < records; ++i) {
    builder.append(1, static_cast<PartitionId>(i % partitions), RecordKind::kData,
                   "key-" + std::to_string(i),
                   std::string(data_bytes, static_cast<char>('a' + i % 26)));
  }
  return builder.finish();
}

// What a reader makes of the bytes: the number of records, or nothing where they are refused.
std::optional<std::uint64_t> read(std::span<const std::byte> bytes) {
  auto header = parse_block_header(bytes, kIdentity, kIdentity.crc_seed(), kOffset);
  if (!header.has_value() || header->block_bytes != bytes.size()) return std::nullopt;
  if (!block_body_is_good(*header, bytes, kIdentity.crc_seed())) return std::nullopt;
  AlignedBuffer scratch;
  auto view = view_block(*header, bytes, scratch);
  if (!view.has_value()) return std::nullopt;
  std::uint64_t count = 0;
  Status status = visit_block(*view, [&](const Record&) {
    ++count;
    return ok();
  });
  return status.has_value() ? std::optional(count) : std::nullopt;
}

TEST(BlockTest, RecordsComeBackAsTheyWere) {
  Sealed sealed = seal(build(100, 7, 50), {1000});
  AlignedBuffer scratch;
  auto view = view_block(sealed.header, sealed.bytes, scratch);
  ASSERT_TRUE(view.has_value());
  int i = 0;
  ASSERT_TRUE(visit_block(*view, [&](const Record& record) {
                EXPECT_EQ(record.position.value, 1000u + static_cast<std::uint64_t>(i));
                EXPECT_EQ(record.partition, static_cast<PartitionId>(i % 7));
                EXPECT_EQ(record.partition_key, "key-" + std::to_string(i));
                EXPECT_EQ(record.data, std::string(50, static_cast<char>('a' + i % 26)));
                EXPECT_EQ(record.arrival_us, 123);
                ++i;
                return ok();
              }).has_value());
  EXPECT_EQ(i, 100);
  auto entry = view->find(1, 3);
  ASSERT_TRUE(entry.has_value());
  EXPECT_EQ(entry->first_position, 1003u);
  EXPECT_EQ(entry->count, 14u);
  EXPECT_FALSE(view->find(1, 7).has_value());
  EXPECT_FALSE(view->find(2, 3).has_value());
}

TEST(BlockTest, ManyPartitionsFitOneDirectory) {
  Sealed sealed = seal(build(5000, 3000, 1), {1000});
  EXPECT_EQ(sealed.header.directory_count, 3000u);
  EXPECT_EQ(read(sealed.bytes), 5000u);
}

TEST(BlockTest, EveryFlippedBitIsSeen) {
  Sealed sealed = seal(build(20, 3, 100), {1000});
  ASSERT_EQ(read(sealed.bytes), 20u);
  for (std::size_t at = 0; at < sealed.bytes.size(); ++at) {
    std::byte before = sealed.bytes[at];
    sealed.bytes[at] ^= std::byte{static_cast<std::uint8_t>(1u << (at % 8))};
    EXPECT_FALSE(read(sealed.bytes).has_value()) << "byte " << at;
    sealed.bytes[at] = before;
  }
}

TEST(BlockTest, ABlockOfAnotherLifePlaceOrOwnerIsNone) {
  Sealed sealed = seal(build(3, 1, 10), {1000});
  auto refused = [&](SegmentIdentity identity, std::uint64_t offset) {
    return !parse_block_header(sealed.bytes, identity, identity.crc_seed(), offset).has_value();
  };
  EXPECT_FALSE(refused(kIdentity, kOffset));
  EXPECT_TRUE(refused(kIdentity, kOffset + kPageBytes));
  SegmentIdentity other = kIdentity;
  other.nonce ^= 1;
  EXPECT_TRUE(refused(other, kOffset));
  other = kIdentity;
  other.epoch = 8;
  EXPECT_TRUE(refused(other, kOffset));
  other = kIdentity;
  other.data_directory_id = 1;
  EXPECT_TRUE(refused(other, kOffset));
  other = kIdentity;
  other.segment_bytes = kOffset;  // it would stand outside
  EXPECT_TRUE(refused(other, kOffset));
}

TEST(BlockTest, LengthsThatLeadOutsideAreRefusedThoughTheChecksumHolds) {
  BlockBody body = build(3, 1, 10);
  auto reseal = [&](auto&& change) {
    Sealed sealed = seal(body, {1000});
    change(sealed);
    sealed.header = seal_block(sealed.header, sealed.bytes, kIdentity.crc_seed());
    return read(sealed.bytes);
  };
  EXPECT_EQ(reseal([](Sealed&) {}), 3u);
  auto record_at = [](Sealed& sealed, auto&& change) {
    auto header = load_le<RecordHeader>(sealed.bytes.data() + kBlockHeaderBytes);
    change(header);
    store_le(sealed.bytes.data() + kBlockHeaderBytes, header);
  };
  EXPECT_FALSE(
      reseal([&](Sealed& s) { record_at(s, [](RecordHeader& h) { h.data_bytes = 0xFFFFFFFF; }); }));
  EXPECT_FALSE(
      reseal([&](Sealed& s) { record_at(s, [](RecordHeader& h) { h.directory_index = 1; }); }));
  EXPECT_FALSE(reseal([](Sealed& s) { s.header.record_count = 4; }));
  EXPECT_FALSE(reseal([](Sealed& s) { s.header.raw_bytes += 1; }));
  EXPECT_FALSE(reseal([](Sealed& s) { s.header.codec = 1; }));
  EXPECT_FALSE(reseal([](Sealed& s) { s.header.codec = 2; }));
  EXPECT_FALSE(reseal([](Sealed& s) { s.header.sequence = 0; }));
}

TEST(BlockTest, CompressedBodiesReadTheSame) {
  BlockBody raw = build(500, 2, 200);
  auto smaller = compress_body(raw, std::make_shared<AlignedBuffer>());
  ASSERT_TRUE(smaller.has_value());
  EXPECT_LT(smaller->block_bytes, raw.block_bytes);
  EXPECT_EQ(read(seal(*smaller, {1000}).bytes), 500u);
  EXPECT_FALSE(compress_body(build(1, 1, 1), std::make_shared<AlignedBuffer>()).has_value());
}

TEST(BlockTest, AReusedBuilderForgetsTheBlockBefore) {
  BlockBuilder builder;
  auto buffer = std::make_shared<AlignedBuffer>();
  for (int round = 0; round < 3; ++round) {
    builder.begin(buffer, {1000}, 123);
    builder.append(1, 5, RecordKind::kData, "k", std::string(9000, 'x'));
    builder.append(1, 6, RecordKind::kControl, "", "");
    BlockBody body = builder.finish();
    EXPECT_EQ(body.directory_count, 2u);
    EXPECT_EQ(read(seal(body, {1000}).bytes), 2u);
  }
}

}  // namespace
}  // namespace freshet::log
