#include "sql/query_database.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>

#include "common/logging.h"
#include "common/mutex.h"
#include "common/units.h"
#include "sql/answer_writer.h"
#include "sql/archive_files.h"
#include "sql/deadline.h"
#include "sql/duckdb_handles.h"
#include "sql/pruned_relation.h"
#include "sql/query_gate.h"
#include "sql/query_views.h"
#include "sql/relation_scan.h"
#include "sql/scan_conditions.h"
#include "sql/vector_io.h"

namespace freshet::sql {
namespace {

// A DuckDB with its registry. Replaced whole after an error that DuckDB calls fatal; queries still
// running hold the old one.
struct Instance {
  explicit Instance(const DatabaseConfig& config)
      : memory_bytes(config.memory_bytes), registry(config.threads) {}
  std::uint64_t memory_bytes;
  RelationRegistry registry;
  std::unique_ptr<Database> database;  // goes before the registry that its function points to
};

Result<std::shared_ptr<Instance>> open_instance(const DatabaseConfig& config) {
  auto instance = std::make_shared<Instance>(config);
  FRESHET_TRY(instance->database, Database::open(config));
  FRESHET_TRY(Connection connection, instance->database->connect());
  FRESHET_TRY_STATUS(register_relation_scan(connection.get(), &instance->registry));
  return instance;
}

// DuckDBs that may open files, each its own set of paths. Opening one costs 20 ms, and what asks
// again and again asks the same files, so the last few stay. Thread-safe.
class ArchiveInstances {
 public:
  Result<std::shared_ptr<Instance>> get(const DatabaseConfig& config) {
    {
      MutexLock lock(mutex_);
      auto kept = std::find_if(kept_.begin(), kept_.end(),
                               [&](const Kept& one) { return one.paths == config.readable_paths; });
      if (kept != kept_.end()) {
        std::rotate(kept, kept + 1, kept_.end());
        return kept_.back().instance;
      }
    }
    FRESHET_TRY(std::shared_ptr<Instance> opened, open_instance(config));
    MutexLock lock(mutex_);
    if (kept_.size() >= kKeptMax) kept_.erase(kept_.begin());
    kept_.push_back({config.readable_paths, opened});
    return opened;
  }
  void drop(const std::shared_ptr<Instance>& instance) {
    MutexLock lock(mutex_);
    std::erase_if(kept_, [&](const Kept& one) { return one.instance == instance; });
  }

 private:
  static constexpr std::size_t kKeptMax = 4;
  struct Kept {
    std::vector<std::string> paths;
    std::shared_ptr<Instance> instance;
  };
  Mutex mutex_;
  std::vector<Kept> kept_ FRESHET_GUARDED_BY(mutex_);  // the last used at the end
};

// While it lives, the connection sees the relations.
class RegisteredRelations {
 public:
  RegisteredRelations(RelationRegistry& registry, duckdb_connection connection,
                      const Relations& relations)
      : registry_(registry), connection_(connection) {
    registry_.add(connection_, &relations);
  }
  ~RegisteredRelations() { registry_.remove(connection_); }
  RegisteredRelations(const RegisteredRelations&) = delete;
  RegisteredRelations& operator=(const RegisteredRelations&) = delete;

 private:
  RelationRegistry& registry_;
  duckdb_connection connection_;
};

// While it lives, the connection's query ends at the time limit.
class TimeLimit {
 public:
  TimeLimit(Deadlines& deadlines, duckdb_connection connection, std::int64_t time_us)
      : deadlines_(deadlines), id_(deadlines.add(time_us, [this, connection] {
          expired_ = true;
          duckdb_interrupt(connection);
        })) {}
  ~TimeLimit() { deadlines_.remove(id_); }
  TimeLimit(const TimeLimit&) = delete;
  TimeLimit& operator=(const TimeLimit&) = delete;
  bool expired() const { return expired_; }

