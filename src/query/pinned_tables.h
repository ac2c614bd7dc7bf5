// What a query reads of a table: its files and its rows in memory, at the query's cut.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/result.h"
#include "pipeline/table_service.h"
#include "query/cut_token.h"
#include "sql/query_database.h"

namespace freshet::query {

// A table that exists, by any name that SQL may use for it.
struct KnownTable {
  std::string name;   // what SQL calls it: "detections", "detections$ledger"
  std::string table;  // whose cut holds it: "detections"
  std::string stream;
  bool is_ledger = false;
};

struct Pinned {
  sql::Relations relations;
  sql::ArchiveTables archives;
  bool is_partial = false;  // files that nothing is known of go to `missing`
  std::vector<sql::MissingPart> missing;
};

// When a query looks at the tables: now, or as of then.
struct PastMoment {
  CutToken cut;
  std::optional<std::int64_t> as_of_us;
  bool is_past() const { return as_of_us.has_value() || !cut.empty(); }
};

CutPoint cut_point_of(const pipeline::Cut& cut);

// `rows` are the cut's of the table, or some of them. FRS-5014.
Status pin_table(const KnownTable& table, const pipeline::Cut& cut, const hot::Snapshot& rows,
                 Pinned& pinned);
// As it was then. FRS-5014, FRS-5015, FRS-5016, FRS-5018, FRS-5019.
Status pin_past_table(const KnownTable& table, const pipeline::Cut& cut, const PastMoment& moment,
                      Pinned& pinned);

}  // namespace freshet::query
