#include "sql/parquet_merge.h"

#include <fmt/format.h>
#include <stdlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <set>
#include <utility>

#include "common/units.h"
#include "sql/archive_files.h"
#include "sql/cancel_watch.h"
#include "sql/duckdb_handles.h"
#include "sql/file_bytes.h"
#include "sql/parquet_metadata.h"
#include "sql/parquet_output.h"
#include "sql/row_order.h"
#include "sql/row_source.h"

namespace freshet::sql {
namespace {

Error merge_error(std::string message) {
  return Error(Code::kInvalid, 3824, "the files cannot be merged: " + std::move(message));
}

bool is_whole_number(const ParquetColumn& column) {
  ColumnType type = parquet_type_of(column);
  return type == ColumnType::kInt32 || type == ColumnType::kInt64 || type == ColumnType::kUInt64;
}

Status check_order_column(const ParquetMerge& merge, std::optional<std::size_t> column) {
  const std::vector<ParquetColumn>& columns = merge.layout.columns;
  if (!column || (*column < columns.size() && is_whole_number(columns[*column]))) return ok();
  return merge_error("a position column must be a whole number");
}

Status check_expiry(const RowExpiry& expiry, const std::vector<ParquetColumn>& columns) {
  auto is = [&](std::size_t column, ColumnType type) {
    return column < columns.size() && columns[column].type == type;
  };
  if (!is(expiry.time_column, ColumnType::kTimestamp))
    return merge_error("rows expire by a time column");
  if (expiry.class_column && !is(*expiry.class_column, ColumnType::kText))
    return merge_error("a class column must be a text");
  return ok();
}

Status check_merge(const ParquetMerge& merge) {
  FRESHET_TRY_STATUS(check_layout(merge.layout));
  FRESHET_TRY_STATUS(check_order_column(merge, merge.position_column));
  FRESHET_TRY_STATUS(check_order_column(merge, merge.sub_position_column));
  const std::vector<ParquetColumn>& columns = merge.layout.columns;
  if (merge.id_column &&
      (*merge.id_column >= columns.size() || (columns[*merge.id_column].type != ColumnType::kUuid &&
                                              columns[*merge.id_column].type != ColumnType::kText)))
    return merge_error("the id column must be a UUID or a text");
  std::set<std::string_view> paths;
  if (merge.expiry) FRESHET_TRY_STATUS(check_expiry(*merge.expiry, columns));
  for (const ArchiveFile& file : merge.inputs) {
    if (!paths.insert(file.path).second)
      return merge_error(fmt::format("{} is named twice", file.path));
  }
  return ok();
}

bool is_cancelled(const ParquetMerge& merge) {
  return merge.is_cancelled && merge.is_cancelled();
}

Error cancelled_error() {
  return Error(Code::kUnavailable, 3822, "the merge was cancelled; its inputs are as they were");
}

// A folder of this merge's own: DuckDB takes away what it finds under its names.
class SpillFolder {
 public:
  static Result<std::unique_ptr<SpillFolder>> create(const std::string& parent) {
    if (parent.empty()) return std::unique_ptr<SpillFolder>(new SpillFolder(""));
    std::string path = parent + "/freshet-merge-XXXXXX";
    if (mkdtemp(path.data()) == nullptr) {
      return Error(Code::kIo, 3804,
                   fmt::format("{}: no folder can be made in it: {}", parent, strerror(errno)));
    }
    return std::unique_ptr<SpillFolder>(new SpillFolder(path));
  }
  ~SpillFolder() {
    std::error_code ignored;  // Whoever starts next clears the parent.
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  SpillFolder(const SpillFolder&) = delete;
  SpillFolder& operator=(const SpillFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  explicit SpillFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

// The columns go by number in SQL: a column of the table may have any name, those of DuckDB's own
// columns (file_index, file_row_number) too.
std::string column_text(std::size_t column) {
  return fmt::format("c{}", column);
}

// read_parquet(['/a', '/b'], schema = MAP {1: {name: 'c0', type: 'UUID', …}, …}, …)
std::string source_text(const ParquetMerge& merge) {
  std::string entries;
  for (std::size_t i = 0; i < merge.layout.columns.size(); ++i) {
    const ParquetColumn& column = merge.layout.columns[i];
    entries +=
        fmt::format("{}{}: {{name: '{}', type: '{}', default_value: NULL}}", i == 0 ? "" : ", ",
                    column.field_id, column_text(i), parquet_sql_type(column));
  }
  return fmt::format("read_parquet({}, schema = MAP {{{}}}, hive_partitioning = false)",
                     file_list_text(merge.inputs), entries);
}

// True for the rows that are past their time; NULL for those without one.
std::string is_expired_text(const RowExpiry& expiry) {
  std::string before =
      expiry.before_us ? fmt::format("{}", *expiry.before_us) : std::string("NULL");
  if (expiry.class_column && !expiry.before_us_of_class.empty()) {
    std::string cases;
    for (const auto& [name, before_us] : expiry.before_us_of_class)
      cases += fmt::format(" WHEN {} THEN {}", quoted_text(name), before_us);
    before = fmt::format("CASE {}{} ELSE {} END", column_text(*expiry.class_column), cases, before);
  }
  return fmt::format("epoch_us({}) < {}", column_text(expiry.time_column), before);
}

// The rows that a merge goes on with.
std::string rows_text(const ParquetMerge& merge) {
  if (!merge.expiry) return source_text(merge);
  return fmt::format(
      "(SELECT *, file_index, file_row_number FROM {} WHERE NOT coalesce({}, false))",
      source_text(merge), is_expired_text(*merge.expiry));
}

// "c8 NULLS LAST, c9 NULLS LAST, ", or less where the table has no such columns.
std::string positions_text(const ParquetMerge& merge) {
  std::string text;
  for (std::optional<std::size_t> column : {merge.position_column, merge.sub_position_column}) {
    if (column) text += column_text(*column) + " NULLS LAST, ";
  }
  return text;
}

// The files' order in the list and the rows' in the file settle what nothing else does.
constexpr std::string_view kRowPlace = "file_index, file_row_number";

std::string judged_rows_text(const ParquetMerge& merge) {
  auto text_of = [](std::optional<std::size_t> column, std::string_view type) {
    return column ? fmt::format("CAST({} AS {})", column_text(*column), type)
                  : fmt::format("CAST(NULL AS {})", type);
  };
  std::string time = merge.judged.time
                         ? fmt::format("epoch_us({})", column_text(*merge.judged.time))
                         : "CAST(NULL AS BIGINT)";
  return fmt::format(
      "SELECT CAST(file_index AS BIGINT), CAST(file_row_number AS BIGINT), {}, {}, {}, {} FROM {}",
      text_of(merge.judged.id, "VARCHAR"), text_of(merge.judged.camera, "VARCHAR"), time,
      text_of(merge.judged.raw, "BLOB"), source_text(merge));
}

std::string sorted_rows_text(const ParquetMerge& merge, bool has_dropped) {
  std::string list;
  for (std::size_t i = 0; i < merge.layout.columns.size(); ++i)
    list += (i == 0 ? "" : ", ") + column_text(i);
  return fmt::format("SELECT {} FROM {} {} ORDER BY {} NULLS LAST, {} NULLS LAST, {}{}", list,
                     rows_text(merge),
                     has_dropped ? "ANTI JOIN freshet_dropped ON file_index = dropped_file AND "
                                   "file_row_number = dropped_row"
                                 : "",
                     column_text(merge.layout.key_column), column_text(merge.layout.time_column),
                     positions_text(merge), kRowPlace);
}

// The sorted rows as DuckDB streams them, handed on to its COPY without a copy of our own.
class MergedScan : public RowSource {
 public:
  // All must outlive the scan. `error_of` makes an error of DuckDB's words.
  MergedScan(const ParquetMerge& merge, std::uint64_t row_count, QueryResult& sorted,
             std::function<Error(QueryResult&)> error_of)
      : RowSource(merge.layout, row_count),
        merge_(merge),
        sorted_(sorted),
        error_of_(std::move(error_of)) {}

 private:
  Status next(duckdb_data_chunk output) override {
    if (is_cancelled(merge_)) return cancelled_error();
    chunk_ = DataChunk(duckdb_fetch_chunk(sorted_.get()));
    if (chunk_.get() == nullptr) {
      // The end and a failure look alike but for the message.
      if (duckdb_result_error(sorted_.out()) != nullptr) return error_of_(sorted_);
      duckdb_data_chunk_set_size(output, 0);
      return ok();
    }
    idx_t count = duckdb_data_chunk_get_size(chunk_.get());
    for (idx_t column = 0; column < layout().columns.size(); ++column) {
      duckdb_vector vector = duckdb_data_chunk_get_vector(chunk_.get(), column);
      add_bounds(column, vector, count);
      duckdb_vector_reference_vector(duckdb_data_chunk_get_vector(output, column), vector);
    }
    duckdb_data_chunk_set_size(output, count);
    return ok();
  }

  const ParquetMerge& merge_;
  QueryResult& sorted_;
  std::function<Error(QueryResult&)> error_of_;
  DataChunk chunk_;
};

// The work of one merge, in a DuckDB of its own, whose memory goes with it.
class Merging {
 public:
  static Result<std::unique_ptr<Merging>> open(const ParquetMerge& merge,
                                               const ParquetMergeConfig& config) {
    std::unique_ptr<Merging> merging(new Merging(merge, config));
    FRESHET_TRY(merging->spill_, SpillFolder::create(config.spill_folder));
    FRESHET_TRY(merging->database_, Database::open({.memory_bytes = config.memory_bytes,
                                                    .threads = std::max(config.threads, 1u),
                                                    .reads_files = true,
                                                    .spill_folder = merging->spill_->path()}));
    FRESHET_TRY(merging->reader_, merging->database_->connect());
    FRESHET_TRY(merging->writer_, merging->database_->connect());
    FRESHET_TRY_STATUS(register_row_source(merging->writer_.get(), &merging->current_));
    return merging;
  }

  Result<std::uint64_t> count_judged() {
    CancelWatch watch(merge_.is_cancelled, {reader_.get(), writer_.get()});
    FRESHET_TRY([[maybe_unused]] std::uint64_t input_rows, check_inputs());
    return find_judged(false);
  }

  Result<MergedParquet> run() {
    CancelWatch watch(merge_.is_cancelled, {reader_.get(), writer_.get()});
    NewFiles created;
    FRESHET_TRY_STATUS(create_empty_file(merge_.path));
    created.add(merge_.path);
    FRESHET_TRY(std::uint64_t input_rows, check_inputs());
    MergedParquet merged;
    if (merge_.expiry) {
      FRESHET_TRY(merged.expired, count_expired());
      if (merged.expired == 0 || merged.expired == input_rows) return merged;
      input_rows -= merged.expired;
    }
    if (merge_.is_dropped) {
      FRESHET_TRY(merged.judged_dropped, find_judged(true));
    } else {
      FRESHET_TRY(merged.duplicates_dropped, find_duplicates());
    }
    std::uint64_t dropped = merged.judged_dropped + merged.duplicates_dropped;
    if (dropped == input_rows) return merged;
    FRESHET_TRY(merged.file, write(input_rows, dropped));
    FRESHET_TRY_STATUS(set_span(merged.file));
    if (is_cancelled(merge_)) return cancelled_error();
    created.keep();
    return merged;
  }

 private:
  Merging(const ParquetMerge& merge, const ParquetMergeConfig& config)
      : merge_(merge), config_(config) {}

  // The rows of all inputs, as their footers say.
  Result<std::uint64_t> check_inputs() {
    std::uint64_t rows = 0;
    for (const ArchiveFile& file : merge_.inputs) {
      if (is_cancelled(merge_)) return cancelled_error();
      Status checked = check_archive_file(reader_.get(), merge_.layout.columns, file);
      // The interruption looks like a fault of the file that was being read.
      if (!checked && is_cancelled(merge_)) return cancelled_error();
      FRESHET_TRY_STATUS(std::move(checked));
      auto metadata = read_parquet_metadata(reader_.get(), file.path);
      if (!metadata && is_cancelled(merge_)) return cancelled_error();
      if (!metadata) return std::move(metadata).error();
      rows += metadata->row_count;
    }
    if (rows == 0) return merge_error("there are no rows in them");
    return rows;
  }

  Result<std::uint64_t> count_expired() {
    return count_of(fmt::format("SELECT count(*) FROM {} WHERE {}", source_text(merge_),
                                is_expired_text(*merge_.expiry)));
  }

  // Fills freshet_dropped with the places of rows that have the id of an earlier one. Nearly always
  // there are none, which a grouping by id alone finds out; only then rows are looked at.
  Result<std::uint64_t> find_duplicates() {
    if (!merge_.id_column) return std::uint64_t{0};
    std::string id = column_text(*merge_.id_column);
    FRESHET_TRY(std::uint64_t repeated,
                count_of(fmt::format("CREATE TEMP TABLE freshet_repeated AS SELECT {} FROM {} "
                                     "WHERE {} IS NOT NULL GROUP BY {} HAVING count(*) > 1",
                                     id, rows_text(merge_), id, id)));
    if (repeated == 0) return std::uint64_t{0};
    return count_of(
        fmt::format("CREATE TEMP TABLE freshet_dropped(dropped_file, dropped_row) AS SELECT {} "
                    "FROM {} SEMI JOIN freshet_repeated USING "
                    "({}) QUALIFY row_number() OVER (PARTITION BY {} ORDER BY {}{}) > 1",
                    kRowPlace, rows_text(merge_), id, id, positions_text(merge_), kRowPlace));
  }

  // Likewise with the places of rows that the caller wants left out; `notes` them or counts alone.
  Result<std::uint64_t> find_judged(bool notes) {
    if (notes) {
      FRESHET_TRY_STATUS(execute(writer_.get(),
                                 "CREATE TABLE freshet_dropped(dropped_file UBIGINT, dropped_row "
                                 "BIGINT)"));
    }
    PreparedStatement statement;
    QueryResult rows;
    std::string query = judged_rows_text(merge_);
    if (duckdb_prepare(reader_.get(), query.c_str(), statement.out()) == DuckDBError)
      return error_of_words(duckdb_prepare_error(statement.get()), false);
    if (duckdb_execute_prepared_streaming(statement.get(), rows.out()) == DuckDBError)
      return error_of(rows);
    std::uint64_t dropped = 0;
    for (;;) {
      if (is_cancelled(merge_)) return cancelled_error();
      DataChunk chunk(duckdb_fetch_chunk(rows.get()));
      if (chunk.get() == nullptr) break;
      std::string places = judge(chunk.get(), dropped);
      if (notes && !places.empty()) {
        FRESHET_TRY_STATUS(execute(writer_.get(), "INSERT INTO freshet_dropped VALUES " + places));
      }
    }
    if (duckdb_result_error(rows.out()) != nullptr) return error_of(rows);
    return dropped;
  }

  // "(file, row), …" of the rows of the chunk that are left out.
  std::string judge(duckdb_data_chunk chunk, std::uint64_t& dropped) const {
    std::string places;
    idx_t count = duckdb_data_chunk_get_size(chunk);
    auto data_of = [&](idx_t column) {
      return duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, column));
    };
    auto is_valid = [&](idx_t column, idx_t row) {
      std::uint64_t* validity =
          duckdb_vector_get_validity(duckdb_data_chunk_get_vector(chunk, column));
      return validity == nullptr || duckdb_validity_row_is_valid(validity, row);
    };
    auto text_at = [&](idx_t column, idx_t row) -> std::optional<std::string_view> {
      if (!is_valid(column, row)) return std::nullopt;
      duckdb_string_t& text = static_cast<duckdb_string_t*>(data_of(column))[row];
      return std::string_view(duckdb_string_t_data(&text), duckdb_string_t_length(text));
    };
    for (idx_t row = 0; row < count; ++row) {
      JudgedRow judged;
      judged.id = text_at(2, row);
      judged.camera = text_at(3, row);
      if (is_valid(4, row)) judged.time_us = static_cast<std::int64_t*>(data_of(4))[row];
      judged.raw = text_at(5, row);
      if (!merge_.is_dropped(judged)) continue;
      ++dropped;
      places += fmt::format("{}({}, {})", places.empty() ? "" : ", ",
                            static_cast<std::int64_t*>(data_of(0))[row],
                            static_cast<std::int64_t*>(data_of(1))[row]);
    }
    return places;
  }

  // Runs a statement that tells how many rows it made.
  Result<std::uint64_t> count_of(const std::string& statement) {
    QueryResult result;
    if (duckdb_query(reader_.get(), statement.c_str(), result.out()) == DuckDBError)
      return error_of(result);
    DataChunk chunk(duckdb_fetch_chunk(result.get()));
    FRESHET_CHECK(chunk.get() != nullptr && duckdb_data_chunk_get_size(chunk.get()) == 1);
    duckdb_vector vector = duckdb_data_chunk_get_vector(chunk.get(), 0);
    return static_cast<std::uint64_t>(
        *static_cast<const std::int64_t*>(duckdb_vector_get_data(vector)));
  }

  Result<ParquetFile> write(std::uint64_t input_rows, std::uint64_t dropped) {
    PreparedStatement statement;
    QueryResult sorted;
    std::string query = sorted_rows_text(merge_, dropped > 0);
    if (duckdb_prepare(reader_.get(), query.c_str(), statement.out()) == DuckDBError)
      return error_of_words(duckdb_prepare_error(statement.get()), false);
    // Streaming: the sorted rows are never in memory as a whole.
    if (duckdb_execute_prepared_streaming(statement.get(), sorted.out()) == DuckDBError)
      return error_of(sorted);
    MergedScan scan(merge_, input_rows - dropped, sorted,
                    [this](QueryResult& failed) { return error_of(failed); });
    current_ = &scan;
    QueryResult copied;
    duckdb_state done = duckdb_query(
        writer_.get(), copy_statement(merge_.path, merge_.layout).c_str(), copied.out());
    current_ = nullptr;
    if (done == DuckDBError) return scan.failure() ? Error(*scan.failure()) : error_of(copied);
    auto file = finish_parquet_file(writer_.get(), merge_.path, merge_.layout, input_rows - dropped,
                                    scan.bounds());
    if (!file && is_cancelled(merge_)) return cancelled_error();
    return file;
  }

  // A manifest puts the file into one day or hour: that of every row.
  Status set_span(ParquetFile& file) const {
    std::int32_t id = merge_.layout.columns[merge_.layout.time_column].field_id;
    auto time = std::find_if(file.columns.begin(), file.columns.end(),
                             [&](const ParquetColumnStats& stats) { return stats.field_id == id; });
    FRESHET_CHECK(time != file.columns.end());
    if (!time->lower) return ok();
    std::int64_t begin_us = span_of_bound(*time->lower);
    if (time->null_count > 0 || span_of_bound(*time->upper) != begin_us) {
      return Error(Code::kInvalid, 3825,
                   fmt::format("the files of {} are not of one {}: their rows have several, or "
                               "some have no time",
                               merge_.path, merge_.layout.span == FileSpan::kDay ? "day" : "hour"));
    }
    file.span_begin_us = begin_us;
    return ok();
  }

  std::int64_t span_of_bound(const std::string& bound) const {
    std::int64_t time_us = 0;
    std::memcpy(&time_us, bound.data(), sizeof(time_us));
    return span_begin_of(merge_.layout.span, time_us);
  }

  Error error_of(QueryResult& result) const {
    bool is_memory = duckdb_result_error_type(result.out()) == DUCKDB_ERROR_OUT_OF_MEMORY;
    return error_of_words(result.error(), is_memory);
  }

  Error error_of_words(std::string_view words, bool is_memory) const {
    if (is_cancelled(merge_)) return cancelled_error();
    if (auto of_file = file_error(merge_.inputs, words)) return *std::move(of_file);
    if (words.find("No space left") != std::string_view::npos ||
        words.find("quota exceeded") != std::string_view::npos)
      return copy_error(merge_.path, words);
    if (words.find("max_temp_directory_size") != std::string_view::npos) {
      return Error(Code::kNoSpace, 3804,
                   fmt::format("{}: it has no room for the rows of a merge: {}",
                               config_.spill_folder, plain_message(words)));
    }
    if (is_memory) {
      return Error(Code::kThrottled, 3826,
                   fmt::format("{}: its rows need more memory than {} to be sorted{}: {}",
                               merge_.path, format_bytes(config_.memory_bytes),
                               config_.spill_folder.empty() ? ", and there is no spill folder" : "",
                               plain_message(words)));
    }
    return Error(Code::kIo, 3823,
                 fmt::format("{}: cannot be made: {}", merge_.path, plain_message(words)));
  }

  const ParquetMerge& merge_;
  const ParquetMergeConfig& config_;
  RowSource* current_ = nullptr;
  std::unique_ptr<SpillFolder> spill_;
  std::unique_ptr<Database> database_;  // goes before the two that it points to
  Connection reader_, writer_;          // a statement that streams has its connection to itself
};

}  // namespace

Result<MergedParquet> merge_parquet_files(const ParquetMerge& merge,
                                          const ParquetMergeConfig& config) {
  FRESHET_TRY_STATUS(check_merge(merge));
  FRESHET_TRY(std::unique_ptr<Merging> merging, Merging::open(merge, config));
  return merging->run();
}

Result<std::uint64_t> count_judged_rows(const ParquetMerge& merge,
                                        const ParquetMergeConfig& config) {
  FRESHET_TRY_STATUS(check_merge(merge));
  FRESHET_TRY(std::unique_ptr<Merging> merging, Merging::open(merge, config));
  return merging->count_judged();
}

}  // namespace freshet::sql
