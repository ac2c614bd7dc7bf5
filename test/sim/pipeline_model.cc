#include "sim/pipeline_model.h"

#include <fmt/format.h>

namespace freshet::sim {

ModelOutcome PipelineModel::outcome(Position visible_from) const {
  struct Seen {
    std::string content;
    std::int64_t last_seen_us = 0;
  };
  std::map<std::string, Seen> seen;
  std::uint32_t version = 0;
  ModelOutcome out;
  for (const auto& [position, record] : records_) {
    if (record.reference_version != 0) {
      version = record.reference_version;
      continue;
    }
    const ModelEvent& event = events_.at(record.json);
    bool visible = position >= visible_from.value;
    out.received[event.camera] += 1;
    if (event.id.empty()) {
      if (visible) out.dead.insert(fmt::format("{} parse", position));
      continue;
    }
    auto found = seen.find(event.id);
    if (found != seen.end() && found->second.last_seen_us >= record.arrival_us - horizon_us_) {
      Seen& before = found->second;
      before.last_seen_us = record.arrival_us;
      if (!visible) continue;
      if (before.content == event.content) {
        out.dupes.insert(fmt::format("{} {}", position, event.id));
      } else {
        out.dead.insert(fmt::format("{} conflict", position));
      }
      continue;
    }
    seen[event.id] = {event.content, record.arrival_us};
    if (!visible) continue;
    std::string name = "-";
    if (version != 0) {
      auto place = references_.at(version).find(event.location);
      if (place != references_.at(version).end()) name = place->second;
    }
    out.rows.insert(fmt::format("{} {} {} {} {} {}", position, event.id, event.camera,
                                event.location, name, version));
  }
  return out;
}

}  // namespace freshet::sim
