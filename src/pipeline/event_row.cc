#include "pipeline/event_row.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstring>

#include "common/check.h"
#include "pipeline/decode.h"

namespace freshet::pipeline {
namespace {

constexpr std::string_view kReasonWords[] = {"parse",    "schema",        "too_large", "no_id",
                                             "conflict", "future",        "bad_time",  "no_zone",
                                             "bad_box",  "no_frame_size", "sql",       "poison"};

}  // namespace

const Schema& detection_schema() {
  static const Schema schema{{{"detection_id", ColumnType::kUuid},
                              {"camera_id", ColumnType::kText},
                              {"location_id", ColumnType::kText},
                              {"item_name", ColumnType::kText},
                              {"confidence", ColumnType::kDouble},
                              {"bbox", ColumnType::kBox},
                              {"event_time", ColumnType::kTimestamp},
                              {"track_id", ColumnType::kText},
                              {"frame_no", ColumnType::kUInt64},
                              {"media_ref", ColumnType::kText},
                              {"attributes", ColumnType::kText},
                              {"id_text", ColumnType::kText}}};
  return schema;
}

std::string_view reason_name(Reason reason) {
  return kReasonWords[static_cast<std::size_t>(reason)];
}

ContentHash hash_content(const EventValues& values, std::uint64_t seed) {
  // Fixed part, then length and bytes of seven texts.
  constexpr std::size_t kFixedBytes = 4 + 16 + 8 + 8 + 2 + 8;
  constexpr std::size_t kBytesMax =
      kFixedBytes + 7 * 2 + 5 * kTextBytesMax + kMediaBytesMax + kAttributesBytesMax;
  char buffer[kBytesMax];
  std::size_t size = 0;
  auto put = [&](const void* from, std::size_t bytes) {
    std::memcpy(buffer + size, from, bytes);
    size += bytes;
  };
  put(&values.present, 4);
  put(&values.id, 16);
  put(&values.event_time_us, 8);
  put(&values.frame_no, 8);
  put(&values.confidence_e4, 2);
  put(&values.box, 8);
  for (std::string_view text :
       {values.id_text, values.camera_id, values.location_id, values.item_name, values.track_id,
        values.media_ref, values.attributes}) {
    auto length = static_cast<std::uint16_t>(text.size());
    put(&length, 2);
    if (!text.empty()) put(text.data(), text.size());
  }
  FRESHET_CHECK(size <= kBytesMax);
  XXH128_hash_t hash = XXH3_128bits_withSeed(buffer, size, seed);
  return {hash.high64, hash.low64};
}

void append_row(const EventValues& values, ColumnBatch& rows) {
  auto text = [&](std::size_t column, std::string_view value) {
    if (value.empty())
      rows.columns[column].append_null();
    else
      rows.columns[column].append(value);
  };
  auto number = [&](std::size_t column, Field field, auto value) {
    if (values.has(field))
      rows.columns[column].append(value);
    else
      rows.columns[column].append_null();
  };
  rows.columns[0].append(values.id);
  text(1, values.camera_id);
  text(2, values.location_id);
  text(3, values.item_name);
  number(4, Field::kConfidence, values.confidence_e4 / 10'000.0);
  number(5, Field::kBox, values.box);
  rows.columns[6].append(values.event_time_us);
  text(7, values.track_id);
  number(8, Field::kFrameNo, values.frame_no);
  text(9, values.media_ref);
  text(10, values.attributes);
  text(11, values.id_text);
}

}  // namespace freshet::pipeline
