#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "archive/archive.h"
#include "object_store/object_store.h"
#include "sql/query_database.h"

namespace freshet::archive {
namespace {

pipeline::TableInfo shape(const std::string& name) {
  pipeline::TableInfo info;
  info.name = name;
  info.schema.columns = {
      {"event_time", ColumnType::kTimestamp}, {"camera_id", ColumnType::kText},
      {"position", ColumnType::kUInt64},      {"sub_position", ColumnType::kUInt32},
      {"ref_version", ColumnType::kUInt32},
  };
  info.time_column = 0;
  info.key_columns = {1};
  return info;
}

// An archive in a folder, of a server without pipelines.
class FilledTablesTest : public testing::Test {
 protected:
  FilledTablesTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "freshet_filled_XXXXXX");
    directory_ = mkdtemp(pattern.data());
    hot::TableConfig config;
    config.name = "rows";
    config.schema = shape("rows").schema;
    rows_ = std::make_unique<hot::Table>(config, budget_);
    open();
  }
  ~FilledTablesTest() override {
    archive_.reset();
    catalog_.reset();
    std::filesystem::remove_all(directory_);
  }

  // As a start of the server does.
  void open() {
    archive_.reset();
    catalog_.reset();
    catalog_ = std::move(catalog::Catalog::open(directory_ + "/catalog.sqlite", random_)).value();
    object_store::Settings settings;
    settings.base_folder = directory_;
    auto store = object_store::open_object_store("file:archive", settings);
    ASSERT_TRUE(store.has_value()) << store.error().to_string();
    ArchiveConfig config;
    config.work_folder = directory_ + "/work";
    auto archive = Archive::open(config, *std::move(store), *catalog_, tables_, io::system_disk(),
                                 io::system_clock(), random_);
    ASSERT_TRUE(archive.has_value()) << archive.error().to_string();
    archive_ = *std::move(archive);
    Status opened = archive_->run_once();
    ASSERT_TRUE(opened) << opened.error().to_string();
  }

  std::unique_ptr<TableBuild> begin(const std::string& name) {
    auto build = archive_->build_table(shape(name), "detections", 64u << 20);
    EXPECT_TRUE(build.has_value()) << build.error().to_string();
    return *std::move(build);
  }

  // `count` rows from that position on.
  void append(TableBuild& build, std::uint64_t first, std::uint64_t count) {
    ColumnBatch batch(rows_->config().schema);
    for (std::uint64_t i = 0; i < count; ++i) {
      batch.columns[0].append(std::int64_t{1'700'000'000'000'000} + static_cast<std::int64_t>(i));
      batch.columns[1].append(std::string_view("cam"));
      batch.columns[2].append(first + i);
      batch.columns[3].append(std::uint32_t{0});
      batch.columns[4].append(std::uint32_t{3});
    }
    hot::RowNumber begin = rows_->appended();
    ASSERT_TRUE(rows_->append(batch).has_value());
    rows_->publish(rows_->appended());
    Status appended =
        build.append(rows_->snapshot().from(begin), Position{first}, Position{first + count - 1});
    ASSERT_TRUE(appended) << appended.error().to_string();
  }

  std::vector<std::string> shown() {
    std::vector<std::string> names;
    for (const FilledTable& table : archive_->filled_tables()) names.push_back(table.info.name);
    return names;
  }
  std::vector<std::string> in_catalog() {
    std::vector<std::string> names;
    auto rows = catalog_->archive_tables();
    for (const auto& row : *rows) names.push_back(row.name);
    return names;
  }
  bool has_folder_files(const std::string& name) {
    std::filesystem::path folder = std::filesystem::path(directory_) / "archive" / name;
    if (!std::filesystem::exists(folder)) return false;
    for (const auto& each : std::filesystem::recursive_directory_iterator(folder)) {
      if (each.is_regular_file()) return true;
    }
    return false;
  }

  std::string directory_;
  io::Random& random_ = io::system_random();
  MemoryBudget budget_{256u << 20};
  pipeline::Tables tables_;
  std::unique_ptr<catalog::Catalog> catalog_;
  std::unique_ptr<hot::Table> rows_;
  std::unique_ptr<Archive> archive_;
};

TEST_F(FilledTablesTest, AreSeenWholeAndAgainAfterARestart) {
  auto build = begin("again");
  append(*build, 100, 50);
  append(*build, 150, 25);
  EXPECT_TRUE(shown().empty()) << "nothing is seen before it is whole";
  EXPECT_TRUE(archive_->tables().empty());
  ASSERT_TRUE(build->commit());
  build.reset();
  ASSERT_TRUE(archive_->show_table("again"));
  for (int start = 0; start < 2; ++start) {
    ASSERT_THAT(shown(), testing::ElementsAre("again"));
    ASSERT_EQ(archive_->tables().size(), 1u);
    EXPECT_EQ(archive_->tables()[0].rows, 75u);
    EXPECT_EQ(archive_->filled_tables()[0].part.boundary, Position{174});
    auto sound = archive_->verify("again", [](std::uint64_t, std::uint64_t) { return true; });
    ASSERT_TRUE(sound.has_value());
    EXPECT_EQ(sound->rows, 75u);
    EXPECT_TRUE(sound->damaged.empty());
    open();
  }
}

TEST_F(FilledTablesTest, OfNoRowAreWholeToo) {
  auto build = begin("none");
  ASSERT_TRUE(build->commit());
  build.reset();
  open();
  EXPECT_THAT(shown(), testing::ElementsAre("none"));
}

TEST_F(FilledTablesTest, GiveUpWithoutATrace) {
  auto build = begin("given_up");
  append(*build, 1, 10);
  EXPECT_TRUE(has_folder_files("given_up"));
  build.reset();
  EXPECT_TRUE(in_catalog().empty());
  EXPECT_FALSE(has_folder_files("given_up"));
}

TEST_F(FilledTablesTest, CutByACrashAreRemovedAtTheNextStart) {
  auto build = begin("half");
  append(*build, 1, 10);
  // What a crash leaves: the catalog's row and the files, as they are now.
  std::filesystem::copy(directory_, directory_ + ".crash",
                        std::filesystem::copy_options::recursive);
  build.reset();
  archive_.reset();
  catalog_.reset();
  std::filesystem::remove_all(directory_);
  std::filesystem::rename(directory_ + ".crash", directory_);
  ASSERT_TRUE(has_folder_files("half"));
  open();
  EXPECT_TRUE(shown().empty());
  EXPECT_TRUE(in_catalog().empty());
  EXPECT_FALSE(has_folder_files("half"));
  auto again = begin("half");
  append(*again, 1, 10);
  EXPECT_TRUE(again->commit());
}

TEST_F(FilledTablesTest, TakeNoNameThatIsTaken) {
  auto build = begin("mine");
  for (const char* name : {"mine", "MINE"}) {
    auto refused = archive_->build_table(shape(name), "detections", 64u << 20);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().number(), 3843);
  }
  pipeline::TableInfo unordered = shape("other");
  unordered.schema.columns[1].name = "camera";
  auto refused = archive_->build_table(unordered, "detections", 64u << 20);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().number(), 3844);
}

}  // namespace
}  // namespace freshet::archive
