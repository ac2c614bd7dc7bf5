#include "pipeline/join.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/check.h"
#include "event/position.h"
#include "pipeline/column_convert.h"
#include "pipeline/text_arena.h"

namespace freshet::pipeline {
namespace {

constexpr std::uint32_t kNoRow = ~std::uint32_t{0};

// A version as this join reads it: for each joined column the table's own values, or a copy in the
// schema's type; null where the version lacks the column.
struct Fitted {
  std::shared_ptr<const ReferenceTable> table;
  std::vector<const ColumnVector*> columns;
  std::vector<std::unique_ptr<ColumnVector>> converted;
  TextArena texts;
};

struct JoinedTable {
  JoinTable names;
  std::size_t event_column = 0;
  std::size_t first_column = 0;  // of its joined columns in the schema
  std::vector<std::string> column_names;
  std::vector<ColumnType> column_types;
  // Where the event's column is null.
  const JoinedTable* fallback = nullptr;
  std::size_t fallback_column = 0;  // in fallback's column_names

  std::unique_ptr<Fitted> version;
  UnknownKeys unknown;
  // Of the batch in hand: keys were looked up; the event column is completed by the fallback.
  bool looked_up = false, resolves = false;
  std::vector<std::uint32_t> found_rows;
};

template <typename T>
void gather_as(const ColumnVector& from, const std::vector<std::uint32_t>& rows, ColumnVector& to) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i] != kNoRow && from.is_valid(rows[i])) to.set(i, from.get<T>(rows[i]));
  }
}

// Row i of `to` becomes row rows[i] of `from`; null where there is none.
void gather(const ColumnVector& from, const std::vector<std::uint32_t>& rows, ColumnVector& to) {
  switch (column_type_bytes(from.type())) {
    case 1:
      return gather_as<std::uint8_t>(from, rows, to);
    case 2:
      return gather_as<std::uint16_t>(from, rows, to);
    case 4:
      return gather_as<std::uint32_t>(from, rows, to);
    case 8:
      return gather_as<std::uint64_t>(from, rows, to);
    default:
      if (is_text(from.type())) return gather_as<std::string_view>(from, rows, to);
      return gather_as<EventId>(from, rows, to);
  }
}

void count_unknown(UnknownKeys& unknown, std::string_view key) {
  auto found = unknown.events_by_key.find(key);
  if (found != unknown.events_by_key.end()) {
    ++found->second;
  } else if (unknown.events_by_key.size() < UnknownKeys::kKeysMax) {
    unknown.events_by_key.emplace(key, 1);
  } else {
    ++unknown.other_events;
  }
}

Result<std::unique_ptr<Fitted>> fit(const JoinedTable& joined, const ReferenceTable& table) {
  auto fitted = std::make_unique<Fitted>();
  for (std::size_t i = 0; i < joined.column_names.size(); ++i) {
    auto found = table.schema().find(joined.column_names[i]);
    if (!found) {
      fitted->columns.push_back(nullptr);
      continue;
    }
    const ColumnVector& own = table.rows().columns[*found];
    if (own.type() == joined.column_types[i]) {
      fitted->columns.push_back(&own);
      continue;
    }
    auto column = convert_column(own, joined.column_types[i], fitted->texts);
    if (!column) {
      return Error(Code::kInvalid, 1311,
                   fmt::format("reference table {}: column {}: {}", table.name(),
                               joined.column_names[i], column.error().message()));
    }
    fitted->converted.push_back(*std::move(column));
    fitted->columns.push_back(fitted->converted.back().get());
  }
  return fitted;
}

}  // namespace

std::vector<JoinTable> default_joins() {
  return {{"cam", "cameras", "camera_id", "", ""},
          {"loc", "locations", "location_id", "cam", "location_id"}};
}

Schema joined_schema(const Schema& input, const std::vector<JoinTable>& tables,
                     const ReferenceVersions& versions) {
  FRESHET_CHECK(versions.size() == tables.size());
  Schema schema = input;
  for (std::size_t i = 0; i < tables.size(); ++i) {
    auto add = [&](const ColumnSchema& column) {
      std::string name = tables[i].prefix + "." + column.name;
      if (!schema.find(name)) schema.columns.push_back({std::move(name), column.type});
    };
    for (const ColumnSchema& column : known_reference(tables[i].table).columns) add(column);
    if (versions[i] == nullptr) continue;
    for (const ColumnSchema& column : versions[i]->schema().columns) add(column);
  }
  return schema;
}

struct Join::State {
  void look_up_all(const ColumnBatch& rows, const std::vector<bool>& needed);
  void look_up(JoinedTable& table, const ColumnBatch& rows);
  void resolve_event_column(const JoinedTable& table, std::size_t row_count);
  std::string_view key_of(const JoinedTable& table, const ColumnVector& event_keys,
                          std::size_t row) const;

  Schema schema;
  std::size_t input_count = 0;
  // Behind pointers, since fallbacks point at each other.
  std::vector<std::unique_ptr<JoinedTable>> tables;
  std::unique_ptr<ColumnBatch> output;
};

