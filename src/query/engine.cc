#include "query/engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <set>

#include "common/metrics.h"
#include "common/units.h"
#include "query/batch_relation.h"
#include "query/explain_rows.h"
#include "query/pinned_tables.h"

namespace freshet::query {
namespace {

constexpr std::string_view kLedgerSuffix = "$ledger";

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

using KnownTables = std::map<std::string, KnownTable, std::less<>>;  // by lower-case name

KnownTables known_tables(pipeline::TableService& service) {
  KnownTables known;
  auto add_ledger = [&known](const std::string& table, const std::string& stream) {
    std::string name = table + std::string(kLedgerSuffix);
    known[lower_case(name)] = {name, table, stream, true};
  };
  for (const pipeline::TableInfo& info : service.tables()) {
    if (info.name.ends_with(kLedgerSuffix)) {
      add_ledger(info.name.substr(0, info.name.size() - kLedgerSuffix.size()), info.stream);
      continue;
    }
    known[lower_case(info.name)] = {info.name, info.name, info.stream, false};
    // What no pipeline fills has no account of its own.
    bool has_ledger = info.name.find('$') == std::string::npos && !info.pipeline.empty();
    if (has_ledger) add_ledger(info.name, info.stream);
  }
  return known;
}

// One place of at_once, given back at the end.
class Place {
 public:
  Place(std::atomic<std::uint32_t>& taken, std::uint32_t most) : taken_(taken) {
    has_ = taken_.fetch_add(1) < most;
  }
  ~Place() { taken_.fetch_sub(1); }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  bool has() const { return has_; }

 private:
  std::atomic<std::uint32_t>& taken_;
  bool has_ = false;
};

}  // namespace

struct Engine::State {
  EngineConfig config;
  pipeline::TableService& tables;
  io::Clock& clock;
  std::unique_ptr<sql::QueryDatabase> database;
  std::atomic<std::uint32_t> running{0};
  metrics::Histogram& seconds = metrics::histogram("freshet_query_duration_seconds",
                                                   "Time from a query's start to its answer");
  metrics::Counter& failures =
      metrics::counter("freshet_query_failures_total", "Queries that ended in an error");

  State(const EngineConfig& c, pipeline::TableService& t, io::Clock& k)
      : config(c), tables(t), clock(k) {}

  // The tables that the query may read and names; all it may read where it lists tables.
  Result<std::vector<KnownTable>> choose_tables(const sql::JudgedQuery& query,
                                                const SqlRequest& request) {
    KnownTables known = known_tables(tables);
    std::map<std::string, KnownTable> chosen;
    for (const std::string& name : query.tables) {
      auto found = known.find(lower_case(name));
      // The same answer whether or not a forbidden table exists: a key learns nothing of others.
      const std::string& asked = found == known.end() ? name : found->second.name;
      if (!request.allows(asked)) {
        return Error(
            Code::kDenied, 4011,
            fmt::format("this key may not read {}: it needs the rule \"sql:read table/{}\"", asked,
                        asked));
      }
      if (found == known.end()) return unknown_table(name, known, request);
      chosen.emplace(found->second.name, found->second);
    }
    if (query.lists_tables) {
      for (const auto& [lower, table] : known) {
        if (request.allows(table.name)) chosen.emplace(table.name, table);
      }
    }
    std::vector<KnownTable> list;
    for (auto& [name, table] : chosen) list.push_back(std::move(table));
    return list;
  }

  static Error unknown_table(const std::string& name, const KnownTables& known,
                             const SqlRequest& request) {
    std::vector<std::string_view> names;
    for (const auto& [lower, table] : known) {
      if (request.allows(table.name)) names.push_back(table.name);
    }
    std::string_view nearest = nearest_word(lower_case(name), names.data(), names.size());
    std::string message = fmt::format("there is no table \"{}\"", name);
    message += nearest.empty() ? std::string(": SHOW TABLES lists them")
                               : fmt::format(", did you mean \"{}\"?", nearest);
    return Error(Code::kNotFound, 5012, message);
  }

  // Waits until what the token names is visible in the streams that the query reads.
  Status wait_for_token(const SqlRequest& request, const std::vector<KnownTable>& chosen) {
    if (request.after.empty()) return ok();
    FRESHET_TRY(CutToken token, parse_cut_token(request.after));
    std::int64_t end_ns = clock.monotonic_ns() + config.after_wait_us * 1000;
    std::set<std::string> waited;
    for (const KnownTable& table : chosen) {
      auto point = token.find(table.stream);
      if (point == token.end() || !waited.insert(table.stream).second) continue;
      std::int64_t left_us = std::max<std::int64_t>((end_ns - clock.monotonic_ns()) / 1000, 0);
      if (!tables.wait_for(table.table, point->second.position, left_us)) {
        return Error(Code::kTimeout, 5013,
                     fmt::format("position {} of stream {} was not visible within {}: ask again",
                                 point->second.position.value, table.stream,
                                 format_duration_us(config.after_wait_us)));
      }
    }
    return ok();
  }

