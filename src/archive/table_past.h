// An archived table as it was before rows of its files were changed or removed.
//
// Positions name the same rows for as long as nothing but appends and plain compaction happens. A
// rewrite (duplicates that compaction found, erasure) ends that: its snapshot counts it, and what
// was before is read from the last snapshot that does not have it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "archive/table_state.h"
#include "pipeline/table_service.h"

namespace freshet::archive {

struct Rewrites {
  std::uint32_t count = 0;
  std::int64_t last_ms = 0;  // when the last of them was committed
};
Rewrites rewrites_of(const iceberg::Snapshot& snapshot);

// What a query of then reads. kNotFound FRS-5019 where a snapshot that it needs is no longer kept.
Result<std::shared_ptr<const sql::ArchiveTable>> archive_table_at(
    std::shared_ptr<const TableState> now, const pipeline::ArchiveMoment& moment,
    std::vector<sql::ParquetColumn> columns, std::shared_ptr<LocalFiles> files,
    object_store::ObjectStore& store);

}  // namespace freshet::archive
