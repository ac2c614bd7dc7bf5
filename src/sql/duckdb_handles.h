// DuckDB's C handles with owners. For the sources of sql/ alone: duckdb.h shows in no header that
// other folders include.
#pragma once

#include <duckdb.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/result.h"

namespace freshet::sql {

// Owns one C handle and gives it back with `destroy`.
template <typename Handle, void (*destroy)(Handle*)>
class Owned {
 public:
  Owned() = default;
  explicit Owned(Handle handle) : handle_(handle) {}
  Owned(Owned&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Owned& operator=(Owned&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Owned() {
    if (handle_ != nullptr) destroy(&handle_);
  }
  Handle get() const { return handle_; }
  Handle* out() { return &handle_; }

 private:
  Handle handle_ = nullptr;
};

using Connection = Owned<duckdb_connection, duckdb_disconnect>;
using PreparedStatement = Owned<duckdb_prepared_statement, duckdb_destroy_prepare>;
using DataChunk = Owned<duckdb_data_chunk, duckdb_destroy_data_chunk>;
using LogicalType = Owned<duckdb_logical_type, duckdb_destroy_logical_type>;
using TableFunction = Owned<duckdb_table_function, duckdb_destroy_table_function>;
using Value = Owned<duckdb_value, duckdb_destroy_value>;

// A result, and the error in it.
class QueryResult {
 public:
  QueryResult() = default;
  ~QueryResult() { duckdb_destroy_result(&result_); }
  QueryResult(const QueryResult&) = delete;
  QueryResult& operator=(const QueryResult&) = delete;
  duckdb_result* out() { return &result_; }
  duckdb_result& get() { return result_; }
  std::string error();
  // After such an error the whole database refuses to work on.
  bool is_fatal();

 private:
  duckdb_result result_{};
};

struct DatabaseConfig {
  std::uint64_t memory_bytes = 256ull << 20;
  std::uint32_t threads = 1;
  bool reads_files = false;  // for files that we name ourselves: everything else is locked in
  // Where what does not fit into the memory goes; "": nowhere. Must be its own.
  std::string spill_folder = {};
  // Where reads_files is false: these may be opened, and nothing else.
  std::vector<std::string> readable_paths = {};
  bool locks_settings = true;  // else who opens it does, when connections have theirs
};

// An in-memory database: no extension is loaded, nothing is spilled unless a folder is named, times
// are UTC, and the configuration is locked. Thread-safe; one connection per thread.
class Database {
 public:
  static Result<std::unique_ptr<Database>> open(const DatabaseConfig& config);
  ~Database() { duckdb_close(&database_); }
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  Result<Connection> connect();

 private:
  explicit Database(duckdb_database database) : database_(database) {}
  duckdb_database database_;
};

// From now on no connection can set anything.
Status lock_settings(duckdb_connection connection);

// Runs a statement of ours whose answer nobody wants.
Status execute(duckdb_connection connection, const std::string& statement);

// DuckDB's message without its kind in front ("Binder Error: "), its picture of the line, and its
// line breaks.
std::string plain_message(std::string_view message);

// A name or a text as SQL writes it.
std::string quoted_name(std::string_view name);
std::string quoted_text(std::string_view text);

}  // namespace freshet::sql
