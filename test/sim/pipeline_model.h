// What a pipeline must make of the log's records, by the simplest code that could be right.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "event/position.h"

namespace freshet::sim {

// What the workload knows of an event that it made.
struct ModelEvent {
  std::string id;  // "" where the event is malformed
  std::string content;
  std::string camera;
  std::string location;
};

struct ModelRecord {
  std::int64_t arrival_us = 0;
  std::uint32_t reference_version = 0;  // a switch to it, where not 0
  std::string json;
};

struct ModelOutcome {
  std::set<std::string> rows;   // "position id camera location name version", each a line
  std::set<std::string> dupes;  // "position id"
  std::set<std::string> dead;   // "position reason"
  std::map<std::string, std::uint64_t> received;  // by camera
};

class PipelineModel {
 public:
  explicit PipelineModel(std::int64_t horizon_us) : horizon_us_(horizon_us) {}
  void add_event(const std::string& json, ModelEvent event) {
    events_.emplace(json, std::move(event));
  }
  void add_reference(std::uint32_t version, std::map<std::string, std::string> names) {
    references_[version] = std::move(names);
  }
  // Every record that the log was seen to hold, also those it has let go since.
  void add_record(Position position, ModelRecord record) {
    records_.emplace(position.value, std::move(record));
  }
  std::size_t record_count() const { return records_.size(); }
  const std::map<std::uint64_t, ModelRecord>& records() const { return records_; }

  // Of all records; what stands below `visible_from` is left out of rows, dupes and dead.
  ModelOutcome outcome(Position visible_from) const;

 private:
  std::int64_t horizon_us_;
  std::map<std::string, ModelEvent> events_;
  std::map<std::uint32_t, std::map<std::string, std::string>> references_;
  std::map<std::uint64_t, ModelRecord> records_;
};

}  // namespace freshet::sim
