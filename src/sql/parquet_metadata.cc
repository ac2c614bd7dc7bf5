#include "sql/parquet_metadata.h"

#include <fmt/format.h>

#include <charconv>

#include "sql/vector_io.h"

namespace freshet::sql {
namespace {

using Texts = std::vector<std::string>;

// The rows of a query whose columns are all texts; null is "".
Result<std::vector<Texts>> query_texts(duckdb_connection connection, const std::string& path,
                                       const std::string& query) {
  QueryResult result;
  if (duckdb_query(connection, query.c_str(), result.out()) == DuckDBError) {
    return Error(Code::kCorruption, 3813,
                 fmt::format("{}: not a Parquet file that can be read: {}", path,
                             plain_message(result.error())));
  }
  std::vector<Texts> rows;
  idx_t column_count = duckdb_column_count(result.out());
  for (;;) {
    DataChunk chunk(duckdb_fetch_chunk(result.get()));
    if (chunk.get() == nullptr) return rows;
    std::size_t first = rows.size();
    idx_t count = duckdb_data_chunk_get_size(chunk.get());
    rows.resize(first + count, Texts(column_count));
    for (idx_t column = 0; column < column_count; ++column) {
      duckdb_vector vector = duckdb_data_chunk_get_vector(chunk.get(), column);
      const auto* texts = static_cast<const duckdb_string_t*>(duckdb_vector_get_data(vector));
      std::uint64_t* validity = duckdb_vector_get_validity(vector);
      for (idx_t row = 0; row < count; ++row) {
        if (validity == nullptr || duckdb_validity_row_is_valid(validity, row))
          rows[first + row][column] = view_of(texts[row]);
      }
    }
  }
}

std::uint64_t number_of(const std::string& text) {
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

}  // namespace

Result<ParquetMetadata> read_parquet_metadata(duckdb_connection connection,
                                              const std::string& path) {
  std::string file = quoted_text(escaped_path(path));
  ParquetMetadata metadata;
  FRESHET_TRY(
      std::vector<Texts> rows,
      query_texts(connection, path,
                  fmt::format("SELECT num_rows::VARCHAR FROM parquet_file_metadata({})", file)));
  if (rows.size() == 1) metadata.row_count = number_of(rows[0][0]);
  FRESHET_TRY(std::vector<Texts> leaves,
              query_texts(connection, path,
                          fmt::format("SELECT sum(total_compressed_size)::VARCHAR, "
                                      "sum(num_values)::VARCHAR FROM parquet_metadata({}) "
                                      "GROUP BY column_id ORDER BY column_id",
                                      file)));
  for (const Texts& leaf : leaves)
    metadata.leaves.push_back({number_of(leaf[0]), number_of(leaf[1])});
  // A row group begins with the dictionary of its first column, where that has one.
  FRESHET_TRY(std::vector<Texts> groups,
              query_texts(connection, path,
                          fmt::format("SELECT least(dictionary_page_offset, data_page_offset)"
                                      "::VARCHAR FROM parquet_metadata({}) WHERE column_id = 0 "
                                      "ORDER BY row_group_id",
                                      file)));
  for (const Texts& group : groups) metadata.row_group_offsets.push_back(number_of(group[0]));
  return metadata;
}

Result<std::vector<std::string>> read_parquet_schema(duckdb_connection connection,
                                                     const std::string& path) {
  // The first line is the root, which holds the columns. Structs have a type of their own nowhere.
  FRESHET_TRY(std::vector<Texts> rows,
              query_texts(connection, path,
                          fmt::format("SELECT concat(field_id, ' ', name, ' ', "
                                      "coalesce(duckdb_type, 'STRUCT')) FROM parquet_schema({}) "
                                      "OFFSET 1",
                                      quoted_text(escaped_path(path)))));
  std::vector<std::string> lines;
  for (Texts& row : rows) lines.push_back(std::move(row[0]));
  return lines;
}

std::string escaped_path(const std::string& path) {
  std::string escaped;
  for (char c : path) {
    if (c == '*' || c == '?' || c == '[')
      escaped += fmt::format("[{}]", c);
    else
      escaped += c;
  }
  return escaped;
}

}  // namespace freshet::sql
