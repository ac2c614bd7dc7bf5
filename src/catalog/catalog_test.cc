#include "catalog/catalog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "catalog/database.h"
#include "catalog/migrations.h"

namespace freshet::catalog {
namespace {

using testing::HasSubstr;

class CatalogTest : public testing::Test {
 protected:
  CatalogTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "freshet_catalog_XXXXXX");
    directory_ = mkdtemp(pattern.data());
    path_ = directory_ + "/catalog.sqlite";
  }
  ~CatalogTest() override { std::filesystem::remove_all(directory_); }

  std::unique_ptr<Catalog> open() {
    auto opened = Catalog::open(path_, random_);
    EXPECT_TRUE(opened) << opened.error().to_string();
    return std::move(opened).value();
  }
  Error open_error() {
    auto opened = Catalog::open(path_, random_);
    EXPECT_FALSE(opened.has_value());
    return opened ? Error(Code::kInternal, "opened") : std::move(opened).error();
  }

  std::string directory_, path_;
  io::SeededRandom random_{7};
};

StreamRow sample_stream() {
  StreamRow row;
  row.name = "detections";
  row.created_us = 5;
  row.retention_us = 86'400'000'000;
  row.record_bytes_max = 10u << 20;
  row.on_demand = true;
  row.tags = {{"team", "vision"}, {"empty", ""}};
  row.visible_from = {kPositionsPerEpoch + 3};
  HashKey middle = HashKey{1} << 127;
  row.partitions.push_back({.id = 0,
                            .hash_first = 0,
                            .hash_last = kHashKeyMax,
                            .parent = {},
                            .adjacent_parent = {},
                            .first = {1},
                            .last = Position{99},
                            .created_us = 5,
                            .closed_us = 9});
  row.partitions.push_back({.id = 1,
                            .hash_first = 0,
                            .hash_last = middle - 1,
                            .parent = 0,
                            .adjacent_parent = {},
                            .first = {100},
                            .last = {},
                            .created_us = 9,
                            .closed_us = 0});
  row.partitions.push_back({.id = 2,
                            .hash_first = middle,
                            .hash_last = kHashKeyMax,
                            .parent = 0,
                            .adjacent_parent = 1,
                            .first = {~std::uint64_t{0}},
                            .last = {},
                            .created_us = 9,
                            .closed_us = 0});
  return row;
}

ReferenceVersion version_of(const char* table) {
  ReferenceVersion version;
  version.table = table;
  return version;
}

void expect_equal(const StreamRow& left, const StreamRow& right) {
  EXPECT_EQ(left.name, right.name);
  EXPECT_EQ(left.created_us, right.created_us);
  EXPECT_EQ(left.retention_us, right.retention_us);
  EXPECT_EQ(left.record_bytes_max, right.record_bytes_max);
  EXPECT_EQ(left.on_demand, right.on_demand);
  EXPECT_EQ(left.tags, right.tags);
  EXPECT_EQ(left.visible_from, right.visible_from);
  ASSERT_EQ(left.partitions.size(), right.partitions.size());
  for (std::size_t i = 0; i < left.partitions.size(); ++i) {
    const PartitionRow &a = left.partitions[i], &b = right.partitions[i];
    EXPECT_EQ(a.id, b.id);
    EXPECT_TRUE(a.hash_first == b.hash_first);
    EXPECT_TRUE(a.hash_last == b.hash_last);
    EXPECT_EQ(a.parent, b.parent);
    EXPECT_EQ(a.adjacent_parent, b.adjacent_parent);
    EXPECT_EQ(a.first, b.first);
    EXPECT_EQ(a.last, b.last);
    EXPECT_EQ(a.created_us, b.created_us);
    EXPECT_EQ(a.closed_us, b.closed_us);
  }
}

TEST_F(CatalogTest, IdentityIsMadeOnceAndKept) {
  std::uint64_t directory_id = 0, seed = 0;
  std::string secret;
  {
    auto catalog = open();
    directory_id = catalog->data_directory_id();
    seed = catalog->id_seed();
    secret = catalog->iterator_secret();
  }
  EXPECT_NE(directory_id, 0u);
  EXPECT_NE(directory_id, seed);
  EXPECT_EQ(secret.size(), 32u);
  auto again = open();
  EXPECT_EQ(again->data_directory_id(), directory_id);
  EXPECT_EQ(again->id_seed(), seed);
  EXPECT_EQ(again->iterator_secret(), secret);
}