 private:
  Deadlines& deadlines_;
  std::atomic<bool> expired_{false};
  std::uint64_t id_;
};

// Without the chunks in memory that the conditions rule out.
Relations prune_relations(duckdb_connection connection, const JudgedQuery& query,
                          const Relations& relations, const Parameters& parameters,
                          ScanReport& scans) {
  Relations read;
  for (const auto& [name, relation] : relations) {
    std::vector<ParquetColumn> columns;
    for (const ColumnSchema& column : relation->schema().columns)
      columns.push_back({column.name, column.type});
    ScanConstraints constraints =
        constraints_of(connection, query.conditions, name, columns, parameters);
    read[name] = std::make_shared<PrunedRelation>(relation, constraints, scans[name]);
  }
  return read;
}

void note_files(PlannedTables planned, ScanReport& scans) {
  for (auto& [name, table] : planned) {
    TableScan& scan = scans[name];
    scan.snapshot = std::move(table.snapshot);
    scan.files = std::move(table.files);
    scan.files_left_out = std::move(table.left_out);
  }
}

// Key and value of each row of EXPLAIN's answer.
void read_plan(duckdb_data_chunk chunk, std::vector<std::pair<std::string, std::string>>& plan) {
  auto* keys =
      static_cast<duckdb_string_t*>(duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 0)));
  auto* values =
      static_cast<duckdb_string_t*>(duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 1)));
  for (idx_t row = 0; row < duckdb_data_chunk_get_size(chunk); ++row)
    plan.emplace_back(view_of(keys[row]), view_of(values[row]));
}

Error time_error(const QueryLimits& limits) {
  return Error(Code::kTimeout, 5006,
               fmt::format("the query took longer than {}: narrow it, or raise limits.query.time",
                           format_duration_us(limits.time_us)));
}

Status bind_value(duckdb_prepared_statement statement, idx_t index, const Parameter& value) {
  duckdb_state state = DuckDBSuccess;
  if (const auto* flag = std::get_if<bool>(&value))
    state = duckdb_bind_boolean(statement, index, *flag);
  else if (const auto* number = std::get_if<std::int64_t>(&value))
    state = duckdb_bind_int64(statement, index, *number);
  else if (const auto* real = std::get_if<double>(&value))
    state = duckdb_bind_double(statement, index, *real);
  else if (const auto* text = std::get_if<std::string>(&value))
    state = duckdb_bind_varchar_length(statement, index, text->data(), text->size());
  else
    state = duckdb_bind_null(statement, index);
  if (state == DuckDBError)
    return Error(Code::kInvalid, 5004, fmt::format("parameter {} cannot be bound", index));
  return ok();
}

Status bind_parameters(duckdb_prepared_statement statement, const Parameters& parameters) {
  idx_t count = duckdb_nparams(statement);
  for (idx_t index = 1; index <= count; ++index) {
    const char* given = duckdb_parameter_name(statement, index);
    std::string name = given == nullptr ? std::to_string(index) : std::string(given);
    duckdb_free(const_cast<char*>(given));
    auto value = parameters.find(name);
    if (value == parameters.end()) {
      return Error(
          Code::kInvalid, 5004,
          fmt::format("the statement has a parameter ${}, but no value came for it", name));
    }
    FRESHET_TRY_STATUS(bind_value(statement, index, value->second));
  }
  if (parameters.size() > count) {
    return Error(
        Code::kInvalid, 5004,
        fmt::format("{} parameter values came, the statement has {}", parameters.size(), count));
  }
  return ok();
}

}  // namespace

struct QueryDatabase::State {
  QueryDatabaseConfig config;
  Deadlines deadlines;
  CheckedFiles checked_files;
  ArchiveInstances archive_instances;
  Mutex mutex;
  std::shared_ptr<Instance> instance FRESHET_GUARDED_BY(mutex);

  DatabaseConfig shared_config() const {
    return {.memory_bytes = config.memory_bytes, .threads = config.threads};
  }

