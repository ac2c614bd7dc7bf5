// One version of a reference table (cameras, locations): loaded whole, checked, immutable.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "event/column_batch.h"
#include "event/schema.h"

namespace freshet::pipeline {

// Thread-safe to read. Texts are owned here.
class ReferenceTable {
 public:
  // From rows as the SQL layer read them. Errors name the table, the line or row, and both lines of
  // a duplicate key: kInvalid, FRS-1301 and on.
  static Result<std::shared_ptr<const ReferenceTable>> make(std::string name,
                                                            std::string key_column,
                                                            const Schema& schema,
                                                            const ColumnBatch& rows);
  ~ReferenceTable();
  const std::string& name() const;
  const std::string& key_column() const;
  const Schema& schema() const;
  std::size_t row_count() const;
  std::optional<std::size_t> find(std::string_view key) const;
  // All rows in file order; texts live as long as this table.
  const ColumnBatch& rows() const;
  // The bytes that the catalog keeps and from_bytes() reads (docs/formats/reference_table.md).
  // Anything else than what to_bytes() gave is kCorruption, FRS-1309.
  std::string to_bytes() const;
  static Result<std::shared_ptr<const ReferenceTable>> from_bytes(std::string_view bytes);
  // Of what the table says: the same for CSV, JSON and Parquet, whatever the order of rows and
  // columns and the width of numbers.
  std::uint64_t content_hash() const;
  std::uint64_t memory_bytes() const;

 private:
  struct State;
  explicit ReferenceTable(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// The difference that a switch would make, by key.
struct ReferenceDiff {
  std::vector<std::string> added, removed, changed;
};
// Keys in byte order. A column that is missing on one side counts as null there.
ReferenceDiff diff(const ReferenceTable& before, const ReferenceTable& after);

// What Freshet itself knows of a table's columns: the key, and the types that the join gives them.
// Empty for a table of the user's own.
struct KnownReference {
  std::string_view key_column;
  std::vector<ColumnSchema> columns;
};
const KnownReference& known_reference(std::string_view name);
// For `cameras` and `locations`: the key is there, and no known column has a type that cannot
// become what it must be. Others pass. kInvalid, FRS-1308.
Status check_known_reference(std::string_view name, const Schema& schema);

}  // namespace freshet::pipeline
