// Events joined with reference tables: each event's camera and place. A core: no I/O, clock or
// thread; a row is a function of the event and of the table versions that stand.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "event/column_batch.h"
#include "event/schema.h"
#include "pipeline/reference_table.h"

namespace freshet::pipeline {

// One table joined under a prefix: its column "name" becomes "cam.name".
struct JoinTable {
  std::string prefix;        // "cam"
  std::string table;         // "cameras"
  std::string event_column;  // a text column of the events, matched with the table's key
  // Where the event's column is null: that column of a table further up in the list.
  std::string fallback_prefix;  // "" for none
  std::string fallback_column;
};
// cam: cameras by camera_id. loc: locations by location_id, and where the event names none, by
// its camera's.
std::vector<JoinTable> default_joins();

using ReferenceVersions =
    std::vector<std::shared_ptr<const ReferenceTable>>;  // as in the list; or null

// The shape that a pipeline's SQL sees: the input's columns, then for each table its columns under
// its prefix: first those that Freshet knows of it (known_reference()), whether the file has them
// or not and always with the known type; then the file's own further ones, in its order and with
// its types. A pipeline computes it once, when it starts: later versions are fitted into it, so
// that a reload never changes the type of a column under a running statement.
Schema joined_schema(const Schema& input, const std::vector<JoinTable>& tables,
                     const ReferenceVersions& versions);

// Keys that no row was found for, by event. At most kKeysMax are told apart.
struct UnknownKeys {
  static constexpr std::size_t kKeysMax = 1000;
  std::map<std::string, std::uint64_t, std::less<>> events_by_key;
  std::uint64_t other_events = 0;
};

// One shard thread, but for check().
class Join {
 public:
  // `schema` is what joined_schema(input, tables, …) gave.
  Join(const Schema& input, std::vector<JoinTable> tables, Schema schema);
  Join(Join&&) noexcept;
  ~Join();
  const Schema& schema() const;
  std::size_t table_count() const;

  // Could this version stand? kInvalid FRS-1311 where a value does not fit its column's type. Ask
  // before a switch is written to the log. Any thread.
  Status check(std::size_t table, const ReferenceTable& version) const;
  // From the next fill() on. Columns that the version lacks are null, columns that the schema lacks
  // are not shown. On an error the version before stays. Null: no version, all its columns null.
  Status set_version(std::size_t table, std::shared_ptr<const ReferenceTable> version);

  // `rows` with the joined columns. Only the first column and those that `needed` (as long as the
  // schema) names are filled, the others have no row; those of `rows` are taken out of it. A
  // location_id that the event left out is its camera's here too. What is returned lives until the
  // next fill() or set_version(), its texts as long as those of `rows` and the versions.
  const ColumnBatch& fill(ColumnBatch& rows, const std::vector<bool>& needed);

  // Events that fill() looked up in vain since the start, while the table had a version.
  const UnknownKeys& unknown_keys(std::size_t table) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace freshet::pipeline
