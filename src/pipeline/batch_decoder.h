// Records to events: all of the pipeline that looks at one event alone, so that a restart can do it
// ahead, on another thread, while dedup and what follows go on in log order.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "event/column_batch.h"
#include "event/position.h"
#include "log/record.h"
#include "pipeline/decode.h"
#include "pipeline/text_arena.h"

namespace freshet::pipeline {

class CrashMarker;

// Events that ended the process too often, by XXH3-64 of their bytes, with the number of times.
using PoisonEvents = std::unordered_map<std::uint64_t, std::uint32_t>;

// One event of a record. Views live until the decoder's clear(), those into the record no longer
// than the record.
struct DecodedEvent {
  Position position;
  std::uint32_t sub = 0;  // index inside a KPL aggregate
  PartitionId partition = 0;
  std::int64_t arrival_us = 0;
  std::string_view json;
  std::string_view camera_id;  // "" where it could not be read
  bool erased = false;         // nothing is left of it but place and camera
  bool accepted = false;
  EventId id;                      // where accepted
  ContentHash content;             // where accepted
  Reason reason = Reason::kParse;  // where not, and what follows
  std::uint32_t attempts = 0;      // kPoison: how often it ended the process
  std::string_view detail, id_text;
};

// One thread at a time. `poison` outlives the decoder.
class BatchDecoder {
 public:
  BatchDecoder(const DecodeConfig& config, const PoisonEvents& poison);

  // Adds the records' events, in their order. `marker`, where given, is told of each event before
  // anything looks inside it.
  void decode(std::span<const log::Record> records, CrashMarker* marker);
  void clear();

  // A row of detection_schema() for each accepted event, in order. The pipeline takes rows out.
  ColumnBatch& rows() { return rows_; }
  const std::vector<DecodedEvent>& events() const { return events_; }
  const Decoder& decoder() const { return decoder_; }

 private:
  void decode_record(const log::Record& record, CrashMarker* marker);
  void decode_event(const log::Record& record, std::uint32_t sub, std::string_view json,
                    CrashMarker* marker);
  DecodedEvent& add_event(const log::Record& record, std::uint32_t sub, std::string_view json);
  void add_erased(const log::Record& record, std::uint32_t sub, std::string_view camera_id);

  Decoder decoder_;
  std::string plant_abort_at_;
  const PoisonEvents& poison_;
  ColumnBatch rows_;
  std::vector<DecodedEvent> events_;
  TextArena texts_;  // behind the views of events that were refused
};

}  // namespace freshet::pipeline