TEST_F(CatalogTest, TheFileIsForItsOwnerAlone) {
  auto catalog = open();
  struct stat about{};
  ASSERT_EQ(stat(path_.c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0600u);
}

TEST_F(CatalogTest, StreamsSurviveWithAllTheyHave) {
  StreamRow row = sample_stream();
  {
    auto added = open()->add_stream(row);
    ASSERT_TRUE(added);
    row.id = *added;
  }
  auto catalog = open();
  auto rows = catalog->streams();
  ASSERT_TRUE(rows);
  ASSERT_EQ(rows->size(), 1u);
  EXPECT_EQ(rows->front().id, row.id);
  expect_equal(rows->front(), row);

  row.partitions.pop_back();
  row.tags = {{"other", "tag"}};
  row.retention_us = 1;
  ASSERT_TRUE(catalog->update_stream(row));
  rows = catalog->streams();
  ASSERT_TRUE(rows);
  expect_equal(rows->front(), row);
}

TEST_F(CatalogTest, StreamIdsAreNeverReused) {
  auto catalog = open();
  auto first = catalog->add_stream(sample_stream());
  ASSERT_TRUE(first);
  ASSERT_TRUE(catalog->remove_stream(*first));
  EXPECT_TRUE(catalog->streams()->empty());
  auto second = catalog->add_stream(sample_stream());
  ASSERT_TRUE(second);
  EXPECT_GT(*second, *first);
  EXPECT_EQ(catalog->streams()->front().partitions.size(), 3u);
}

TEST_F(CatalogTest, TheSameStreamNameTwiceIsRefusedAndNothingStaysOfIt) {
  auto catalog = open();
  ASSERT_TRUE(catalog->add_stream(sample_stream()));
  auto again = catalog->add_stream(sample_stream());
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code(), Code::kExists);
  EXPECT_THAT(again.error().message(), HasSubstr("detections"));
  EXPECT_EQ(catalog->streams()->size(), 1u);
}

TEST_F(CatalogTest, AFailedUpdateChangesNothing) {
  auto catalog = open();
  StreamRow row = sample_stream();
  row.id = *catalog->add_stream(row);
  StreamRow broken = row;
  broken.retention_us = 77;
  broken.partitions.push_back(broken.partitions.back());  // the same partition twice
  EXPECT_FALSE(catalog->update_stream(broken));
  expect_equal(catalog->streams()->front(), row);
}

TEST_F(CatalogTest, UnknownStreamsAreNotFound) {
  auto catalog = open();
  EXPECT_EQ(catalog->remove_stream(4).error().code(), Code::kNotFound);
  StreamRow row = sample_stream();
  row.id = 4;
  EXPECT_EQ(catalog->update_stream(row).error().code(), Code::kNotFound);
}

TEST_F(CatalogTest, ReferenceVersionsRiseOverAllTablesAndKeepTheirBytes) {
  // More than one piece of 16 MiB, and not all alike.
  std::string big(40u << 20, '\0');
  for (std::size_t i = 0; i < big.size(); ++i) big[i] = static_cast<char>(i * i >> 7);
  {
    auto catalog = open();
    auto first = catalog->add_reference_version({.table = "cameras",
                                                 .version = 0,
                                                 .content_hash = ~0ull,
                                                 .source = "a.csv",
                                                 .loaded_us = 3,
                                                 .rows = 48},
                                                big);
    ASSERT_TRUE(first);
    EXPECT_EQ(first->version, 1u);
    auto second = catalog->add_reference_version(version_of("locations"), "");
    ASSERT_TRUE(second);
    EXPECT_EQ(second->version, 2u);
  }
  auto catalog = open();
  auto versions = catalog->reference_versions();
  ASSERT_TRUE(versions);
  ASSERT_EQ(versions->size(), 2u);
  EXPECT_EQ(versions->at(0).table, "cameras");
  EXPECT_EQ(versions->at(0).content_hash, ~0ull);
  EXPECT_EQ(versions->at(0).source, "a.csv");
  EXPECT_EQ(versions->at(0).loaded_us, 3);
  EXPECT_EQ(versions->at(0).rows, 48u);
  EXPECT_TRUE(*catalog->reference_bytes(1) == big);
  EXPECT_EQ(*catalog->reference_bytes(2), "");
  EXPECT_EQ(catalog->reference_bytes(3).error().code(), Code::kNotFound);
}

TEST_F(CatalogTest, AMissingOrAlteredPieceIsDamage) {
  ASSERT_TRUE(open()->add_reference_version(version_of("cameras"), std::string(40u << 20, 'x')));
  auto with = [&](const char* statement) {
    Database database;
    ASSERT_TRUE(database.open(path_));
    ASSERT_TRUE(database.execute(statement));
  };
  with("DELETE FROM reference_pieces WHERE piece = 1");
  EXPECT_EQ(open()->reference_bytes(1).error().code(), Code::kCorruption);
  with("DELETE FROM reference_pieces WHERE piece = 2");
  EXPECT_EQ(open()->reference_bytes(1).error().code(), Code::kCorruption);
  with("UPDATE reference_pieces SET compressed = x'28b52ffd'");
  EXPECT_EQ(open()->reference_bytes(1).error().code(), Code::kCorruption);
}

TEST_F(CatalogTest, PoisonAttemptsAreCounted) {
  {
    auto catalog = open();
    EXPECT_EQ(*catalog->add_poison_attempt(~0ull), 1u);
    EXPECT_EQ(*catalog->add_poison_attempt(~0ull), 2u);
    EXPECT_EQ(*catalog->add_poison_attempt(5), 1u);
  }
  auto rows = open()->poison();
  ASSERT_TRUE(rows);
  ASSERT_EQ(rows->size(), 2u);
  EXPECT_EQ(rows->at(0).record_hash, ~0ull);
  EXPECT_EQ(rows->at(0).attempts, 2u);
}

