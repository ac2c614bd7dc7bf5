// What a query reads of one table at one cut: files up to the boundary, memory behind it.
#pragma once

#include <memory>
#include <string_view>

#include "common/result.h"
#include "hot/table.h"
#include "pipeline/table_service.h"
#include "sql/archive_table.h"
#include "sql/relation.h"

namespace freshet::query {

struct PinnedTable {
  std::shared_ptr<const sql::Relation> memory;
  std::shared_ptr<const sql::ArchiveTable> files;  // null: none
};

// `rows` are those of the cut, or some of them; memory may still hold rows that files have.
// kUnavailable FRS-5014 where the files cannot be reached.
Result<PinnedTable> pin_table(std::string_view table, const pipeline::Cut& cut,
                              const hot::Snapshot& rows);

}  // namespace freshet::query
