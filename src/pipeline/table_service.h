// Tables as readers use them: hot rows at one cut. Any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "event/position.h"
#include "event/schema.h"
#include "hot/table.h"
#include "pipeline/ledger.h"
#include "sql/archive_table.h"

namespace freshet::pipeline {

// Every column of a pipeline's table: the user's, then the system's: position UBIGINT, sub_position
// UINTEGER, partition VARCHAR (shardId-…), ingest_time TIMESTAMPTZ, ref_version UINTEGER, late
// BOOLEAN.
struct TableInfo {
  std::string name;    // "detections", "detections$dead", …
  std::string stream;  // what to write to
  std::string pipeline;
  Schema schema;
  std::optional<std::size_t> id_column;    // kUuid; get_by_id works where the table has one
  std::optional<std::size_t> time_column;  // event_time
  std::vector<std::size_t>
      key_columns;  // "by_camera" is the index of camera_id: the name less "_id"
  std::int64_t created_us = 0;
};

// A moment that an archived table is asked for.
struct ArchiveMoment {
  // How many rewrites there had been (ArchivedPart::rewrites); not said: as of `time_us`.
  std::optional<std::uint32_t> rewrites;
  std::int64_t time_us = 0;
  std::int64_t last = 0;  // no row behind that position is wanted
};

// What an archive holds of a table: every row up to `boundary`, and none behind it.
struct ArchivedPart {
  Position boundary;
  // Null where nothing says yet what the files are: then a query cannot be answered whole.
  std::shared_ptr<const sql::ArchiveTable> files;
  std::string failure = {};  // why it is null, in the store's words; "" where nothing is known yet
  // How often rows of the files were changed or removed: duplicates that compaction found, erasure.
  std::uint32_t rewrites = 0;
  // The files as they were. Reads the store. kNotFound FRS-5019 where that is no longer kept.
  std::function<Result<std::shared_ptr<const sql::ArchiveTable>>(const ArchiveMoment&)> at = {};
};

// One moment of one stream and everything made of it: rows, ledger and positions belong together.
struct Cut {
  std::string stream;
  Position position;  // every record up to it is in the cut, none behind it
  std::uint32_t ref_version = 0;
  std::map<std::string, hot::Snapshot, std::less<>> tables;  // main table, $dead, $dupes
  // Of those that are archived. Hot may still hold rows up to the boundary: they count once.
  std::map<std::string, ArchivedPart, std::less<>> archived;
  Ledger::Minutes ledger;
};

class TableService {
 public:
  virtual ~TableService() = default;
  virtual std::vector<TableInfo>
  tables() = 0;  // by name; the ledger is "<table>$ledger", rows in Cut::ledger
  virtual std::optional<TableInfo> find(std::string_view table) = 0;
  // The present cut of a table's stream, or nothing where there is no such table.
  virtual std::optional<Cut> cut(std::string_view table) = 0;
  // A snapshot of one table alone, cheaper than a cut.
  virtual std::optional<hot::Snapshot> snapshot(std::string_view table) = 0;
  // The visible row of an id as a client writes it; nothing where there is none. May read one page
  // from disk, and gives an error where it cannot be read.
  virtual Result<std::optional<hot::RowNumber>> find_row(std::string_view table,
                                                         std::string_view id) = 0;
  // Waits until everything up to `position` of the table's stream is visible; false at the time
  // limit.
  virtual bool wait_for(std::string_view table, Position position, std::int64_t timeout_us) = 0;
};

}  // namespace freshet::pipeline
