// What it costs to write hot rows as Parquet, and to ask files and memory as one table.
//
//   freshet_archive_bench write FOLDER [ROWS] [ROW_GROUP_ROWS] [ZSTD_LEVEL] [box]
//   freshet_archive_bench query FOLDER [ROWS] [HOT_ROWS] [FILES]
//   freshet_archive_bench merge FOLDER [ROWS] [FILES] [MEMORY_MIB] [THREADS] [ids]
#include <fmt/format.h>
#include <sys/resource.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "event/position.h"
#include "hot/table.h"
#include "pipeline/hot_relation.h"
#include "sql/parquet_check.h"
#include "sql/parquet_merge.h"
#include "sql/parquet_writer.h"
#include "sql/query_database.h"

namespace freshet {
namespace {

constexpr std::int64_t kDayUs = 86'400'000'000;
constexpr std::int64_t kBeginUs = 20'782 * kDayUs;  // 2026-11-25
constexpr std::size_t kCameras = 1'000;
constexpr std::size_t kBatchRows = 10'000;

Schema detections(bool with_box) {
  Schema schema{{{"detection_id", ColumnType::kUuid},
                 {"event_time", ColumnType::kTimestamp},
                 {"camera_id", ColumnType::kText},
                 {"location_id", ColumnType::kText},
                 {"location_name", ColumnType::kText},
                 {"item_name", ColumnType::kText},
                 {"confidence", ColumnType::kDouble},
                 {"frame_no", ColumnType::kUInt64},
                 {"position", ColumnType::kUInt64}}};
  if (with_box) schema.columns.push_back({"bbox", ColumnType::kBox});
  return schema;
}

struct Texts {
  std::vector<std::string> cameras, locations, names;
  std::vector<std::string> items{"person", "car",  "truck",    "bus",  "bicycle", "motorcycle",
                                 "dog",    "cart", "suitcase", "door", "package", "forklift"};
  Texts() {
    for (std::size_t i = 0; i < kCameras; ++i) cameras.push_back(fmt::format("cam-{:05}", i));
    for (std::size_t i = 0; i < kCameras / 10; ++i) {
      locations.push_back(fmt::format("loc-{:04}", i));
      names.push_back(fmt::format("Loading bay {} of the northern hall", i));
    }
  }
};

// 10,000 detections a second; each comes up to two seconds after its time, so that the rows of a
// camera are nearly in the order of time, not quite.
void append_rows(hot::Table& table, std::uint64_t first, std::size_t count, bool with_box,
                 std::mt19937_64& random) {
  static const Texts texts;
  ColumnBatch batch(table.config().schema);
  auto& c = batch.columns;
  for (std::uint64_t i = first; i < first + count; ++i) {
    std::uint64_t chance = random();
    std::size_t camera = chance % kCameras;
    std::int64_t jitter_us = chance % 50 == 0 ? static_cast<std::int64_t>(chance >> 43) : 0;
    c[0].append(EventId{random(), random()});
    c[1].append(kBeginUs + static_cast<std::int64_t>(i * 100) - jitter_us % 2'000'000);
    c[2].append(std::string_view(texts.cameras[camera]));
    c[3].append(std::string_view(texts.locations[camera / 10]));
    c[4].append(std::string_view(texts.names[camera / 10]));
    c[5].append(std::string_view(texts.items[(chance >> 20) % texts.items.size()]));
    c[6].append(static_cast<double>(50 + (chance >> 30) % 50) / 100);
    c[7].append(i / 300 + camera);
    c[8].append(i);
    if (with_box) {
      std::uint64_t box = random();
      c[9].append(Box{static_cast<std::uint16_t>(box), static_cast<std::uint16_t>(box >> 16),
                      static_cast<std::uint16_t>(box >> 36),
                      static_cast<std::uint16_t>(box >> 52)});
    }
  }
  FRESHET_CHECK(table.append(batch).has_value());
  table.publish(table.appended());
}

sql::ParquetLayout layout_of(const Schema& schema) {
  sql::ParquetLayout layout;
  std::int32_t id = 0;
  for (const ColumnSchema& column : schema.columns) {
    sql::ParquetColumn made{column.name, column.type, ++id, {}};
    if (column.type == ColumnType::kBox) made.box_field_ids = {id + 1, id + 2, id + 3, id + 4};
    layout.columns.push_back(std::move(made));
  }
  layout.key_column = *schema.find("camera_id");
  layout.time_column = *schema.find("event_time");
  return layout;
}

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

struct Cost {
  double wall_s = 0, cpu_s = 0;
};

Cost measure(const std::function<void()>& work) {
  auto start = std::chrono::steady_clock::now();
  double cpu = cpu_seconds();
  work();
  return {std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(),
          cpu_seconds() - cpu};
}

template <typename T>
T must(Result<T> result) {
  if (!result) {
    fmt::print(stderr, "{}\n", result.error().to_string());
    std::exit(1);
  }
  return *std::move(result);
}

std::unique_ptr<hot::Table> make_table(std::size_t rows, bool with_box, MemoryBudget& budget) {
  hot::TableConfig config;
  config.name = "detections";
  config.schema = detections(with_box);
  config.time_column = 1;
  config.key_columns = {2};
  auto table = std::make_unique<hot::Table>(config, budget);
  std::mt19937_64 random(7);
  for (std::size_t done = 0; done < rows; done += kBatchRows)
    append_rows(*table, done, kBatchRows, with_box, random);
  return table;
}

int bench_write(const std::string& folder, std::size_t rows, std::uint64_t row_group_rows,
                std::int32_t zstd_level, bool with_box) {
  MemoryBudget budget{16ull << 30};
  auto table = make_table(rows, with_box, budget);
  pipeline::HotRelation relation(table->snapshot());
  sql::ParquetLayout layout = layout_of(relation.schema());
  layout.row_group_rows = row_group_rows;
  layout.zstd_level = zstd_level;
  auto writer = must(sql::ParquetWriter::open({}));
  std::filesystem::create_directories(folder);
  for (int run = 0; run < 3; ++run) {
    std::vector<sql::ParquetFile> files;
    Cost cost = measure([&] {
      files = must(writer->write(relation, {}, layout, [&](std::optional<std::int64_t> begin_us) {
        return fmt::format("{}/run{}-{}.parquet", folder, run, begin_us.value_or(-1));
      }));
    });
    std::uint64_t bytes = 0;
    for (const sql::ParquetFile& file : files) bytes += file.bytes;
    Cost check = measure([&] {
      for (const sql::ParquetFile& file : files) {
        Status checked = sql::check_parquet_file(
            {file.path, file.bytes, file.row_count, file.checksum, layout.columns});
        if (!checked) fmt::print(stderr, "{}\n", checked.error().to_string());
      }
    });
    auto n = static_cast<double>(rows);
    fmt::print(
        "{} rows, {} files: {:.2f} M rows/s a core ({:.0f} ns a row), wall {:.2f} s, "
        "{:.1f} B a row; check {:.0f} ms\n",
        rows, files.size(), n / cost.cpu_s / 1e6, cost.cpu_s / n * 1e9, cost.wall_s,
        static_cast<double>(bytes) / n, check.wall_s * 1e3);
    if (run == 0) {
      for (const auto& column : files.back().columns) {
        fmt::print(
            "  field {}: {:.2f} B a row\n", column.field_id,
            static_cast<double>(column.column_bytes) / static_cast<double>(files.back().row_count));
      }
    }
    for (const sql::ParquetFile& file : files) std::filesystem::remove(file.path);
  }
  return 0;
}

// Chunks of a table as files of about equal size.
std::vector<sql::ArchiveFile> write_files(sql::ParquetWriter& writer, const sql::Relation& relation,
                                          const std::string& folder, std::size_t files) {
  std::vector<sql::ArchiveFile> written;
  sql::ParquetLayout layout = layout_of(relation.schema());
  std::size_t chunks = relation.chunk_count();
  for (std::size_t i = 0; i < files; ++i) {
    std::vector<sql::RowRange> ranges;
    for (std::size_t chunk = chunks * i / files; chunk < chunks * (i + 1) / files; ++chunk)
      ranges.push_back({chunk, relation.chunk_rows(chunk).begin, relation.chunk_rows(chunk).end});
    if (ranges.empty()) continue;
    auto made = must(writer.write(relation, ranges, layout, [&](std::optional<std::int64_t> begin) {
      return fmt::format("{}/file{}-{}.parquet", folder, i, begin.value_or(-1));
    }));
    for (const sql::ParquetFile& file : made) written.push_back({file.path, file.bytes, ""});
  }
  return written;
}

double best_ms(sql::QueryDatabase& database, const std::string& text,
               const sql::Relations& relations, const sql::ArchiveTables& archives) {
  double best = 1e9;
  for (int run = 0; run < 7; ++run) {
    Cost cost = measure([&] {
      sql::JudgedQuery query = must(database.judge(text));
      must(database.run(query, relations, {}, {}, sql::AnswerFormat::kCsv, archives));
    });
    best = std::min(best, cost.wall_s * 1e3);
  }
  return best;
}

int bench_query(const std::string& folder, std::size_t rows, std::size_t hot_rows,
                std::size_t file_count) {
  MemoryBudget budget{16ull << 30};
  std::filesystem::create_directories(folder);
  auto writer = must(sql::ParquetWriter::open({}));
  std::vector<sql::ArchiveFile> files;
  sql::ArchiveTables archives;
  {
    auto table = make_table(rows, false, budget);
    pipeline::HotRelation relation(table->snapshot());
    files = write_files(*writer, relation, folder, file_count);
    archives["detections"] = std::make_shared<sql::ArchiveTable>(sql::ArchiveTable{
        layout_of(relation.schema()).columns,
        [files](const sql::ScanConstraints&) -> Result<std::vector<sql::ArchiveFile>> {
          return files;
        }});
  }
  auto hot = make_table(hot_rows, false, budget);
  sql::Relations relations;
  relations["detections"] = std::make_shared<pipeline::HotRelation>(hot->snapshot());
  auto database = must(sql::QueryDatabase::open({.archive_memory_bytes = 2ull << 30}));
  fmt::print("{} files, {} rows in them, {} in memory\n", files.size(), rows, hot_rows);
  for (std::string what :
       {"SELECT location_name, count(*) AS n FROM {} GROUP BY ALL ORDER BY n",
        "SELECT camera_id, avg(confidence) AS c FROM {} GROUP BY ALL ORDER BY c LIMIT 5",
        "SELECT item_name, count(*) AS n FROM {} GROUP BY ALL", "SELECT count(*) AS n FROM {}",
        "SELECT * FROM {} WHERE camera_id = 'cam-00500' AND event_time BETWEEN '2026-11-25 "
        "00:00:10' "
        "AND '2026-11-25 00:00:11'"}) {
    auto text = [&](const std::string& table) {
      return std::string(what).replace(what.find("{}"), 2, table);
    };
    fmt::print("{:8.1f} ms files and memory, {:8.1f} ms files: {}\n",
               best_ms(*database, text("detections"), relations, archives),
               best_ms(*database, text("detections"), {}, archives), what);
  }
  return 0;
}

long resident_mib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss / 1024;
}

// Files as an archive makes them: each has the rows of some minutes, of all cameras.
sql::ParquetMerge files_to_merge(const std::string& folder, std::size_t rows, std::size_t files) {
  auto writer = must(sql::ParquetWriter::open({}));
  sql::ParquetMerge merge;
  std::mt19937_64 random(7);
  for (std::size_t i = 0; i < files; ++i) {
    MemoryBudget budget{16ull << 30};
    hot::TableConfig config;
    config.name = "detections";
    config.schema = detections(false);
    config.time_column = 1;
    config.key_columns = {2};
    hot::Table table(config, budget);
    for (std::size_t done = rows / files * i; done < rows / files * (i + 1); done += kBatchRows)
      append_rows(table, done, kBatchRows, false, random);
    query::HotRelation relation(table.snapshot());
    merge.layout = layout_of(relation.schema());
    auto made =
        must(writer->write(relation, {}, merge.layout, [&](std::optional<std::int64_t> begin_us) {
          // Those first rows that come late for the day before are another day's.
          return fmt::format("{}/{}-{}.parquet", folder, begin_us == kBeginUs ? "input" : "other",
                             i * 2 + (begin_us == kBeginUs ? 1 : 0));
        }));
    merge.inputs.push_back({made.back().path, made.back().bytes, made.back().checksum});
  }
  merge.position_column = 8;
  return merge;
}

int bench_merge(const std::string& folder, std::size_t rows, std::size_t files,
                const sql::ParquetMergeConfig& config, bool by_id) {
  std::filesystem::create_directories(folder);
  sql::ParquetMerge merge = files_to_merge(folder, rows, files);
  std::uint64_t input_bytes = 0;
  for (const sql::ArchiveFile& file : merge.inputs) input_bytes += file.bytes;
  merge.path = folder + "/merged.parquet";
  if (by_id) merge.id_column = 0;
  std::filesystem::remove(merge.path);
  long before_mib = resident_mib();
  sql::MergedParquet merged;
  Cost cost = measure([&] { merged = must(sql::merge_parquet_files(merge, config)); });
  auto n = static_cast<double>(merged.file.row_count);
  fmt::print(
      "{} rows of {} files: {:.2f} M rows/s ({:.0f} ns of one core a row), wall {:.2f} s, {:.1f} B "
      "a row (before {:.1f}), peak {} MiB (before {}), {} dropped\n",
      merged.file.row_count, merge.inputs.size(), n / cost.wall_s / 1e6, cost.cpu_s / n * 1e9,
      cost.wall_s, static_cast<double>(merged.file.bytes) / n, static_cast<double>(input_bytes) / n,
      resident_mib(), before_mib, merged.duplicates_dropped);
  return 0;
}

}  // namespace
}  // namespace freshet

