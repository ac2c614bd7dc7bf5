// One event's values on their way from JSON to a row, and their content hash. A core.
#pragma once

#include <cstdint>
#include <string_view>

#include "event/column_batch.h"
#include "event/position.h"
#include "event/schema.h"
#include "pipeline/event_fields.h"

namespace freshet::pipeline {

// What one event said, each value as its column holds it. `present` has a bit per Field.
struct EventValues {
  std::uint32_t present = 0;
  EventId id;
  std::string_view id_text;  // "" where the id is a UUID or ULID
  std::string_view camera_id, location_id, item_name, track_id, media_ref, attributes;
  std::int64_t event_time_us = 0;
  std::uint64_t frame_no = 0;
  std::uint16_t confidence_e4 = 0;
  Box box;

  bool has(Field field) const { return (present >> static_cast<unsigned>(field) & 1) != 0; }
  void set(Field field) { present |= 1u << static_cast<unsigned>(field); }
};

// Over the values as stored, in the columns' order: white space, the order of names, aliases and
// the spelling of numbers make no difference, and nothing of the transport is in it.
ContentHash hash_content(const EventValues& values, std::uint64_t seed);

// As a row of detection_schema().
void append_row(const EventValues& values, ColumnBatch& rows);

}  // namespace freshet::pipeline
