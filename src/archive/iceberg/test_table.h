// A small table for tests: detections by day.
#pragma once

#include <string>
#include <vector>

#include "archive/iceberg/manifest.h"
#include "archive/iceberg/table_changes.h"
#include "archive/iceberg/transform.h"

namespace freshet::archive::iceberg::test {

inline constexpr std::int64_t kDayUs = std::int64_t{86'400} * 1'000'000;

inline freshet::Schema detections() {
  return {{{"camera_id", ColumnType::kText},
           {"event_time", ColumnType::kTimestamp},
           {"bbox", ColumnType::kBox},
           {"position", ColumnType::kUInt64}}};
}

inline constexpr std::int32_t kCameraId = 1, kEventTime = 2, kPosition = 4;

inline TableMetadata detections_table(TimePartition by = TimePartition::kDay) {
  NewTable table;
  table.table_uuid = "9c12d441-03fe-4693-9a96-a0705ddf69c1";
  table.location = "s3://bucket/detections";
  table.schema = *new_schema(detections());
  table.spec = *partition_by_time(table.schema.schema, "event_time", by);
  table.sort_order = *sort_by(table.schema.schema, {"camera_id", "event_time"});
  return new_table(std::move(table), 1'000);
}

inline ManifestHead head_of(const TableMetadata& table) {
  return {table.current_schema(), table.default_spec(), ManifestContent::kData};
}

struct FileRange {
  std::int64_t first_us = 0, last_us = 0;
  std::string first_camera = "a", last_camera = "z";
  std::int64_t first_position = 1, last_position = 100;
};

// A file of one day, with the bounds of its columns.
inline DataFile data_file(std::string path, const FileRange& range, std::int64_t rows = 10) {
  FieldType time, text, position;
  time.kind = TypeKind::kTimestamptz;
  position.kind = TypeKind::kLong;
  DataFile file;
  file.path = std::move(path);
  file.partition = {Value(std::int64_t{day_of_us(range.first_us)})};
  file.record_count = rows;
  file.file_bytes = rows * 100;
  for (std::int32_t id : {kCameraId, kEventTime, kPosition}) {
    file.column_bytes[id] = rows * 10;
    file.value_counts[id] = rows;
    file.null_value_counts[id] = 0;
  }
  file.lower_bounds = {{kCameraId, lower_text_bound(range.first_camera)},
                       {kEventTime, encode_value(time, Value(range.first_us))},
                       {kPosition, encode_value(position, Value(range.first_position))}};
  file.upper_bounds = {{kCameraId, *upper_text_bound(range.last_camera)},
                       {kEventTime, encode_value(time, Value(range.last_us))},
                       {kPosition, encode_value(position, Value(range.last_position))}};
  file.split_offsets = {4};
  file.sort_order_id = 1;
  return file;
}

inline ManifestEntry added(DataFile file) {
  ManifestEntry entry;
  entry.file = std::move(file);
  return entry;
}

}  // namespace freshet::archive::iceberg::test
