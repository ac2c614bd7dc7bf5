// Splits records that the Kinesis Producer Library packed together. The log keeps an aggregate
// whole, as Kinesis does; only the pipeline looks inside. A core: no I/O, clock or thread.
// Format: https://github.com/awslabs/amazon-kinesis-producer/blob/master/aggregation-format.md
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "common/result.h"

namespace freshet::pipeline {

// One record as the producer's user put it. The views point into the aggregate.
struct UserRecord {
  std::uint32_t index = 0;  // from 0, inside the aggregate: (position, index) names the record
  std::string_view partition_key;
  std::optional<std::string_view> explicit_hash_key;  // decimal, as written
  std::string_view data;
  // Of an aggregate that stands in the log as kPartlyErased alone: this record was erased, and its
  // camera's id is all that is left of it.
  std::optional<std::string_view> erased_camera;
};

using UserRecordVisitor = std::function<void(const UserRecord&)>;

// Cheap: false for nearly every record that is not an aggregate.
bool looks_aggregated(std::string_view data);

// True: `data` is an aggregate, and `visit` was called for each of its records, in order. False: it
// is a plain record (no magic, another checksum, not the message that it should be), and `visit`
// was not called: the Kinesis Client Library takes such bytes for an ordinary record too. An error
// (kInvalid, FRS-2590): the checksum holds, but a record names a key that the aggregate does not
// have. The client library drops such records; here none is visited, and the caller keeps the
// whole as dead.
Result<bool> visit_aggregate(std::string_view data, const UserRecordVisitor& visit);

// The aggregate without what `erased` gives a camera's id for: each of those records keeps its
// place, empty, with that id beside it in a field that the Kinesis Client Library passes over; keys
// that no other record has go too. Nothing where none of them is erased, or `data` is no aggregate.
using UserRecordEraser = std::function<std::optional<std::string>(const UserRecord&)>;
std::optional<std::string> erase_in_aggregate(std::string_view data,
                                              const UserRecordEraser& erased);

}  // namespace freshet::pipeline
