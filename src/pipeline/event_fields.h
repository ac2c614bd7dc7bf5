// The fields of an event: names, aliases, limits, and how one value becomes what a column holds
// (docs/formats/event.md). A core.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "event/position.h"
#include "event/schema.h"
#include "pipeline/json_reader.h"

namespace freshet::pipeline {

inline constexpr std::size_t kEventBytesMax = 64 * 1024;
inline constexpr std::size_t kTextBytesMax = 64;  // ids, names, tracks
inline constexpr std::size_t kMediaBytesMax = 512;
inline constexpr std::size_t kAttributesBytesMax = 4096;

// In the order of the columns; what follows kAttributes makes no column.
enum class Field : std::uint8_t {
  kDetectionId,
  kCameraId,
  kLocationId,
  kItemName,
  kConfidence,
  kBox,
  kEventTime,
  kTrackId,
  kFrameNo,
  kMediaRef,
  kAttributes,
  kRevision,
  kKind,
  kUnknown,
};
inline constexpr std::size_t kFieldCount = 13;

struct FieldName {
  std::string_view name;
  std::string_view alias;  // "" where there is none
};
inline constexpr std::array<FieldName, kFieldCount> kFieldNames{{{"detection_id", "id"},
                                                                 {"camera_id", "cam"},
                                                                 {"location_id", "loc"},
                                                                 {"item_name", "item"},
                                                                 {"confidence", "conf"},
                                                                 {"bbox", ""},
                                                                 {"event_time", "ts"},
                                                                 {"track_id", "track"},
                                                                 {"frame_no", "frame"},
                                                                 {"media_ref", "media"},
                                                                 {"attributes", "attr"},
                                                                 {"revision", "rev"},
                                                                 {"kind", ""}}};
inline std::string_view field_name(Field field) {
  return field == Field::kUnknown ? "" : kFieldNames[static_cast<std::size_t>(field)].name;
}

// By name or alias; kUnknown where it is neither.
Field find_field(std::string_view key);
// The known name that `key` was likely meant to be: equal but for case and separators, or two edits
// away. Only for keys that find_field() does not know.
std::optional<Field> find_near_field(std::string_view key);

// A UUID's or ULID's own 16 bytes: 8-4-4-4-12 or 32 hexadecimal digits (RFC 9562), or 26 characters
// of Crockford's base 32 (the ULID specification), in any case.
std::optional<EventId> parse_uuid_or_ulid(std::string_view text);
// XXH3-128 with `seed`, for every other id.
EventId hash_id(std::string_view text, std::uint64_t seed);

enum class TimeProblem : std::uint8_t { kNone, kNoZone, kBad };
struct EventTime {
  std::int64_t us = 0;
  TimeProblem problem = TimeProblem::kNone;
};
EventTime time_of_text(std::string_view text);
// Below 1e11 seconds, below 1e14 ms, below 1e17 µs, else ns; exact, digits below the µs are cut.
EventTime time_of_number(const JsonNumber& number);

// Fractions of the frame: the corners are clipped to 0..1. Nothing where no area is left.
std::optional<Box> box_of(double x, double y, double w, double h);

}  // namespace freshet::pipeline
