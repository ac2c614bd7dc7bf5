// What the HTTP API asks of the rest of the server beyond streams, tables and SQL. app implements
// these over the pipeline and the catalog.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "event/position.h"
#include "pipeline/reference_table.h"

namespace freshet::console {

// What happened to one record that carried the id.
struct FateStep {
  std::string outcome;  // "accepted", "duplicate", "refused", "filtered"
  Position position;
  std::uint32_t sub_position = 0;
  std::int64_t arrival_us = 0;  // 0: not known any more
  std::string partition;
  std::string reason;  // of a refusal
  std::string detail;
};

struct EventFate {
  std::string table;
  std::vector<FateStep> steps;  // by position
};

class ExplainService {
 public:
  virtual ~ExplainService() = default;
  // The fates of an event id as a client writes it, one for each table whose pipeline knows it. May
  // scan the outcome tables: never on a net thread.
  virtual Result<std::vector<EventFate>> explain(std::string_view id) = 0;
};

struct ReferenceVersionInfo {
  std::uint32_t version = 0;
  std::uint64_t content_hash = 0;
  std::string source;
  std::int64_t loaded_us = 0;
  std::uint64_t rows = 0;
  bool active = false;
};

struct ReferenceChange {
  std::uint32_t version = 0;  // in force afterwards; unchanged where only compared
  bool switched = false;   // false: compared only, or the content is that of the version in force
  std::uint64_t rows = 0;  // of the new content
  pipeline::ReferenceDiff diff;
};

// All members may wait for the catalog or a shard: never on a net thread.
class ReferenceService {
 public:
  virtual ~ReferenceService() = default;
  virtual std::vector<std::string> names() = 0;
  virtual Result<std::vector<ReferenceVersionInfo>> versions(std::string_view name) = 0;
  // Version 0 is the one in force. kNotFound where there is none.
  virtual Result<std::shared_ptr<const pipeline::ReferenceTable>> load(std::string_view name,
                                                                       std::uint32_t version) = 0;
  // `bytes` is a whole file; `file_name`'s ending says its format. Checks it, and switches every
  // pipeline to it unless `only_compare`.
  virtual Result<ReferenceChange> put(std::string_view name, std::string_view file_name,
                                      const std::string& bytes, bool only_compare) = 0;
};

// Events of a camera and a time range, or one id. `to_us` is outside.
struct EventSelection {
  std::string camera_id;
  std::int64_t from_us = 0, to_us = 0;
  std::string id;  // "": by camera
};

// What an erasure would do.
struct ErasurePlan {
  std::string label;  // what must be given to confirm it
  std::uint64_t rows = 0;
  std::uint64_t log_bytes = 0, archive_files = 0, archive_bytes = 0;  // to be read
  std::int64_t seconds = 0;  // that the server will be away, about
};

struct ErasureInfo {
  std::int64_t number = 0;
  std::string label, camera_id;
  std::int64_t from_us = 0, to_us = 0;
  std::string state, asked_by;
  std::int64_t asked_us = 0, changed_us = 0;
  std::string report;  // JSON, or ""
};

struct HoldInfo {
  std::string name, camera_id;
  std::int64_t from_us = 0, to_us = 0;
  bool by_id = false;
  std::int64_t placed_us = 0, lifted_us = 0;
  std::string placed_by, lifted_by;
};

// Errors: kDenied FRS-3851 (a hold), kInvalid FRS-3853 (an archived table without the columns that
// tell its rows apart), FRS-3858 (one that cannot be reached), kUnsupported FRS-3854 (the server
// cannot start itself anew), kNotFound FRS-3855 (a hold on an id that nobody knows), and a query's
// own, as where there are more rows than limits.query_rows.
class ErasureService {
 public:
  virtual ~ErasureService() = default;
  virtual Result<ErasurePlan> plan(const EventSelection& selection) = 0;
  // Notes it and has the server start anew, which does it.
  virtual Result<ErasureInfo> begin(const EventSelection& selection, const std::string& by) = 0;
  virtual Result<std::vector<ErasureInfo>> erasures() = 0;
  virtual Result<std::vector<HoldInfo>> holds() = 0;  // lifted ones too
  virtual Result<HoldInfo> place_hold(const std::string& name, const EventSelection& selection,
                                      const std::string& by) = 0;
  virtual Status lift_hold(const std::string& name, const std::string& by) = 0;
};

}  // namespace freshet::console