  // Which files DuckDB may open cannot be changed once it is locked, and holds for all of its
  // connections: a query that reads files has a DuckDB for its very files, which opens no others.
  Result<std::shared_ptr<Instance>> instance_for(const PlannedTables& planned) {
    std::vector<std::string> paths = readable_paths(planned);
    if (paths.empty()) return current();
    return archive_instances.get({.memory_bytes = config.archive_memory_bytes,
                                  .threads = config.threads,
                                  .readable_paths = std::move(paths)});
  }

  std::shared_ptr<Instance> current() {
    MutexLock lock(mutex);
    return instance;
  }

  // DuckDB refuses all work after an error inside itself, so one query must not end all others'.
  void replace(const std::shared_ptr<Instance>& broken, const std::string& reason) {
    archive_instances.drop(broken);
    MutexLock lock(mutex);
    if (instance != broken) return;
    log_error("DuckDB stopped after an error inside itself; queries go on in a new one",
              {{"reason", plain_message(reason)}});
    auto opened = open_instance(shared_config());
    if (opened)
      instance = *std::move(opened);
    else
      log_error("DuckDB does not open again", {{"reason", opened.error().to_string()}});
  }

  Error query_error(QueryResult& result, const std::shared_ptr<Instance>& used,
                    const PlannedTables& planned, const QueryLimits& limits, bool expired,
                    std::string& bad_path) {
    if (auto of_file = file_error(planned, result.error(), &bad_path)) return *std::move(of_file);
    if (result.is_fatal()) {
      replace(used, result.error());
      return Error(Code::kInternal, 9613,
                   "an error inside DuckDB: please report the query; others are not affected");
    }
    duckdb_error_type type = duckdb_result_error_type(result.out());
    if (expired || type == DUCKDB_ERROR_INTERRUPT) return time_error(limits);
    if (type == DUCKDB_ERROR_OUT_OF_MEMORY) {
      return Error(
          Code::kThrottled, 5007,
          fmt::format("the query needs more memory than is left of {}: narrow it, or raise "
                      "limits.query.memory",
                      format_bytes(used->memory_bytes)));
    }
    return Error(Code::kInvalid, 5003, plain_message(result.error()));
  }

  Result<QueryAnswer> run_planned(const JudgedQuery& query, const Relations& relations,
                                  const PlannedTables& planned, const Parameters& parameters,
                                  const QueryLimits& limits, AnswerFormat format,
                                  std::string& bad_path);
};

