#include "sql/reference_file.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <vector>

#include "common/units.h"
#include "sql/column_types.h"
#include "sql/csv_check.h"
#include "sql/duckdb_handles.h"
#include "sql/function_catalog.h"
#include "sql/json_check.h"
#include "sql/vector_io.h"

namespace freshet::sql {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMemoryBytes = 4ull << 30;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

enum class Format { kCsv, kJson, kNdjson, kParquet };

struct FileColumn {
  std::string name;
  std::string type;
};

// Everything that the views of a ReferenceFile point into, in the order of its making.
struct Kept {
  std::unique_ptr<Database> database;
  Connection connection;
  QueryResult result;
  std::vector<DataChunk> chunks;
};

Result<Format> format_of(const std::string& path) {
  std::string ending = lower_case(fs::path(path).extension().string());
  if (ending == ".csv" || ending == ".tsv") return Format::kCsv;
  if (ending == ".json") return Format::kJson;
  if (ending == ".ndjson" || ending == ".jsonl") return Format::kNdjson;
  if (ending == ".parquet") return Format::kParquet;
  return Error(
      Code::kInvalid, 1322,
      fmt::format("{}: the ending says nothing: use .csv, .json, .ndjson or .parquet", path));
}

Result<std::string> read_whole(const std::string& path) {
  std::error_code failure;
  fs::file_status status = fs::status(path, failure);
  if (!fs::exists(status))
    return Error(Code::kNotFound, 1321, fmt::format("{}: there is no such file", path));
  if (!fs::is_regular_file(status))
    return Error(Code::kInvalid, 1321, fmt::format("{}: not a file", path));
  std::uintmax_t bytes = fs::file_size(path, failure);
  if (failure) return Error(Code::kIo, 1321, fmt::format("{}: {}", path, failure.message()));
  if (bytes == 0) return Error(Code::kInvalid, 1328, fmt::format("{}: the file is empty", path));
  if (bytes > kReferenceFileBytesMax) {
    return Error(Code::kInvalid, 1321,
                 fmt::format("{}: {} is above the limit of {} for one file", path,
                             format_bytes(bytes), format_bytes(kReferenceFileBytesMax)));
  }
  std::string text(bytes, '\0');
  std::ifstream file(path, std::ios::binary);
  if (!file.read(text.data(), static_cast<std::streamsize>(bytes)))
    return Error(Code::kIo, 1321, fmt::format("{}: cannot be read: check its permissions", path));
  return text;
}

Status check_utf8(const std::string& path, std::string_view text) {
  if (simdjson::validate_utf8(text.data(), text.size())) return ok();
  std::size_t line = 1;
  while (!text.empty()) {
    std::size_t end = std::min(text.find('\n'), text.size() - 1);
    if (!simdjson::validate_utf8(text.data(), end + 1)) break;
    text.remove_prefix(end + 1);
    ++line;
  }
  return Error(Code::kInvalid, 1323,
               fmt::format("{}:{}: not UTF-8: save the file in that encoding", path, line));
}

// DuckDB takes a path for a pattern: what would match more than itself goes into brackets.
std::string path_literal(const std::string& path) {
  std::string escaped;
  for (char c : fs::absolute(path).string()) {
    if (c == '*' || c == '?' || c == '[')
      escaped += fmt::format("[{}]", c);
    else
      escaped += c;
  }
  return quoted_text(escaped);
}

// What the check before DuckDB found.
struct Shape {
  std::string reader;                    // the call of DuckDB's table function
  std::optional<std::size_t> row_count;  // to be met exactly
};

Result<Shape> check_shape(const std::string& path, Format format, std::string_view text,
                          const std::string& key_column) {
  std::string file = path_literal(path);
  if (format == Format::kParquet) return Shape{fmt::format("read_parquet({})", file), {}};
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  FRESHET_TRY_STATUS(check_utf8(path, text));
  if (text.find('\0') != std::string_view::npos)
    return Error(Code::kInvalid, 1323, fmt::format("{}: holds NUL bytes: not a text file", path));
  if (text.empty()) return Error(Code::kInvalid, 1328, fmt::format("{}: the file is empty", path));
  if (format == Format::kCsv) {
    FRESHET_TRY(CsvShape csv, check_csv(path, text));
    auto key = std::find_if(csv.names.begin(), csv.names.end(), [&](const std::string& name) {
      return lower_case(name) == lower_case(key_column);
    });
    std::string types = key == csv.names.end()
                            ? std::string()
                            : fmt::format(", types = {{{}: 'VARCHAR'}}", quoted_text(*key));
    return Shape{fmt::format("read_csv({}, delim = {}, quote = '\"', escape = '\"', header = true, "
                             "skip = 0, comment = '', sample_size = -1, null_padding = false, "
                             "ignore_errors = false, allow_quoted_nulls = false, "
                             "max_line_size = 16777216, parallel = false{})",
                             file, quoted_text(std::string(1, csv.delimiter)), types),
                 csv.row_count};
  }
  bool array = format == Format::kJson;
  auto counted = array ? check_json_array(path, text) : check_ndjson(path, text);
  FRESHET_TRY(std::size_t rows, std::move(counted));
  return Shape{fmt::format("read_json({}, format = '{}', records = true, sample_size = -1, "
                           "ignore_errors = false, maximum_object_size = 16777216",
                           file, array ? "array" : "newline_delimited"),
               rows};
}

Error duckdb_error(const std::string& path, std::string_view message) {
  return Error(Code::kInvalid, 1326, fmt::format("{}: {}", path, plain_message(message)));
}

Result<std::vector<FileColumn>> describe(duckdb_connection connection, const std::string& path,
                                         const std::string& reader) {
  QueryResult result;
  std::string query = "DESCRIBE SELECT * FROM " + reader;
  if (duckdb_query(connection, query.c_str(), result.out()) == DuckDBError)
    return duckdb_error(path, result.error());
  std::vector<FileColumn> columns;
  for (;;) {
    DataChunk chunk(duckdb_fetch_chunk(result.get()));
    if (chunk.get() == nullptr) return columns;
    const duckdb_string_t* text[2];
    for (idx_t i = 0; i < 2; ++i) {
      text[i] = static_cast<const duckdb_string_t*>(
          duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk.get(), i)));
    }
    for (idx_t row = 0; row < duckdb_data_chunk_get_size(chunk.get()); ++row)
      columns.push_back({std::string(view_of(text[0][row])), std::string(view_of(text[1][row]))});
  }
}

