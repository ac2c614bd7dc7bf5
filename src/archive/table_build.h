// A table that is filled once, by a replay: nothing of it is seen before it is whole.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "archive/table.h"

namespace freshet::archive {

// One thread. What is not committed is removed, at the latest by the next start.
class TableBuild {
 public:
  // `info` is the shape of the rows, under the new table's name; `source` the table whose rows they
  // are made like.
  static Result<std::unique_ptr<TableBuild>> open(const TableParts& parts,
                                                  const pipeline::TableInfo& info,
                                                  const std::string& source,
                                                  std::uint64_t memory_bytes);
  ~TableBuild();

  // All positions in [first, last] that have rows: behind those of the call before.
  Status append(const hot::Snapshot& rows, Position first, Position last);
  // Whole, from here on.
  Status commit();

 private:
  TableBuild(const TableParts& parts, std::string name, std::unique_ptr<sql::ParquetWriter> writer);

  TableParts parts_;
  const std::string name_;
  std::unique_ptr<sql::ParquetWriter> writer_;
  std::unique_ptr<Table> table_;
  std::vector<NewFile> files_;
  Position last_;
  std::uint32_t ref_version_ = 0;
  bool committed_ = false;
};

// The property of a filled table's metadata that names its source.
inline constexpr std::string_view kFilledLike = "freshet.replay-of";
// A pipeline wants to fill it too.
inline constexpr int kErrorFilledTable = 3845;

bool is_filled(const TableState& state);

// Of a filled table: its shape, as its metadata has it.
pipeline::TableInfo filled_table_info(const TableState& state);

// Removes a table that was never committed, with all that lies in its folder.
Status remove_unfinished(object_store::ObjectStore& store, catalog::Catalog& catalog,
                         const std::string& name);

}  // namespace freshet::archive
