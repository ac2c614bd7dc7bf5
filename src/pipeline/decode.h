// Native JSON to columns of the default table (docs/formats/event.md). A core: no I/O, clock or
// thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "event/column_batch.h"
#include "event/position.h"
#include "event/schema.h"

namespace freshet::pipeline {

// The columns a decoder fills, in this order: detection_id UUID, camera_id, location_id, item_name
// VARCHAR, confidence DOUBLE, bbox, event_time TIMESTAMPTZ, track_id VARCHAR, frame_no UBIGINT,
// media_ref, attributes (JSON text), id_text VARCHAR (the id as written where it is not a UUID or
// ULID).
const Schema& detection_schema();

// Reasons that stand in $dead.
enum class Reason : std::uint8_t {
  kParse,
  kSchema,
  kTooLarge,
  kNoId,
  kConflict,
  kFuture,
  kBadTime,
  kNoZone,
  kBadBox,
  kNoFrameSize,
  kSql,     // the user's SQL failed on this row
  kPoison,  // this event ended the process again and again
};
std::string_view reason_name(Reason reason);  // "parse", "schema", …

struct Decoded {
  bool accepted = false;
  EventId id;
  ContentHash content;
  std::int64_t event_time_us = 0;  // where not accepted: 0 where it could not be read
  // Where not accepted: why; `id_text` and `camera_id` as far as they could be read, else empty.
  // The views live until the next call.
  Reason reason = Reason::kParse;
  std::string detail;
  std::string_view id_text;
  std::string_view camera_id;  // also where accepted
};

struct DecodeConfig {
  std::uint64_t id_seed = 0;  // of the hash of ids that are not UUIDs; kept in the catalog
  std::int64_t ahead_max_us = 24ll * 3'600'000'000;  // further in the future than this: refused
  bool box_required = false;  // a bad box refuses its event; else only the box is left out, counted
  // Wrong on purpose, for the test of the crash marker: an event that holds this text ends the
  // process where it is decoded.
  std::string plant_abort_at = {};
};

// An unknown field whose name is nearly that of a known one (camerId): likely a mistake, so worth a
// word to the operator, once per stream.
struct NearMiss {
  std::string field;
  std::string_view known;
  std::uint64_t events = 0;
};

class Decoder {
 public:
  explicit Decoder(const DecodeConfig& config);
  ~Decoder();
  // Decodes one event and, where it is accepted, appends one row to `rows` (detection_schema()).
  // Texts in `rows` point into `json` where they stand there unescaped, else into memory of the
  // decoder that lives until release_texts(). `arrival_us` is the log's time of arrival, never a
  // clock's.
  Decoded decode(std::string_view json, std::int64_t arrival_us, ColumnBatch& rows);
  void release_texts();
  // 128 bits of an id as a client would write it in a query: the same answer as decode() gives.
  EventId id_of(std::string_view id_text) const;
  // In the order of their first sight, at most kNearMissesMax; grows when there is news.
  static constexpr std::size_t kNearMissesMax = 32;
  const std::vector<NearMiss>& near_misses() const;
  // Accepted events whose box was left out because it was bad.
  std::uint64_t dropped_boxes() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace freshet::pipeline