Status check_key(const std::string& path, const std::vector<FileColumn>& columns,
                 const std::string& key_column) {
  std::vector<std::string_view> names;
  for (const FileColumn& column : columns) {
    if (lower_case(column.name) == lower_case(key_column)) return ok();
    names.push_back(column.name);
  }
  std::string_view nearest = nearest_word(key_column, names.data(), names.size());
  std::string hint =
      nearest.empty() ? std::string() : fmt::format(", did you mean {}?", quoted_name(nearest));
  return Error(Code::kInvalid, 1327,
               fmt::format("{}: there is no key column {}{}", path, quoted_name(key_column), hint));
}

// The column as a type that a table can hold.
std::string expression_of(const FileColumn& column, const std::string& key_column) {
  std::string name = quoted_name(column.name);
  std::string_view type = column.type;
  if (lower_case(column.name) == lower_case(key_column))
    return fmt::format("CAST({} AS VARCHAR) AS {}", name, name);
  if (type.ends_with("]") || type.starts_with("STRUCT") || type.starts_with("MAP") ||
      type == "JSON" || type == "VARIANT")
    return fmt::format("CAST(to_json({}) AS VARCHAR) AS {}", name, name);
  if (type.starts_with("DECIMAL")) return fmt::format("CAST({} AS DOUBLE) AS {}", name, name);
  if (type.starts_with("TIMESTAMP") && type != "TIMESTAMP WITH TIME ZONE")
    return fmt::format("(CAST({} AS TIMESTAMP) AT TIME ZONE 'UTC') AS {}", name, name);
  for (std::string_view kept : {"BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT",
                                "USMALLINT", "UINTEGER", "UBIGINT", "FLOAT", "DOUBLE", "DATE",
                                "TIMESTAMP WITH TIME ZONE", "UUID", "VARCHAR", "BLOB"}) {
    if (type == kept) return name;
  }
  return fmt::format("CAST({} AS VARCHAR) AS {}", name, name);
}

