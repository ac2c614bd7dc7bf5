#include "sql/parquet_check.h"

#include <fmt/format.h>

#include "sql/duckdb_handles.h"
#include "sql/file_bytes.h"
#include "sql/parquet_metadata.h"

namespace freshet::sql {
namespace {

constexpr std::uint64_t kFooterMemoryBytes = 256ull << 20;

Error differs(int number, const std::string& path, std::string message) {
  return Error(Code::kCorruption, number, fmt::format("{}: {}", path, std::move(message)));
}

std::vector<std::string> expected_schema(const std::vector<ParquetColumn>& columns) {
  std::vector<std::string> lines;
  for (const ParquetColumn& column : columns) {
    bool is_box = column.type == ColumnType::kBox;
    std::string_view type = is_box ? std::string_view("STRUCT") : parquet_sql_type(column);
    lines.push_back(fmt::format("{} {} {}", column.field_id, column.name, type));
    for (std::size_t i = 0; is_box && i < kBoxFieldNames.size(); ++i)
      lines.push_back(fmt::format("{} {} DOUBLE", column.box_field_ids[i], kBoxFieldNames[i]));
  }
  return lines;
}

Status check_bytes(const ExpectedParquet& expected) {
  FRESHET_TRY(FileIdentity identity, identity_of_file(expected.path));
  if (identity.bytes != expected.bytes) {
    return differs(3811, expected.path,
                   fmt::format("{} bytes, {} were written", identity.bytes, expected.bytes));
  }
  if (expected.checksum.empty()) return ok();
  FRESHET_TRY(FileBytes whole, read_file_bytes(expected.path));
  if (whole.checksum != expected.checksum) {
    return differs(3812, expected.path,
                   fmt::format("the bytes are others than were written: checksum {}, not {}",
                               whole.checksum, expected.checksum));
  }
  return ok();
}

Status check_schema(duckdb_connection connection, const ExpectedParquet& expected) {
  FRESHET_TRY(std::vector<std::string> found, read_parquet_schema(connection, expected.path));
  std::vector<std::string> wanted = expected_schema(expected.columns);
  if (found.size() != wanted.size()) {
    return differs(3815, expected.path,
                   fmt::format("{} columns and fields, not {}", found.size(), wanted.size()));
  }
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (found[i] == wanted[i]) continue;
    return differs(3815, expected.path,
                   fmt::format("column {} is \"{}\", not \"{}\"", i, found[i], wanted[i]));
  }
  return ok();
}

}  // namespace

Status check_parquet_file(const ExpectedParquet& expected) {
  FRESHET_TRY_STATUS(check_bytes(expected));
  FRESHET_TRY(std::unique_ptr<Database> database,
              Database::open({.memory_bytes = kFooterMemoryBytes, .reads_files = true}));
  FRESHET_TRY(Connection connection, database->connect());
  FRESHET_TRY(ParquetMetadata metadata, read_parquet_metadata(connection.get(), expected.path));
  if (metadata.row_count != expected.row_count) {
    return differs(3814, expected.path,
                   fmt::format("{} rows, {} were written", metadata.row_count, expected.row_count));
  }
  return check_schema(connection.get(), expected);
}

Result<std::string> checksum_of_file(const std::string& path) {
  FRESHET_TRY(FileBytes whole, read_file_bytes(path));
  return std::move(whole.checksum);
}

}  // namespace freshet::sql
