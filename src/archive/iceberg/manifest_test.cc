#include "archive/iceberg/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "archive/iceberg/manifest_list.h"
#include "archive/iceberg/test_table.h"
#include "common/bytes.h"

namespace freshet::archive::iceberg {
namespace {

using test::data_file;
using test::kDayUs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::int64_t kSnapshot = 4'711;

class ManifestTest : public testing::Test {
 protected:
  ManifestTest() {
    entries_.push_back(test::added(data_file("s3://bucket/a.parquet", {kDayUs, kDayUs + 5})));
    entries_.push_back(test::added(data_file("s3://bucket/b.parquet", {-1, -1}, 20)));
    entries_[1].file.key_metadata = "key";
    entries_[1].file.nan_value_counts = {{3, 1}};
    ManifestEntry& kept = entries_.emplace_back(
        test::added(data_file("s3://bucket/c.parquet", {3 * kDayUs, 3 * kDayUs}, 40)));
    kept.status = EntryStatus::kExisting;
    kept.snapshot_id = 4;
    kept.sequence_number = 2;
    kept.file_sequence_number = 2;
    ManifestEntry& gone = entries_.emplace_back(kept);
    gone.status = EntryStatus::kDeleted;
    gone.file.path = "s3://bucket/d.parquet";
    gone.snapshot_id = kSnapshot;
  }

  Result<WrittenManifest> write(AvroCodec codec = AvroCodec::kDeflate) {
    return write_manifest("s3://bucket/m.avro", kSnapshot, test::head_of(table_), entries_, codec);
  }

  void expect_refused(std::string_view why) {
    auto written = write();
    ASSERT_FALSE(written.has_value()) << why;
    EXPECT_EQ(written.error().number(), 3607);
    EXPECT_THAT(written.error().message(), HasSubstr(why));
  }