// JSON texts that look like dates would lose their form as a key: the second reading says each
// type.
std::string json_reader_with_types(const std::string& reader,
                                   const std::vector<FileColumn>& columns,
                                   const std::string& key_column) {
  std::string types;
  for (const FileColumn& column : columns) {
    bool is_key = lower_case(column.name) == lower_case(key_column);
    types += fmt::format("{}{}: {}", types.empty() ? "" : ", ", quoted_text(column.name),
                         quoted_text(is_key ? "VARCHAR" : column.type));
  }
  return fmt::format("{}, columns = {{{}}})", reader, types);
}

Status read_rows(ReferenceFile& file, Kept& kept, const std::string& path) {
  idx_t column_count = duckdb_column_count(kept.result.out());
  for (idx_t i = 0; i < column_count; ++i) {
    LogicalType type(duckdb_column_logical_type(kept.result.out(), i));
    std::optional<ColumnType> ours = column_type_of(type.get());
    const char* name = duckdb_column_name(kept.result.out(), i);
    if (!ours) {
      return Error(Code::kInternal, 9611,
                   fmt::format("{}: column {} came as {}", path, name, type_name(type.get())));
    }
    file.schema.columns.push_back({name, *ours});
  }
  std::size_t rows = 0;
  for (;;) {
    DataChunk chunk(duckdb_fetch_chunk(kept.result.get()));
    if (chunk.get() == nullptr) break;
    rows += duckdb_data_chunk_get_size(chunk.get());
    kept.chunks.push_back(std::move(chunk));
  }
  file.rows = std::make_unique<ColumnBatch>(file.schema);
  for (idx_t i = 0; i < column_count; ++i) {
    file.rows->columns[i].resize_null(rows);
    std::size_t at = 0;
    for (const DataChunk& chunk : kept.chunks) {
      std::size_t count = duckdb_data_chunk_get_size(chunk.get());
      read_column(duckdb_data_chunk_get_vector(chunk.get(), i), count, file.rows->columns[i], at);
      at += count;
    }
  }
  return ok();
}

}  // namespace

Result<ReferenceFile> read_reference_file(const std::string& path, const std::string& key_column) {
  FRESHET_TRY(Format format, format_of(path));
  FRESHET_TRY(std::string text, read_whole(path));
  FRESHET_TRY(Shape shape, check_shape(path, format, text, key_column));
  text = {};
  bool json = format == Format::kJson || format == Format::kNdjson;

  auto kept = std::make_shared<Kept>();
  FRESHET_TRY(kept->database, Database::open({.memory_bytes = kMemoryBytes, .reads_files = true}));
  FRESHET_TRY(kept->connection, kept->database->connect());
  duckdb_connection connection = kept->connection.get();
  FRESHET_TRY(std::vector<FileColumn> columns,
              describe(connection, path, json ? shape.reader + ')' : shape.reader));
  FRESHET_TRY_STATUS(check_key(path, columns, key_column));
  if (json) shape.reader = json_reader_with_types(shape.reader, columns, key_column);

  std::string list;
  for (const FileColumn& column : columns)
    list += (list.empty() ? "" : ", ") + expression_of(column, key_column);
  std::string query = fmt::format("SELECT {} FROM {}", list, shape.reader);
  if (duckdb_query(connection, query.c_str(), kept->result.out()) == DuckDBError)
    return duckdb_error(path, kept->result.error());

  ReferenceFile file;
  FRESHET_TRY_STATUS(read_rows(file, *kept, path));
  if (file.rows->row_count() == 0)
    return Error(Code::kInvalid, 1328, fmt::format("{}: the file has no rows", path));
  if (shape.row_count && *shape.row_count != file.rows->row_count()) {
    return Error(Code::kUnavailable, 1329,
                 fmt::format("{}: {} rows were seen, then {}: the file changed while it was read, "
                             "try again",
                             path, *shape.row_count, file.rows->row_count()));
  }
  file.texts = std::move(kept);
  return file;
}

}  // namespace freshet::sql