  // One cut per stream serves every table of it, so that a join of a table with itself, or with its
  // ledger, sees one moment.
  Result<Pinned> pin(const std::vector<KnownTable>& chosen, const PastMoment& moment,
                     bool is_partial, CutToken& token) {
    std::map<std::string, pipeline::Cut> cuts;
    Pinned pinned;
    pinned.is_partial = is_partial;
    for (const KnownTable& table : chosen) {
      auto cut = cuts.find(table.stream);
      if (cut == cuts.end() || (!table.is_ledger && !cut->second.tables.contains(table.name))) {
        std::optional<pipeline::Cut> taken = tables.cut(table.table);
        if (!taken) return vanished(table);
        if (!moment.is_past()) token[table.stream] = cut_point_of(*taken);
        cut = cuts.insert_or_assign(table.stream, *std::move(taken)).first;
      }
      if (table.is_ledger) {
        if (moment.is_past()) return no_past_ledger(table.name);
        pinned.relations[table.name] = make_ledger_relation(cut->second.ledger);
        continue;
      }
      auto rows = cut->second.tables.find(table.name);
      if (rows == cut->second.tables.end()) return vanished(table);
      FRESHET_TRY_STATUS(moment.is_past() ? pin_past_table(table, cut->second, moment, pinned)
                                          : pin_table(table, cut->second, rows->second, pinned));
    }
    if (moment.is_past()) token = moment.cut;
    return pinned;
  }

  static Error no_past_ledger(const std::string& table) {
    return {Code::kInvalid, 5017,
            fmt::format("{} has the counts of now alone: ask its table as of then", table)};
  }

  Result<PastMoment> past_moment(const SqlRequest& request) {
    PastMoment moment;
    moment.as_of_us = request.as_of_us;
    if (!request.cut.empty()) {
      FRESHET_TRY(moment.cut, parse_cut_token(request.cut));
    }
    if (moment.as_of_us && !request.cut.empty())
      return Error(Code::kInvalid, 5015, "give a cut or a moment (as_of), not both");
    // What arrived up to a second ago is visible by now, or never was acknowledged.
    if (moment.as_of_us && *moment.as_of_us > clock.wall_us() - 1'000'000) {
      return Error(Code::kInvalid, 5015,
                   "as_of takes a moment that is more than a second past: leave it out for now");
    }
    return moment;
  }

  static Error vanished(const KnownTable& table) {
    return Error(Code::kNotFound, 5012,
                 fmt::format("table \"{}\" was removed while the query began", table.name));
  }

  Result<SqlAnswer> run(const SqlRequest& request) {
    FRESHET_TRY(sql::JudgedQuery query, database->judge(request.sql));
    FRESHET_TRY(std::vector<KnownTable> chosen, choose_tables(query, request));
    FRESHET_TRY_STATUS(wait_for_token(request, chosen));
    SqlAnswer answer;
    FRESHET_TRY(PastMoment moment, past_moment(request));
    FRESHET_TRY(Pinned pinned, pin(chosen, moment, request.partial, answer.cut));
    sql::QueryLimits limits{config.time_us, config.rows_max, config.answer_bytes_max};
    if (request.time_us > 0) limits.time_us = std::min(limits.time_us, request.time_us);
    if (request.rows_max > 0) limits.rows_max = std::min(limits.rows_max, request.rows_max);
    FRESHET_TRY(answer.answer,
                database->run(query, pinned.relations, request.parameters, limits, request.format,
                              pinned.archives,
                              request.partial ? sql::OnMissing::kNote : sql::OnMissing::kFail));
    answer.missing = std::move(pinned.missing);
    answer.missing.insert(answer.missing.end(), answer.answer.missing.begin(),
                          answer.answer.missing.end());
    if (!query.is_explain) return answer;
    auto told = std::make_shared<ExplainRows>(answer);
    FRESHET_TRY(answer.answer,
                write_rows(ExplainRows::schema(), told->batch(), told, request.format));
    return answer;
  }

  Result<sql::QueryAnswer> write_rows(const Schema& schema, const ColumnBatch& rows,
                                      std::shared_ptr<const void> owner, sql::AnswerFormat format) {
    FRESHET_TRY(sql::JudgedQuery query, database->judge("SELECT * FROM rows_to_write"));
    sql::Relations relations;
    relations["rows_to_write"] = std::make_shared<BatchRelation>(schema, rows, std::move(owner));
    sql::QueryLimits limits{config.time_us, rows.row_count(), config.answer_bytes_max};
    return database->run(query, relations, {}, limits, format);
  }
};

Engine::Engine(std::unique_ptr<State> state) : state_(std::move(state)) {}
Engine::~Engine() = default;

Result<std::unique_ptr<Engine>> Engine::open(const EngineConfig& config,
                                             pipeline::TableService& tables, io::Clock& clock) {
  auto state = std::make_unique<State>(config, tables, clock);
  FRESHET_TRY(state->database,
              sql::QueryDatabase::open({.memory_bytes = config.memory_bytes,
                                        .archive_memory_bytes = config.memory_bytes / 2,
                                        .threads = config.threads}));
  return std::unique_ptr<Engine>(new Engine(std::move(state)));
}

Result<sql::QueryAnswer> Engine::write_rows(const Schema& schema, const ColumnBatch& rows,
                                            std::shared_ptr<const void> owner,
                                            sql::AnswerFormat format) {
  return state_->write_rows(schema, rows, std::move(owner), format);
}

Result<SqlAnswer> Engine::run(const SqlRequest& request) {
  FRESHET_CHECK(request.allows != nullptr);
  Place place(state_->running, state_->config.at_once);
  if (!place.has()) {
    return Error(Code::kThrottled, 5011,
                 fmt::format("{} queries are running already: try again", state_->config.at_once));
  }
  std::int64_t start_ns = state_->clock.monotonic_ns();
  Result<SqlAnswer> answer = state_->run(request);
  state_->seconds.observe_us((state_->clock.monotonic_ns() - start_ns) / 1000);
  if (!answer) state_->failures.add();
  return answer;
}

}  // namespace freshet::query
