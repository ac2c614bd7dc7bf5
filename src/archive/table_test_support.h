// One archived table over a store in memory. For the tests of this folder.
#pragma once

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <optional>
#include <set>

#include "archive/iceberg/manifest_list.h"
#include "archive/table.h"
#include "object_store/memory_store.h"
#include "pipeline/hot_relation.h"
#include "pipeline/stream_tables.h"
#include "sql/query_database.h"

namespace freshet::archive {

inline constexpr std::int64_t kDayUs = 86'400'000'000;
inline constexpr std::int64_t kTodayUs = 20'000 * kDayUs + 5'000'000;

inline pipeline::TableInfo detections() {
  pipeline::TableInfo info;
  info.name = "detections";
  info.stream = "detections";
  info.schema.columns = {
      {"detection_id", ColumnType::kUuid}, {"event_time", ColumnType::kTimestamp},
      {"camera_id", ColumnType::kText},    {"score", ColumnType::kInt32},
      {"position", ColumnType::kUInt64},   {"sub_position", ColumnType::kUInt32}};
  info.id_column = 0;
  info.time_column = 1;
  info.key_columns = {2};
  return info;
}

// One archived table over a store in memory, a catalog in a folder, and rows in hot.
class ArchivedTableTest : public testing::Test {
 protected:
  ArchivedTableTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "freshet_archive_XXXXXX");
    directory_ = mkdtemp(pattern.data());
    std::filesystem::create_directory(directory_ + "/work");
    open_catalog();
    writer_ = std::move(sql::ParquetWriter::open({})).value();
    database_ = std::move(sql::QueryDatabase::open({})).value();
  }
  ~ArchivedTableTest() override { std::filesystem::remove_all(directory_); }

  void open_catalog() {
    catalog_.reset();
    catalog_ = std::move(catalog::Catalog::open(directory_ + "/catalog.sqlite", random_)).value();
  }

  Result<std::unique_ptr<Table>> try_open(const pipeline::TableInfo& info) {
    std::shared_ptr<LocalFiles> files =
        std::move(
            LocalFiles::open(store_, io::system_disk(), clock_, directory_ + "/copies", 1u << 30))
            .value();
    for (const auto& left : std::filesystem::directory_iterator(directory_ + "/work"))
      std::filesystem::remove(left.path());
    TableParts parts{store_,         *catalog_, io::system_disk(), clock_,
                     *table_random_, *writer_,  std::move(files),  directory_ + "/work"};
    std::optional<catalog::ArchiveTableRow> row;
    auto rows = catalog_->archive_tables();
    if (rows && !rows->empty()) row = rows->front();
    return Table::open(parts, info, row);
  }
  std::unique_ptr<Table> open() {
    auto opened = try_open(detections());
    EXPECT_TRUE(opened.has_value()) << opened.error().to_string();
    return std::move(opened).value();
  }

  // `count` rows whose positions follow the last; `days_ago` moves their time.
  void add_rows(std::uint64_t count, int days_ago = 0) {
    ColumnBatch batch(rows_.config().schema);
    for (std::uint64_t i = 0; i < count; ++i) {
      ++last_;
      batch.columns[0].append(EventId{last_ * 77, last_});
      batch.columns[1].append(kTodayUs - days_ago * kDayUs + static_cast<std::int64_t>(last_ % 97));
      batch.columns[2].append(cameras_[last_ % cameras_.size()]);
      batch.columns[3].append(static_cast<std::int32_t>(last_));
      batch.columns[4].append(last_);
      batch.columns[5].append(std::uint32_t{0});
    }
    ASSERT_TRUE(rows_.append(batch).has_value());
    rows_.publish(rows_.appended());
  }

  // The ids of the first rows again, as after the horizon.
  void add_again(std::uint64_t count) {
    ColumnBatch batch(rows_.config().schema);
    for (std::uint64_t i = 1; i <= count; ++i) {
      batch.columns[0].append(EventId{i * 77, i});
      batch.columns[1].append(kTodayUs);
      batch.columns[2].append(std::string_view("cam-1"));
      batch.columns[3].append(std::int32_t{9});
      batch.columns[4].append(++last_);
      batch.columns[5].append(std::uint32_t{0});
    }
    ASSERT_TRUE(rows_.append(batch).has_value());
    rows_.publish(rows_.appended());
  }

  Result<bool> append(Table& table, std::uint64_t rows_max = 1'000'000) {
    return table.append(rows_.snapshot(), Position{last_}, 0, rows_max);
  }
  void append_all(Table& table, std::uint64_t rows_max = 1'000'000) {
    while (true) {
      auto more = append(table, rows_max);
      ASSERT_TRUE(more.has_value()) << more.error().to_string();
      if (!*more) return;
    }
  }

  // As a query does it: files up to the boundary, memory behind it.
  std::string ask(const Table& table, const std::string& sql) {
    pipeline::ArchivedPart part = table.part();
    hot::Snapshot rows = rows_.snapshot();
    rows = rows.from(pipeline::first_row_at(rows, Position{part.boundary.value + 1}));
    auto judged = database_->judge(sql);
    EXPECT_TRUE(judged.has_value()) << judged.error().to_string();
    auto answer =
        database_->run(*judged, {{"detections", std::make_shared<pipeline::HotRelation>(rows)}}, {},
                       {}, sql::AnswerFormat::kCsv, {{"detections", part.files}});
    return answer ? answer->text : answer.error().to_string();
  }
  std::string counts(const Table& table) {
    return ask(table,
               "SELECT count(*) AS n, count(DISTINCT detection_id) AS ids, max(position) AS last "
               "FROM detections");
  }
  std::string expected_counts() const {
    return "n,ids,last\n" + std::to_string(last_) + "," + std::to_string(last_) + "," +
           std::to_string(last_) + "\n";
  }

  // Every snapshot that is kept reads whole: its list, its manifests, its files.
  void expect_snapshots_whole(const Table& table) {
    for (const iceberg::Snapshot& snapshot : table.state()->metadata.snapshots) {
      auto list = iceberg::read_manifest_list(read(snapshot.manifest_list));
      ASSERT_TRUE(list.has_value()) << list.error().to_string();
      for (const iceberg::ManifestFile& listed : *list) {
        auto manifest = iceberg::read_manifest(read(listed.path), listed);
        ASSERT_TRUE(manifest.has_value()) << manifest.error().to_string();
        for (const iceberg::ManifestEntry& entry : manifest->entries) {
          if (!entry.is_live()) continue;  // of the snapshot before
          Status sound = verify_file(store_, *table.state(), entry.file);
          EXPECT_TRUE(sound) << sound.error().to_string();
        }
      }
    }
  }
  std::string read(const std::string& url) {
    auto name = name_in_store(store_, url);
    auto bytes = store_.get(name ? *name : url);
    return bytes ? *bytes : bytes.error().to_string();
  }
  std::size_t data_files() { return store_.list("detections/data/")->size(); }

  std::string directory_;
  io::SeededRandom random_{11};
  io::Random* table_random_ = &random_;
  io::ManualClock clock_{kTodayUs};
  object_store::MemoryStore store_{{}, {io::system_disk(), clock_, random_}};
  std::unique_ptr<catalog::Catalog> catalog_;
  std::unique_ptr<sql::ParquetWriter> writer_;
  std::unique_ptr<sql::QueryDatabase> database_;
  MemoryBudget budget_{std::uint64_t{1} << 30};
  hot::Table rows_{{.name = "detections",
                    .schema = detections().schema,
                    .key_columns = {2},
                    .time_column = 1,
                    .chunk_rows = 128},
                   budget_};
  std::uint64_t last_ = 0;
  std::vector<std::string_view> cameras_{"cam-1", "cam-2", "cam-3"};
};

}  // namespace freshet::archive