Join::Join(const Schema& input, std::vector<JoinTable> tables, Schema schema)
    : state_(std::make_unique<State>()) {
  State& s = *state_;
  s.schema = std::move(schema);
  s.input_count = input.columns.size();
  s.output = std::make_unique<ColumnBatch>(s.schema);
  std::size_t at = s.input_count;
  for (JoinTable& names : tables) {
    auto table = std::make_unique<JoinedTable>();
    auto event_column = input.find(names.event_column);
    FRESHET_CHECK(event_column.has_value());
    FRESHET_CHECK(input.columns[*event_column].type == ColumnType::kText);
    table->event_column = *event_column;
    table->first_column = at;
    std::string start = names.prefix + ".";
    for (; at < s.schema.columns.size() && s.schema.columns[at].name.starts_with(start); ++at) {
      table->column_names.push_back(s.schema.columns[at].name.substr(start.size()));
      table->column_types.push_back(s.schema.columns[at].type);
    }
    for (const auto& other : s.tables) {
      if (names.fallback_prefix.empty() || other->names.prefix != names.fallback_prefix) continue;
      auto column =
          std::find(other->column_names.begin(), other->column_names.end(), names.fallback_column);
      if (column == other->column_names.end()) continue;
      table->fallback = other.get();
      table->fallback_column = static_cast<std::size_t>(column - other->column_names.begin());
      FRESHET_CHECK(other->column_types[table->fallback_column] == ColumnType::kText);
    }
    table->names = std::move(names);
    s.tables.push_back(std::move(table));
  }
  FRESHET_CHECK(at == s.schema.columns.size());
}

Join::Join(Join&&) noexcept = default;
Join::~Join() = default;

const Schema& Join::schema() const {
  return state_->schema;
}

std::size_t Join::table_count() const {
  return state_->tables.size();
}

Status Join::check(std::size_t table, const ReferenceTable& version) const {
  auto fitted = fit(*state_->tables[table], version);
  return fitted ? ok() : Status(std::move(fitted).error());
}

Status Join::set_version(std::size_t table, std::shared_ptr<const ReferenceTable> version) {
  JoinedTable& joined = *state_->tables[table];
  if (version == nullptr) {
    joined.version = nullptr;
    return ok();
  }
  FRESHET_TRY(auto fitted, fit(joined, *version));
  fitted->table = std::move(version);
  joined.version = std::move(fitted);
  return ok();
}

const UnknownKeys& Join::unknown_keys(std::size_t table) const {
  return state_->tables[table]->unknown;
}

// The event's own key, or its fallback's; empty where there is none.
std::string_view Join::State::key_of(const JoinedTable& table, const ColumnVector& event_keys,
                                     std::size_t row) const {
  if (event_keys.is_valid(row)) return event_keys.get<std::string_view>(row);
  const JoinedTable* fallback = table.fallback;
  if (fallback == nullptr || fallback->version == nullptr) return {};
  const ColumnVector* column = fallback->version->columns[table.fallback_column];
  std::uint32_t found = fallback->found_rows[row];
  if (column == nullptr || found == kNoRow || !column->is_valid(found)) return {};
  return column->get<std::string_view>(found);
}

void Join::State::look_up(JoinedTable& table, const ColumnBatch& rows) {
  const ColumnVector& keys = rows.columns[table.event_column];
  table.looked_up = true;
  table.found_rows.assign(rows.row_count(), kNoRow);
  if (table.version == nullptr) return;
  // Cameras send many events in a row: an equal key is not looked up again.
  std::string_view last_key;
  std::uint32_t last_row = kNoRow;
  for (std::size_t row = 0; row < rows.row_count(); ++row) {
    std::string_view key = key_of(table, keys, row);
    if (key.empty()) continue;
    if (key != last_key) {
      auto found = table.version->table->find(key);
      last_key = key;
      last_row = found ? static_cast<std::uint32_t>(*found) : kNoRow;
    }
    table.found_rows[row] = last_row;
    if (last_row == kNoRow) count_unknown(table.unknown, key);
  }
}

void Join::State::resolve_event_column(const JoinedTable& table, std::size_t row_count) {
  ColumnVector& column = output->columns[table.event_column];
  for (std::size_t row = 0; row < row_count; ++row) {
    if (column.is_valid(row)) continue;
    std::string_view key = key_of(table, column, row);
    if (!key.empty()) column.set(row, key);
  }
}

void Join::State::look_up_all(const ColumnBatch& rows, const std::vector<bool>& needed) {
  auto any_needed = [&](const JoinedTable& table) {
    auto first = needed.begin() + static_cast<std::ptrdiff_t>(table.first_column);
    auto last = first + static_cast<std::ptrdiff_t>(table.column_names.size());
    return std::find(first, last, true) != last;
  };
  for (auto& table : tables) table->looked_up = false;
  for (auto& table : tables) {
    table->resolves = table->fallback != nullptr && needed[table->event_column];
    if (!any_needed(*table) && !table->resolves) continue;
    // Tables further up are there by now, unless nothing of theirs is needed but this key.
    for (auto& other : tables) {
      if (other.get() == table->fallback && !other->looked_up) look_up(*other, rows);
    }
    if (any_needed(*table)) look_up(*table, rows);
  }
}

const ColumnBatch& Join::fill(ColumnBatch& rows, const std::vector<bool>& needed) {
  State& s = *state_;
  FRESHET_CHECK(needed.size() == s.schema.columns.size());
  FRESHET_CHECK(rows.columns.size() == s.input_count);
  std::size_t count = rows.row_count();
  s.look_up_all(rows, needed);
  for (std::size_t i = 0; i < needed.size(); ++i) {
    ColumnVector& column = s.output->columns[i];
    if (i < s.input_count && (needed[i] || i == 0)) {
      std::swap(column, rows.columns[i]);
    } else if (needed[i]) {
      column.resize_null(count);
    } else {
      column.clear();
    }
  }
  for (auto& table : s.tables) {
    if (table->resolves) s.resolve_event_column(*table, count);
  }
  for (auto& table : s.tables) {
    if (!table->looked_up || table->version == nullptr) continue;
    for (std::size_t i = 0; i < table->column_names.size(); ++i) {
      std::size_t column = table->first_column + i;
      if (needed[column] && table->version->columns[i] != nullptr)
        gather(*table->version->columns[i], table->found_rows, s.output->columns[column]);
    }
  }
  return *s.output;
}

}  // namespace freshet::pipeline
