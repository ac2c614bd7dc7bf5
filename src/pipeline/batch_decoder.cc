#include "pipeline/batch_decoder.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <cstdlib>

#include "pipeline/aggregate.h"
#include "pipeline/crash_marker.h"

namespace freshet::pipeline {

BatchDecoder::BatchDecoder(const DecodeConfig& config, const PoisonEvents& poison)
    : decoder_(config),
      plant_abort_at_(config.plant_abort_at),
      poison_(poison),
      rows_(detection_schema()) {}

void BatchDecoder::decode(std::span<const log::Record> records, CrashMarker* marker) {
  for (const log::Record& record : records) decode_record(record, marker);
}

void BatchDecoder::clear() {
  rows_.clear();
  events_.clear();
  texts_.release();
  decoder_.release_texts();
}

void BatchDecoder::decode_record(const log::Record& record, CrashMarker* marker) {
  if (record.kind == log::RecordKind::kControl) return;
  if (record.kind == log::RecordKind::kErased) return add_erased(record, 0, record.data);
  if (!looks_aggregated(record.data)) return decode_event(record, 0, record.data, marker);
  Result<bool> aggregated = visit_aggregate(record.data, [&](const UserRecord& user_record) {
    // In what a client sent the field means nothing.
    if (record.kind == log::RecordKind::kPartlyErased && user_record.erased_camera)
      return add_erased(record, user_record.index, *user_record.erased_camera);
    decode_event(record, user_record.index, user_record.data, marker);
  });
  if (!aggregated) {
    DecodedEvent& event = add_event(record, 0, record.data);
    event.detail = texts_.copy(aggregated.error().to_string());
  } else if (!*aggregated) {
    decode_event(record, 0, record.data, marker);
  }
}

DecodedEvent& BatchDecoder::add_event(const log::Record& record, std::uint32_t sub,
                                      std::string_view json) {
  DecodedEvent& event = events_.emplace_back();
  event.position = record.position;
  event.sub = sub;
  event.partition = record.partition;
  event.arrival_us = record.arrival_us;
  event.json = json;
  return event;
}

void BatchDecoder::add_erased(const log::Record& record, std::uint32_t sub,
                              std::string_view camera_id) {
  DecodedEvent& event = add_event(record, sub, "");
  event.erased = true;
  event.camera_id = texts_.copy(camera_id);
}

void BatchDecoder::decode_event(const log::Record& record, std::uint32_t sub, std::string_view json,
                                CrashMarker* marker) {
  DecodedEvent& event = add_event(record, sub, json);
  if (marker != nullptr || !poison_.empty()) {
    std::uint64_t hash = XXH3_64bits(json.data(), json.size());
    if (marker != nullptr) marker->begin_record(hash);
    auto poison = poison_.find(hash);
    if (poison != poison_.end()) {
      event.reason = Reason::kPoison;
      event.attempts = poison->second;
      event.detail = texts_.copy(
          fmt::format("this event ended the process {} times and is kept aside", poison->second));
      return;
    }
  }
  if (!plant_abort_at_.empty() && json.find(plant_abort_at_) != json.npos) std::abort();
  Decoded decoded = decoder_.decode(json, record.arrival_us, rows_);
  event.accepted = decoded.accepted;
  if (decoded.accepted) {
    event.id = decoded.id;
    event.content = decoded.content;
    event.camera_id = decoded.camera_id;
    return;
  }
  // The decoder reuses the memory behind these views at its next call.
  event.reason = decoded.reason;
  event.camera_id = texts_.copy(decoded.camera_id);
  event.detail = texts_.copy(decoded.detail);
  event.id_text = texts_.copy(decoded.id_text);
}

}  // namespace freshet::pipeline
