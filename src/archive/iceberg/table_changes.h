// The changes that a commit makes to table metadata. Each takes the table as it is and gives it as
// it will be; `now_ms` is the commit's time. A commit applies its changes to what it read and ends
// with record_previous_metadata().
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "archive/iceberg/data_file.h"
#include "archive/iceberg/table_metadata.h"
#include "common/result.h"

namespace freshet::archive::iceberg {

struct NewTable {
  std::string table_uuid;
  std::string location;  // URI of the table's folder, without a slash at the end
  NumberedSchema schema;
  PartitionSpec spec;
  SortOrder sort_order;  // order 0, unsorted, where it has no fields
  Properties properties;
};
TableMetadata new_table(NewTable table, std::int64_t now_ms);

// Keys of ours in a snapshot's summary.
inline constexpr std::string_view kPositionsKey = "freshet.positions";
inline constexpr std::string_view kExpectedKey = "freshet.expected";
inline constexpr std::string_view kReferenceVersionsKey = "freshet.reference-versions";
// How many commits changed or removed rows so far, and when the last of them was made. Rows of a
// position are the same as long as the count is.
inline constexpr std::string_view kRewritesKey = "freshet.rewrites";
inline constexpr std::string_view kRewrittenKey = "freshet.rewritten-ms";

enum class Operation : std::uint8_t {
  kAppend,     // adds files
  kReplace,    // the same rows in other files: compaction
  kOverwrite,  // other rows: erasure
  kDelete,     // only takes files away
};
std::string_view operation_name(Operation operation);

struct FileTotals {
  std::int64_t files = 0;
  std::int64_t records = 0;
  std::int64_t bytes = 0;
  void add(const DataFile& file) {
    ++files;
    records += file.record_count;
    bytes += file.file_bytes;
  }
};

struct NewSnapshot {
  std::int64_t snapshot_id = 0;
  // What the commit was built on: none for the first one. FRS-3613 where the table moved on.
  std::optional<std::int64_t> parent_snapshot_id;
  Operation operation = Operation::kAppend;
  std::string manifest_list;
  FileTotals added, deleted;  // what this commit itself adds and takes away
  Properties extra;           // kPositionsKey and the like
};

// Makes the snapshot the current one: its number is the table's next, main points to it, the log
// has it. The summary's totals are counted on from the parent's. FRS-3614 where files and operation
// do not agree: an append that deletes, a replace whose rows do not balance.
Result<TableMetadata> add_snapshot(TableMetadata table, const NewSnapshot& snapshot,
                                   std::int64_t now_ms);

// The sequence number that the next snapshot gets.
inline std::int64_t next_sequence_number(const TableMetadata& table) {
  return table.last_sequence_number + 1;
}

// Adds the columns that `columns` has and the table lacks: see evolve_schema().
Result<TableMetadata> set_schema(
    TableMetadata table, const freshet::Schema& columns, std::int64_t now_ms,
    std::span<const std::string_view> position_columns = kPositionColumns);

TableMetadata set_properties(TableMetadata table, const Properties& set,
                             std::span<const std::string> removed, std::int64_t now_ms);

struct ExpireRules {
  std::int64_t older_than_ms = 0;
  std::size_t keep_at_least = 1;  // the newest of main's history stay, whatever their age
  std::set<std::int64_t> pinned;  // read by someone right now
};
struct Expired {
  TableMetadata table;
  std::vector<Snapshot> snapshots;  // what left; their files may go once this is committed
};
// What a branch or tag points to stays.
Expired expire_snapshots(TableMetadata table, const ExpireRules& rules, std::int64_t now_ms);

// Where the metadata that a commit replaces lies, for history's sake. The newest 100 are kept, or
// what the property "write.metadata.previous-versions-max" says.
TableMetadata record_previous_metadata(TableMetadata table, std::string previous_file,
                                       std::int64_t previous_updated_ms);

}  // namespace freshet::archive::iceberg