int main(int count, char** arguments) {
  std::vector<std::string> words(arguments, arguments + count);
  if (words.size() >= 3 && words[1] == "write") {
    return freshet::bench_write(words[2], words.size() > 3 ? std::stoull(words[3]) : 2'000'000,
                                words.size() > 4 ? std::stoull(words[4]) : 500'000,
                                words.size() > 5 ? std::stoi(words[5]) : 1, words.size() > 6);
  }
  if (words.size() >= 3 && words[1] == "query") {
    return freshet::bench_query(words[2], words.size() > 3 ? std::stoull(words[3]) : 5'000'000,
                                words.size() > 4 ? std::stoull(words[4]) : 500'000,
                                words.size() > 5 ? std::stoull(words[5]) : 10);
  }
  if (words.size() >= 3 && words[1] == "merge") {
    std::uint64_t memory_mib = words.size() > 5 ? std::stoull(words[5]) : 1'024;
    std::uint32_t threads = words.size() > 6 ? static_cast<std::uint32_t>(std::stoul(words[6])) : 1;
    return freshet::bench_merge(
        words[2], words.size() > 3 ? std::stoull(words[3]) : 5'000'000,
        words.size() > 4 ? std::stoull(words[4]) : 10,
        {.memory_bytes = memory_mib << 20, .threads = threads, .spill_folder = words[2]},
        words.size() > 7);
  }
  fmt::print(
      stderr,
      "usage: freshet_archive_bench write FOLDER [ROWS] [ROW_GROUP_ROWS] [ZSTD_LEVEL] [box]\n"
      "       freshet_archive_bench query FOLDER [ROWS] [HOT_ROWS] [FILES]\n"
      "       freshet_archive_bench merge FOLDER [ROWS] [FILES] [MEMORY_MIB] [THREADS] [ids]\n");
  return 2;
}
