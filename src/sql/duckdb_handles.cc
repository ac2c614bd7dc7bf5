#include "sql/duckdb_handles.h"

#include <fmt/format.h>

namespace freshet::sql {
namespace {

// The version that third_party/duckdb pins; duckdb.h and the library must be one pair.
constexpr std::string_view kDuckDbVersion = "v1.5.6";

Status set_options(duckdb_config config, const DatabaseConfig& wanted) {
  const std::pair<const char*, std::string> options[] = {
      {"threads", std::to_string(wanted.threads)},
      {"memory_limit", fmt::format("{}B", wanted.memory_bytes)},
      {"temp_directory", wanted.spill_folder},
      {"autoinstall_known_extensions", "false"},
      {"autoload_known_extensions", "false"},
      {"allow_community_extensions", "false"},
      {"allow_unsigned_extensions", "false"},
      {"allow_persistent_secrets", "false"},
      // It goes by whole seconds of a file's time, and would give what a file was before it
      // changed.
      {"enable_external_file_cache", "false"},
      {"preserve_insertion_order", "true"},
      {"default_null_order", "NULLS_LAST"},
      {"integer_division", "false"},
  };
  for (const auto& [name, value] : options) {
    if (duckdb_set_config(config, name, value.c_str()) == DuckDBError) {
      return Error(
          Code::kInternal, 9601,
          fmt::format("DuckDB does not know the option {}: is it {}?", name, kDuckDbVersion));
    }
  }
  return ok();
}

std::string allowed_paths_text(const std::vector<std::string>& paths) {
  std::string list;
  for (const std::string& path : paths) list += (list.empty() ? "" : ", ") + quoted_text(path);
  return fmt::format("SET GLOBAL allowed_paths = [{}]", list);
}

}  // namespace

std::string QueryResult::error() {
  const char* text = duckdb_result_error(&result_);
  return text == nullptr ? std::string("unknown error") : std::string(text);
}

bool QueryResult::is_fatal() {
  duckdb_error_type type = duckdb_result_error_type(&result_);
  return type == DUCKDB_ERROR_FATAL || type == DUCKDB_ERROR_INTERNAL;
}

Result<std::unique_ptr<Database>> Database::open(const DatabaseConfig& wanted) {
  if (duckdb_library_version() != kDuckDbVersion) {
    return Error(Code::kUnsupported, 1290,
                 fmt::format("libduckdb.so is {}, this program needs {}: run tools/setup again",
                             duckdb_library_version(), kDuckDbVersion));
  }
  duckdb_config config = nullptr;
  if (duckdb_create_config(&config) == DuckDBError)
    return Error(Code::kInternal, 9602, "DuckDB gives no configuration");
  Status set = set_options(config, wanted);
  duckdb_database handle = nullptr;
  char* message = nullptr;
  duckdb_state state = DuckDBError;
  if (set) state = duckdb_open_ext(nullptr, &handle, config, &message);
  duckdb_destroy_config(&config);
  FRESHET_TRY_STATUS(std::move(set));
  if (state == DuckDBError) {
    Error error(Code::kInternal, 9603,
                fmt::format("DuckDB does not open: {}", message ? message : "no reason given"));
    duckdb_free(message);
    return error;
  }
  std::unique_ptr<Database> database(new Database(handle));
  FRESHET_TRY(Connection connection, database->connect());
  FRESHET_TRY_STATUS(execute(connection.get(), "SET GLOBAL TimeZone = 'UTC'"));
  FRESHET_TRY_STATUS(execute(connection.get(), "SET GLOBAL Calendar = 'gregorian'"));
  if (!wanted.readable_paths.empty())
    FRESHET_TRY_STATUS(execute(connection.get(), allowed_paths_text(wanted.readable_paths)));
  // Last, because nothing can be set behind them: the paths neither.
  if (!wanted.reads_files)
    FRESHET_TRY_STATUS(execute(connection.get(), "SET GLOBAL enable_external_access = false"));
  if (wanted.locks_settings) FRESHET_TRY_STATUS(lock_settings(connection.get()));
  return database;
}

Result<Connection> Database::connect() {
  Connection connection;
  if (duckdb_connect(database_, connection.out()) == DuckDBError)
    return Error(Code::kInternal, 9604, "DuckDB gives no connection");
  return connection;
}

Status lock_settings(duckdb_connection connection) {
  return execute(connection, "SET GLOBAL lock_configuration = true");
}

Status execute(duckdb_connection connection, const std::string& statement) {
  QueryResult result;
  if (duckdb_query(connection, statement.c_str(), result.out()) == DuckDBError) {
    return Error(Code::kInternal, 9605,
                 fmt::format("DuckDB refuses \"{}\": {}", statement, result.error()));
  }
  return ok();
}

std::string plain_message(std::string_view message) {
  if (std::size_t picture = message.find("\n\nLINE "); picture != std::string_view::npos)
    message = message.substr(0, picture);
  if (std::size_t kind = message.find(" Error: "); kind != std::string_view::npos && kind < 24)
    message = message.substr(kind + 8);
  std::string plain;
  for (char c : message) {
    if (c != '\n' && c != '\r' && c != '\t')
      plain += c;
    else if (!plain.empty() && plain.back() != ' ')
      plain += ' ';
  }
  while (!plain.empty() && plain.back() == ' ') plain.pop_back();
  return plain;
}

std::string quoted_name(std::string_view name) {
  std::string quoted = "\"";
  for (char c : name) {
    if (c == '"') quoted += c;
    quoted += c;
  }
  return quoted + '"';
}

std::string quoted_text(std::string_view text) {
  std::string quoted = "'";
  for (char c : text) {
    if (c == '\'') quoted += c;
    quoted += c;
  }
  return quoted + '\'';
}

}  // namespace freshet::sql