  TableMetadata table_ = test::detections_table();
  std::vector<ManifestEntry> entries_;
};

TEST_F(ManifestTest, WhatIsWrittenIsRead) {
  for (AvroCodec codec : {AvroCodec::kNull, AvroCodec::kDeflate}) {
    WrittenManifest written = *write(codec);
    auto read = read_manifest(written.bytes);
    ASSERT_TRUE(read.has_value()) << read.error().message();
    EXPECT_EQ(read->head, test::head_of(table_));
    entries_[0].snapshot_id = entries_[1].snapshot_id = kSnapshot;
    EXPECT_EQ(read->entries, entries_);
    entries_[0].snapshot_id = entries_[1].snapshot_id = std::nullopt;
  }
}

TEST_F(ManifestTest, TheSameEntriesAreTheSameBytes) {
  EXPECT_EQ(write()->bytes, write()->bytes);
}

TEST_F(ManifestTest, TheListIsToldWhatStandsInIt) {
  ManifestFile listed = write()->listed;
  EXPECT_EQ(listed.path, "s3://bucket/m.avro");
  EXPECT_EQ(listed.manifest_bytes, static_cast<std::int64_t>(write()->bytes.size()));
  EXPECT_EQ(listed.added_snapshot_id, kSnapshot);
  EXPECT_EQ(listed.sequence_number, std::nullopt);
  EXPECT_EQ(listed.min_sequence_number, 2);
  EXPECT_EQ(listed.added_files, 2);
  EXPECT_EQ(listed.existing_files, 1);
  EXPECT_EQ(listed.deleted_files, 1);
  EXPECT_EQ(listed.added_rows, 30);
  EXPECT_EQ(listed.existing_rows, 40);
  EXPECT_EQ(listed.deleted_rows, 40);
  ASSERT_EQ(listed.partitions.size(), 1u);
  EXPECT_FALSE(listed.partitions[0].contains_null);
  EXPECT_EQ(listed.partitions[0].lower_bound, std::string("\xff\xff\xff\xff", 4));
  EXPECT_EQ(listed.partitions[0].upper_bound, std::string("\3\0\0\0", 4));
}

TEST_F(ManifestTest, ANullPartitionIsSaidAndReadBack) {
  entries_.resize(1);
  entries_[0].file.partition = {Value()};
  WrittenManifest written = *write();
  EXPECT_TRUE(written.listed.partitions[0].contains_null);
  EXPECT_EQ(written.listed.partitions[0].lower_bound, std::nullopt);
  EXPECT_TRUE(is_null(read_manifest(written.bytes)->entries[0].file.partition[0]));
}

TEST_F(ManifestTest, AnUnpartitionedTableHasEmptyPartitions) {
  table_ = test::detections_table(TimePartition::kNone);
  for (ManifestEntry& entry : entries_) entry.file.partition.clear();
  Manifest read = *read_manifest(write()->bytes);
  EXPECT_TRUE(read.entries[3].file.partition.empty());
  EXPECT_TRUE(read.head.spec.fields.empty());
}

TEST_F(ManifestTest, AddedFilesInheritFromTheList) {
  WrittenManifest written = *write();
  written.listed.sequence_number = 9;
  Manifest read = *read_manifest(written.bytes, written.listed);
  EXPECT_EQ(read.entries[0].sequence_number, 9);
  EXPECT_EQ(read.entries[0].file_sequence_number, 9);
  EXPECT_EQ(read.entries[0].snapshot_id, kSnapshot);
  EXPECT_EQ(read.entries[2].sequence_number, 2);
  EXPECT_EQ(read.entries[3].sequence_number, 2);
}

TEST_F(ManifestTest, AManifestOfAnotherLengthIsAnotherFile) {
  WrittenManifest written = *write();
  ++written.listed.manifest_bytes;
  auto read = read_manifest(written.bytes, written.listed);
  ASSERT_FALSE(read.has_value());
  EXPECT_EQ(read.error().number(), 3610);
}

TEST_F(ManifestTest, AnAddedFileHasNoNumberOfItsOwn) {
  entries_[0].sequence_number = 3;
  expect_refused("by the commit");
}
TEST_F(ManifestTest, AnAddedFileIsThisSnapshots) {
  entries_[0].snapshot_id = 3;
  expect_refused("another snapshot");
}
TEST_F(ManifestTest, AnExistingFileSpellsItsNumbersOut) {
  entries_[2].file_sequence_number.reset();
  expect_refused("without numbers");
}
TEST_F(ManifestTest, ADeletedFileIsThisSnapshots) {
  entries_[3].snapshot_id = 4;
  expect_refused("another snapshot deleted");
}
TEST_F(ManifestTest, ALiveFileStandsOnce) {
  entries_[1].file.path = entries_[0].file.path;
  expect_refused("twice");
}
TEST_F(ManifestTest, APartitionIsTheSpecs) {
  entries_[0].file.partition = {Value("text")};
  expect_refused("type");
  entries_[0].file.partition = {Value(std::int64_t{1} << 40)};
  expect_refused("type");
  entries_[0].file.partition.clear();
  expect_refused("not the spec's");
}
TEST_F(ManifestTest, CountsAreThoseOfAFile) {
  entries_[0].file.record_count = -1;
  expect_refused("no file has");
  entries_[0].file.record_count = kFileCountMax + 1;
  expect_refused("no file has");
}

TEST_F(ManifestTest, PartitionValuesOfEveryTypeComeBack) {
  freshet::Schema columns{{{"flag", ColumnType::kBool},
                           {"big", ColumnType::kInt64},
                           {"real", ColumnType::kFloat},
                           {"text", ColumnType::kText},
                           {"id", ColumnType::kUuid},
                           {"blob", ColumnType::kBlob},
                           {"a b", ColumnType::kDate},
                           {"id2", ColumnType::kUuid}}};
  ManifestHead head;
  head.schema = new_schema(columns)->schema;
  for (const Field& field : head.schema.fields) {
    head.spec.fields.push_back({field.id, 999 + field.id, field.name, {}});
  }
  ManifestEntry entry = test::added(data_file("f", {}));
  entry.file.partition = {Value(true),
                          Value(std::int64_t{1} << 50),
                          Value(0.5),
                          Value("camera"),
                          Value(std::string(16, 'u')),
                          Value(std::string("\0\1", 2)),
                          Value(std::int64_t{17'486}),
                          Value(std::string(16, 'v'))};
  auto written = write_manifest("m", kSnapshot, head, {&entry, 1});
  ASSERT_TRUE(written.has_value()) << written.error().message();
  auto read = read_manifest(written->bytes);
  ASSERT_TRUE(read.has_value()) << read.error().message();
  EXPECT_EQ(read->entries[0].file.partition, entry.file.partition);
  EXPECT_EQ(written->listed.partitions[3].lower_bound, "camera");
}

TEST_F(ManifestTest, ARewriteKeepsDeletesAndForgets) {
  Manifest read = *read_manifest(write()->bytes, [&] {
    ManifestFile listed = write()->listed;
    listed.sequence_number = 5;
    return listed;
  }());
  std::set<std::string> removed{"s3://bucket/b.parquet", "s3://bucket/elsewhere.parquet"};
  std::vector<ManifestEntry> next = rewrite_entries(read.entries, 4'712, removed);
  EXPECT_THAT(removed, ElementsAre("s3://bucket/elsewhere.parquet"));
  ASSERT_EQ(next.size(), 3u);
  EXPECT_EQ(next[0].status, EntryStatus::kExisting);
  EXPECT_EQ(next[0].snapshot_id, kSnapshot);
  EXPECT_EQ(next[0].sequence_number, 5);
  EXPECT_EQ(next[1].status, EntryStatus::kDeleted);
  EXPECT_EQ(next[1].snapshot_id, 4'712);
  EXPECT_EQ(next[2].status, EntryStatus::kExisting);
  auto written = write_manifest("n", 4'712, read.head, next);
  ASSERT_TRUE(written.has_value()) << written.error().message();
  EXPECT_EQ(written->listed.min_sequence_number, 2);
}

// The bytes of one record, by hand: status 1, snapshot 4711, no numbers, then the file.
TEST_F(ManifestTest, TheBytesOfAnEntryAreThese) {
  entries_.resize(1);
  entries_[0].file = {};
  entries_[0].file.path = "f";
  entries_[0].file.partition = {Value(std::int64_t{1})};
  entries_[0].file.record_count = 3;
  entries_[0].file.file_bytes = 64;
  entries_[0].file.value_counts = {{1, 3}};
  entries_[0].file.lower_bounds = {{1, "ab"}};
  entries_[0].file.split_offsets = {4};
  AvroFile file = *read_avro_file(write(AvroCodec::kNull)->bytes);
  EXPECT_EQ(to_hex(file.records),
            "02"      // added
            "02ce49"  // snapshot 4711
            "00"
            "00"                // numbers: null
            "00"                // data
            "0266"              // "f"
            "0e50415251554554"  // "PARQUET"
            "0202"              // partition: day 1
            "06"
            "8001"        // 3 rows, 64 bytes
            "0200"        // column_sizes
            "0202020600"  // value_counts {1: 3}
            "00"
            "00"  // nulls, NaNs
            "020202"
            "046162"
            "00"  // lower_bounds {1: "ab"}
            "00"
            "00"        // upper_bounds, key_metadata
            "02020800"  // split_offsets [4]
            "00");      // sort_order_id
}

TEST_F(ManifestTest, NoCutOrChangedByteCrashesTheReader) {
  WrittenManifest written = *write(AvroCodec::kNull);
  for (std::size_t size = 0; size < written.bytes.size(); ++size) {
    auto read = read_manifest(std::string_view(written.bytes).substr(0, size));
    EXPECT_TRUE(!read || read->entries.empty()) << size;
  }
  std::size_t refused = 0;
  for (std::size_t at = 0; at < written.bytes.size(); ++at) {
    for (char flip : {'\x01', '\x80', '\xff'}) {
      std::string changed = written.bytes;
      changed[at] = static_cast<char>(changed[at] ^ flip);
      auto read = read_manifest(changed);
      if (read) continue;
      ++refused;
      EXPECT_EQ(read.error().number(), 3610);
    }
  }
  EXPECT_GT(refused, written.bytes.size());
}

TEST_F(ManifestTest, WhatIsNotAManifestSaysWhy) {
  auto refused = [](std::string_view bytes, std::string_view why) {
    auto read = read_manifest(bytes);
    ASSERT_FALSE(read.has_value());
    EXPECT_EQ(read.error().number(), 3610);
    EXPECT_THAT(read.error().message(), HasSubstr(why));
  };
  refused("", "does not begin");
  refused(*write_manifest_list({1, std::nullopt, 1}, {}), "no data files");
  std::string bytes = write(AvroCodec::kNull)->bytes;
  bytes.replace(bytes.find("\"field-id\":103"), 14, "\"field-id\":903");
  refused(bytes, "no field 103");
}

TEST(ManifestList, WhatIsWrittenIsReadWithItsNumbers) {
  ManifestFile old;
  old.path = "s3://bucket/old.avro";
  old.manifest_bytes = 123;
  old.partition_spec_id = 3;
  old.sequence_number = 2;
  old.min_sequence_number = 1;
  old.added_snapshot_id = 17;
  old.added_files = 1, old.existing_files = 2, old.deleted_files = 3;
  old.added_rows = 10, old.existing_rows = 20, old.deleted_rows = 30;
  old.partitions = {{true, false, "lo", "up"}, {false, std::nullopt, std::nullopt, std::nullopt}};
  old.key_metadata = "key";
  ManifestFile fresh;
  fresh.path = "s3://bucket/new.avro";
  ManifestFile deletes = old;
  deletes.path = "s3://bucket/deletes.avro";
  deletes.content = ManifestContent::kDeletes;
  for (AvroCodec codec : {AvroCodec::kNull, AvroCodec::kDeflate}) {
    std::string bytes =
        *write_manifest_list({18, 17, 3}, std::vector<ManifestFile>{old, fresh, deletes}, codec);
    auto read = read_manifest_list(bytes);
    ASSERT_TRUE(read.has_value()) << read.error().message();
    ManifestFile numbered = fresh;
    numbered.sequence_number = 3;
    numbered.min_sequence_number = 3;
    EXPECT_THAT(*read, ElementsAre(old, numbered, deletes));
    EXPECT_EQ(read_avro_file(bytes)->metadata["parent-snapshot-id"], "17");
  }
}

TEST(ManifestList, AManifestOfTheFutureIsRefused) {
  ManifestFile manifest;
  manifest.sequence_number = 4;
  auto written = write_manifest_list({1, std::nullopt, 3}, {&manifest, 1});
  ASSERT_FALSE(written.has_value());
  EXPECT_EQ(written.error().number(), 3607);
}

TEST(ManifestList, ManifestsWithoutLiveFilesAreNotCarriedOn) {
  std::vector<ManifestFile> list(4);
  list[0].added_files = 1;
  list[1].deleted_files = 2;
  list[2].existing_files = 1, list[2].deleted_files = 1;
  EXPECT_THAT(live_manifests(list), ElementsAre(list[0], list[2], list[3]));
}

TEST(ManifestList, WhatIsNotAListSaysWhy) {
  auto cut = read_manifest_list(std::string_view("Obj\1", 4));
  EXPECT_EQ(cut.error().number(), 3611);
  TableMetadata table = test::detections_table();
  auto manifest = read_manifest_list(write_manifest("m", 1, test::head_of(table), {})->bytes);
  ASSERT_FALSE(manifest.has_value());
  EXPECT_EQ(manifest.error().number(), 3611);
  std::string bytes =
      *write_manifest_list({1, std::nullopt, 1}, std::vector<ManifestFile>(2), AvroCodec::kNull);
  std::size_t refused = 0;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    std::string changed = bytes;
    changed[at] = static_cast<char>(changed[at] ^ '\xff');
    auto read = read_manifest_list(changed);
    if (read) continue;
    ++refused;
    EXPECT_EQ(read.error().number(), 3611);
  }
  EXPECT_GT(refused, bytes.size() / 4);
}

}  // namespace
}  // namespace freshet::archive::iceberg
