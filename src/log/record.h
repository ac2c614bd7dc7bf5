// A record of the log, and a block of them, as readers see them.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "common/result.h"
#include "event/position.h"

namespace freshet::log {

enum class RecordKind : std::uint8_t {
  kData = 0,     // what a client put
  kControl = 1,  // a decision of ours that replay must repeat: a reference table's switch, …
  // What a client put and an erasure took away: its data is the camera's id, or nothing.
  kErased = 2,
  // A KPL aggregate of which some records are erased; the pipeline's aggregate.h knows how.
  kPartlyErased = 3,
};

struct Record {
  StreamId stream = 0;
  PartitionId partition = 0;
  RecordKind kind = RecordKind::kData;
  Position position;
  std::int64_t arrival_us = 0;  // never runs backwards within a journal
  std::string_view partition_key;
  std::string_view data;
};

// Views point into the block's memory and live as long as the call that hands the record out.
using RecordVisitor = std::function<Status(const Record&)>;

}  // namespace freshet::log
