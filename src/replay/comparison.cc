#include "replay/comparison.h"

#include <fmt/format.h>

#include <charconv>
#include <limits>

#include "pipeline/hot_relation.h"
#include "pipeline/stream_tables.h"
#include "query/batch_relation.h"
#include "query/pinned_tables.h"

namespace freshet::replay {
namespace {

constexpr std::size_t kExamplesMax = 5;
constexpr std::size_t kExampleTextMax = 2'000;
constexpr std::int64_t kStepTimeUs = 600'000'000;

std::string quoted(std::string_view name) {
  std::string text = "\"";
  for (char c : name) {
    if (c == '"') text += '"';
    text += c;
  }
  return text + '"';
}

std::string literal(std::string_view value) {
  std::string text = "'";
  for (char c : value) {
    if (c == '\'') text += '\'';
    text += c;
  }
  return text + '\'';
}

std::string differs(std::string_view column) {
  std::string name = quoted(column);
  return fmt::format("p.{} IS DISTINCT FROM r.{}", name, name);
}

std::string any_differs(const Schema& schema) {
  std::string text;
  for (const ColumnSchema& column : schema.columns)
    text += (text.empty() ? "" : " OR ") + differs(column.name);
  return '(' + text + ')';
}

// "1,22,3\n" behind a line of names.
std::vector<std::uint64_t> numbers_in(std::string_view csv) {
  std::vector<std::uint64_t> numbers;
  csv.remove_prefix(std::min(csv.find('\n') + 1, csv.size()));
  const char* at = csv.data();
  const char* end = csv.data() + csv.size();
  while (at < end) {
    std::uint64_t number = 0;
    auto [next, failure] = std::from_chars(at, end, number);
    if (failure != std::errc()) break;
    numbers.push_back(number);
    at = next + 1;
  }
  return numbers;
}

const Schema& place_schema() {
  static const Schema schema{
      {{"position", ColumnType::kUInt64}, {"sub_position", ColumnType::kUInt32}}};
  return schema;
}

std::shared_ptr<const sql::Relation> relation_of(const std::vector<EventPlace>& events) {
  auto rows = std::make_shared<ColumnBatch>(place_schema());
  for (const EventPlace& event : events) {
    rows->columns[0].append(event.position.value);
    rows->columns[1].append(event.sub);
  }
  return std::make_shared<query::BatchRelation>(place_schema(), *rows, rows);
}

}  // namespace

// The two tables that are joined, as SQL finds them.
struct Comparison::Sides {
  const Schema& schema;  // of the replayed rows: production may have older columns beside them
  sql::Relations relations;
  sql::ArchiveTables archives;
};

Comparison::Comparison(pipeline::Tables& tables, std::string table, pipeline::LogOfStream log,
                       std::unique_ptr<sql::QueryDatabase> database)
    : tables_(tables),
      table_(std::move(table)),
      log_(std::move(log)),
      database_(std::move(database)) {}

Result<std::unique_ptr<Comparison>> Comparison::open(pipeline::Tables& tables, std::string table,
                                                     pipeline::LogOfStream log,
                                                     std::uint64_t memory_bytes) {
  FRESHET_TRY(auto database, sql::QueryDatabase::open({.memory_bytes = memory_bytes,
                                                       .archive_memory_bytes = memory_bytes,
                                                       .threads = 1}));
  return std::unique_ptr<Comparison>(
      new Comparison(tables, std::move(table), std::move(log), std::move(database)));
}

Result<Comparison::Sides> Comparison::sides_of(const ReplayedRows& step) {
  auto cut = tables_.cut(table_);
  if (!cut) {
    return Error(Code::kNotFound, 5120,
                 fmt::format("table {} was removed while it was replayed", table_));
  }
  // Asked behind the cut: what has left since is in it.
  bool has_left = !cut->archived.contains(table_) && step.first.value < log_.visible_from->load();
  if (has_left) {
    return Error(Code::kExpired, 5127,
                 fmt::format("the oldest rows of the range have passed {}'s retention while they "
                             "were replayed: begin later",
                             table_));
  }
  Sides sides{step.rows.schema(), {}, {}};
  const hot::Snapshot& all = cut->tables.at(table_);
  hot::Snapshot rows = all.from(pipeline::first_row_at(all, step.first));
  rows = rows.until(pipeline::first_row_at(rows, Position{step.last.value + 1}));
  query::Pinned pinned;
  FRESHET_TRY_STATUS(query::pin_table({.name = table_, .table = table_}, *cut, rows, pinned));
  sides.relations["production"] = std::move(pinned.relations[table_]);
  if (auto files = pinned.archives.find(table_); files != pinned.archives.end())
    sides.archives["production"] = std::move(files->second);
  sides.relations["replayed"] = std::make_shared<pipeline::HotRelation>(step.rows);
  if (step.events != nullptr) sides.relations["events"] = relation_of(*step.events);
  return sides;
}

Status Comparison::take(const ReplayedRows& step) {
  FRESHET_TRY(Sides sides, sides_of(step));
  std::string wanted =
      fmt::format("position >= {} AND position <= {}", step.first.value, step.last.value);
  if (step.events != nullptr)
    wanted += " AND (position, sub_position) IN (SELECT (position, sub_position) FROM events)";
  std::string joined = fmt::format(
      "FROM (SELECT * FROM production WHERE {}) AS p FULL JOIN replayed AS r "
      "ON p.position = r.position AND p.sub_position = r.sub_position",
      wanted);
  std::uint64_t before = result_.unequal();
  FRESHET_TRY_STATUS(count(sides, joined));
  bool has_news = result_.unequal() > before && result_.examples.size() < kExamplesMax;
  return has_news ? add_examples(sides, joined) : ok();
}

Result<std::string> Comparison::ask(const Sides& sides, const std::string& sql,
                                    sql::AnswerFormat format) {
  FRESHET_TRY(sql::JudgedQuery query, database_->judge(sql));
  sql::QueryLimits limits{.time_us = kStepTimeUs};
  FRESHET_TRY(sql::QueryAnswer answer,
              database_->run(query, sides.relations, {}, limits, format, sides.archives));
  return std::move(answer.text);
}

Status Comparison::count(const Sides& sides, const std::string& joined) {
  static constexpr std::string_view kBoth = "p.position IS NOT NULL AND r.position IS NOT NULL";
  std::string any = any_differs(sides.schema);
  std::string sql = fmt::format(
      "SELECT count(*) FILTER ({0} AND NOT {1}), count(*) FILTER ({0} AND {1}), "
      "count(*) FILTER (p.position IS NULL), count(*) FILTER (r.position IS NULL)",
      kBoth, any);
  for (const ColumnSchema& column : sides.schema.columns)
    sql += fmt::format(", count(*) FILTER ({} AND {})", kBoth, differs(column.name));
  FRESHET_TRY(std::string csv, ask(sides, sql + ' ' + joined, sql::AnswerFormat::kCsv));
  std::vector<std::uint64_t> counts = numbers_in(csv);
  FRESHET_CHECK(counts.size() == 4 + sides.schema.columns.size());
  result_.equal += counts[0];
  result_.different += counts[1];
  result_.only_replayed += counts[2];
  result_.only_production += counts[3];
  result_.columns.resize(sides.schema.columns.size());
  for (std::size_t i = 0; i < result_.columns.size(); ++i) {
    result_.columns[i].first = sides.schema.columns[i].name;
    result_.columns[i].second += counts[4 + i];
  }
  return ok();
}

Status Comparison::add_examples(const Sides& sides, const std::string& joined) {
  std::string changes;
  for (const ColumnSchema& column : sides.schema.columns) {
    std::string name = quoted(column.name);
    changes += fmt::format(
        ", CASE WHEN {} THEN concat({}, coalesce(p.{}::VARCHAR, 'NULL'), ' -> ', "
        "coalesce(r.{}::VARCHAR, 'NULL')) END",
        differs(column.name), literal(column.name + ": "), name, name);
  }
  std::string sql = fmt::format(
      "SELECT CASE WHEN p.position IS NULL THEN 'only replayed' WHEN r.position IS NULL "
      "THEN 'only production' ELSE 'different' END AS kind, "
      "coalesce(p.position, r.position) AS position, "
      "coalesce(p.sub_position, r.sub_position) AS sub_position, "
      "left(concat_ws('; '{}), {}) AS changes {} "
      "WHERE p.position IS NULL OR r.position IS NULL OR {} ORDER BY 2, 3 LIMIT {}",
      changes, kExampleTextMax, joined, any_differs(sides.schema),
      kExamplesMax - result_.examples.size());
  FRESHET_TRY(std::string lines, ask(sides, sql, sql::AnswerFormat::kNdjson));
  for (std::size_t begin = 0; begin < lines.size();) {
    std::size_t end = std::min(lines.find('\n', begin), lines.size());
    if (end > begin) result_.examples.push_back(lines.substr(begin, end - begin));
    begin = end + 1;
  }
  return ok();
}

}  // namespace freshet::replay