TEST_F(CatalogTest, ALaterSchemaIsRefusedNamingBothVersions) {
  open();
  {
    Database database;
    ASSERT_TRUE(database.open(path_));
    ASSERT_TRUE(database.execute("UPDATE schema_version SET version = 99"));
  }
  Error error = open_error();
  EXPECT_EQ(error.code(), Code::kInvalid);
  EXPECT_EQ(error.number(), kErrorSchemaVersion);
  EXPECT_THAT(error.message(), HasSubstr("99"));
  EXPECT_THAT(error.message(), HasSubstr(std::to_string(migrations().back().version)));
}

TEST_F(CatalogTest, AnotherProgramsFileIsRefused) {
  {
    Database database;
    ASSERT_TRUE(database.open(path_));
    ASSERT_TRUE(database.execute("CREATE TABLE bookmarks (url TEXT)"));
  }
  EXPECT_EQ(open_error().number(), kErrorForeignFile);
}

TEST_F(CatalogTest, AFileThatIsNoDatabaseIsDamage) {
  std::ofstream(path_) << "not a database, but long enough to look at " << std::string(4096, 'x');
  Error error = open_error();
  EXPECT_EQ(error.code(), Code::kCorruption);
  EXPECT_EQ(error.number(), kErrorDamaged);
}

TEST_F(CatalogTest, OverwrittenPagesAreFoundAtOpen) {
  {
    auto catalog = open();
    for (int i = 0; i < 200; ++i) {
      StreamRow row = sample_stream();
      row.name += std::to_string(i);
      ASSERT_TRUE(catalog->add_stream(row));
    }
  }
  {
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(8 * 4096);
    file << std::string(4 * 4096, '\xee');
  }
  EXPECT_EQ(open_error().number(), kErrorDamaged);
}

TEST_F(CatalogTest, ASecondOpenIsToldThatItIsInUse) {
  auto catalog = open();
  ASSERT_TRUE(catalog->add_stream(sample_stream()));
  Error error = open_error();
  EXPECT_EQ(error.code(), Code::kUnavailable);
  EXPECT_EQ(error.number(), kErrorInUse);
}

TEST_F(CatalogTest, ADirectoryThatIsMissingIsNamed) {
  path_ = directory_ + "/absent/catalog.sqlite";
  Error error = open_error();
  EXPECT_EQ(error.code(), Code::kIo);
  EXPECT_THAT(error.message(), HasSubstr("absent"));
}

TEST_F(CatalogTest, ErasuresAndHoldsComeBack) {
  ErasureRow erasure;
  erasure.label = erasure.camera_id = "cam-1";
  erasure.from_us = 10;
  erasure.to_us = 20;
  erasure.digests = std::string("\0\x01 sixteen bytes", 16);
  erasure.state = "asked";
  erasure.asked_us = 30;
  erasure.asked_by = "key";
  HoldRow hold;
  hold.name = "case";
  hold.camera_id = "cam-2";
  hold.to_us = 5;
  hold.digest = std::string("\0 id", 4);
  hold.placed_by = "key";
  std::string key;
  {
    auto catalog = open();
    key = catalog->erasure_key();
    auto number = catalog->add_erasure(erasure);
    ASSERT_TRUE(number);
    erasure.number = *number;
    erasure.state = "done";
    erasure.report = "{}";
    erasure.changed_us = 40;
    ASSERT_TRUE(catalog->update_erasure(erasure));
    ASSERT_TRUE(catalog->add_hold(hold));
    auto twice = catalog->add_hold(hold);
    ASSERT_FALSE(twice);
    EXPECT_EQ(twice.error().number(), kErrorHoldExists);
  }
  auto catalog = open();
  EXPECT_EQ(catalog->erasure_key(), key);
  EXPECT_EQ(key.size(), 16u);
  auto erasures = catalog->erasures();
  ASSERT_TRUE(erasures && erasures->size() == 1);
  EXPECT_EQ(erasures->front().digests, erasure.digests);
  EXPECT_EQ(erasures->front().state, "done");
  EXPECT_EQ(erasures->front().report, "{}");
  EXPECT_EQ(erasures->front().changed_us, 40);
  EXPECT_EQ(erasures->front().asked_us, 30);
  auto holds = catalog->holds();
  ASSERT_TRUE(holds && holds->size() == 1);
  EXPECT_EQ(holds->front().digest, hold.digest);
  EXPECT_EQ(holds->front().lifted_us, 0);
  ASSERT_TRUE(catalog->lift_hold("case", 77, "other"));
  Status again = catalog->lift_hold("case", 78, "other");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().number(), kErrorNoHold);
  // Its name may be used again; what was stays on record.
  ASSERT_TRUE(catalog->add_hold(hold));
  holds = catalog->holds();
  ASSERT_TRUE(holds && holds->size() == 2);
  EXPECT_EQ(holds->front().lifted_us, 77);
  EXPECT_EQ(holds->front().lifted_by, "other");
}

}  // namespace
}  // namespace freshet::catalog