// Where a file is not right, `bad_path` is its path.
Result<QueryAnswer> QueryDatabase::State::run_planned(const JudgedQuery& query,
                                                      const Relations& relations,
                                                      const PlannedTables& planned,
                                                      const Parameters& parameters,
                                                      const QueryLimits& limits,
                                                      AnswerFormat format, std::string& bad_path) {
  FRESHET_TRY(std::shared_ptr<Instance> used, instance_for(planned));
  FRESHET_TRY(Connection connection, used->database->connect());
  RegisteredRelations registered(used->registry, connection.get(), relations);
  TimeLimit time(deadlines, connection.get(), limits.time_us);
  Status checked =
      checked_files.check(connection.get(), planned, [&time] { return time.expired(); }, bad_path);
  if (time.expired()) return time_error(limits);
  FRESHET_TRY_STATUS(std::move(checked));
  FRESHET_TRY_STATUS(create_query_views(connection.get(), relations, planned, bad_path));

  PreparedStatement statement;
  if (duckdb_prepare(connection.get(), query.sql.c_str(), statement.out()) == DuckDBError) {
    if (time.expired()) return time_error(limits);
    std::string message = duckdb_prepare_error(statement.get());
    if (auto of_file = file_error(planned, message, &bad_path)) return *std::move(of_file);
    return Error(Code::kInvalid, 5003, plain_message(message));
  }
  // The judge lets nothing else through; this is the second lock on the same door.
  duckdb_statement_type type = duckdb_prepared_statement_type(statement.get());
  if (type != DUCKDB_STATEMENT_TYPE_SELECT && type != DUCKDB_STATEMENT_TYPE_EXPLAIN)
    return Error(Code::kDenied, 5002, "only queries are allowed");
  FRESHET_TRY_STATUS(bind_parameters(statement.get(), parameters));

  QueryResult result;
  // Streaming, so that a limit on rows ends the work instead of the whole answer being made first.
  if (duckdb_execute_prepared_streaming(statement.get(), result.out()) == DuckDBError)
    return query_error(result, used, planned, limits, time.expired(), bad_path);
  FRESHET_TRY(AnswerWriter writer, AnswerWriter::make(result.get(), format, limits));
  std::vector<std::pair<std::string, std::string>> plan;
  for (;;) {
    DataChunk chunk(duckdb_fetch_chunk(result.get()));
    if (chunk.get() == nullptr) break;
    if (query.is_explain) read_plan(chunk.get(), plan);
    FRESHET_TRY_STATUS(writer.add(chunk.get()));
    if (time.expired()) return time_error(limits);
  }
  // The end and a failure look alike but for the message.
  if (duckdb_result_error(result.out()) != nullptr)
    return query_error(result, used, planned, limits, time.expired(), bad_path);
  if (time.expired()) return time_error(limits);
  QueryAnswer answer = writer.finish();
  answer.plan = std::move(plan);
  return answer;
}

QueryDatabase::QueryDatabase(std::unique_ptr<State> state) : state_(std::move(state)) {}
QueryDatabase::~QueryDatabase() = default;

Result<std::unique_ptr<QueryDatabase>> QueryDatabase::open(const QueryDatabaseConfig& config) {
  auto state = std::make_unique<State>();
  state->config = config;
  FRESHET_TRY(auto instance, open_instance(state->shared_config()));
  {
    MutexLock lock(state->mutex);
    state->instance = std::move(instance);
  }
  return std::unique_ptr<QueryDatabase>(new QueryDatabase(std::move(state)));
}

Result<JudgedQuery> QueryDatabase::judge(std::string_view sql) {
  std::shared_ptr<Instance> instance = state_->current();
  FRESHET_TRY(Connection connection, instance->database->connect());
  return judge_query(connection.get(), sql);
}

Result<QueryAnswer> QueryDatabase::run(const JudgedQuery& query, const Relations& relations,
                                       const Parameters& parameters, const QueryLimits& limits,
                                       AnswerFormat format, const ArchiveTables& archives,
                                       OnMissing on_missing) {
  std::vector<MissingPart> missing;
  PlannedTables planned;
  ScanReport scans;
  FRESHET_TRY(Connection planner, state_->current()->database->connect());
  FRESHET_TRY(planned, plan_archives(planner.get(), query, archives, parameters,
                                     on_missing == OnMissing::kNote ? &missing : nullptr));
  Relations read = prune_relations(planner.get(), query, relations, parameters, scans);
  auto begin = std::chrono::steady_clock::now();
  QueryLimits left = limits;
  while (true) {
    std::string bad_path;
    auto answer = state_->run_planned(query, read, planned, parameters, left, format, bad_path);
    if (answer) {
      note_files(std::move(planned), scans);
      answer->scans = std::move(scans);
      answer->missing = std::move(missing);
      return answer;
    }
    if (on_missing == OnMissing::kFail || bad_path.empty()) return answer;
    // The files that are whole are asked again.
    drop_file(planned, bad_path, answer.error(), missing);
    auto passed = std::chrono::steady_clock::now() - begin;
    left.time_us =
        limits.time_us - std::chrono::duration_cast<std::chrono::microseconds>(passed).count();
    if (left.time_us <= 0) return time_error(limits);
  }
}

}  // namespace freshet::sql
