// Which files a query has to open: first by the summaries in the manifest list, then by partition
// and bounds in the manifests. "May match" is always the safe answer; a file is left out only where
// its metadata proves that no row of it matches.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "archive/iceberg/data_file.h"
#include "archive/iceberg/manifest.h"
#include "archive/iceberg/table_metadata.h"
#include "common/result.h"

namespace freshet::archive::iceberg {

// Both ends are inside. For int, long, date and timestamptz (microseconds) columns: event time,
// position.
struct RangeCondition {
  std::string column;
  std::int64_t first = 0;
  std::int64_t last = 0;
};

struct TextCondition {
  std::string column;
  std::string value;
};

// All must hold. No condition: everything matches.
struct Predicate {
  std::vector<RangeCondition> ranges;
  std::vector<TextCondition> texts;
};

// Why a file is left out: of its values in this column none is wanted.
struct Mismatch {
  std::string column;
  std::string transform;  // of the partition field that says so: "day", …; "" for the file's bounds
  std::string relation;   // "is below", "is above", "is not that of", "is null"
  std::string bound;      // what was asked for, as SQL writes it; "" where that does not matter
  // "day of event_time is below 2026-11-28T00:00:00.000000Z"
  std::string text() const;
};

// Prepared for one table: column names become field ids of its current schema. A column that the
// table lacks rules nothing out.
class Planner {
 public:
  // `table` must outlive the planner.
  Planner(const TableMetadata& table, Predicate predicate);

  // Nothing where a row may match.
  std::optional<Mismatch> why_not(const ManifestFile& manifest) const;
  std::optional<Mismatch> why_not(const DataFile& file, const PartitionSpec& spec) const;
  bool may_match(const ManifestFile& manifest) const { return !why_not(manifest); }
  bool may_match(const DataFile& file, const PartitionSpec& spec) const {
    return !why_not(file, spec);
  }

  // The manifests to open. FRS-3615 where the table has row-level deletes (no engine of ours writes
  // them): reading only its data files would show deleted rows.
  Result<std::vector<ManifestFile>> select_manifests(std::span<const ManifestFile> list) const;
  // The live data files of a manifest that may match. FRS-3615 as above.
  Result<std::vector<DataFile>> select_files(const Manifest& manifest) const;

 private:
  struct Range {
    const Field* field;
    std::int64_t first, last;
  };
  struct Text {
    const Field* field;
    std::string value;
  };

  std::optional<Mismatch> why_not_by_bounds(const DataFile& file) const;
  std::optional<Mismatch> why_not_by_value(const PartitionField& field, const Value& value) const;
  std::optional<Mismatch> why_not_by_summary(const PartitionField& field,
                                             const FieldSummary& summary) const;

  const TableMetadata* table_;
  std::vector<Range> ranges_;
  std::vector<Text> texts_;
};

// FRS-3615 where it holds deletes, as above.
Status refuse_deletes(const ManifestFile& manifest);
Status refuse_deletes(const DataFile& file);

// The smallest and largest value of an int, long or time column in a file, both inside; nothing
// where the file does not say. With the column "position": which part of the log the file covers.
struct ValueRange {
  std::int64_t first = 0;
  std::int64_t last = 0;
  bool operator==(const ValueRange&) const = default;
};
std::optional<ValueRange> value_range(const DataFile& file, const Field& field);

}  // namespace freshet::archive::iceberg
