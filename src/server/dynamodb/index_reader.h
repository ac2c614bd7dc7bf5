// Rows of one key in the order of (time, row), oldest or newest first.
//
// Chunks are taken in the order of the best time that they may hold, and a chunk that cannot better
// the rows found so far ends the search: "the newest 10" looks into one chunk or two, however many
// there are. Inside a chunk the key's chain leads to its rows.
#pragma once

#include <compare>
#include <optional>
#include <string_view>
#include <vector>

#include "hot/table.h"
#include "server/dynamodb/time_range.h"

namespace freshet::dynamodb {

// A place in an index.
struct IndexEntry {
  std::int64_t time_us = 0;
  hot::RowNumber row = 0;
  friend auto operator<=>(const IndexEntry&, const IndexEntry&) = default;
};

struct IndexRead {
  std::size_t key_column = 0;
  std::size_t time_column = 0;
  std::string_view key;
  TimeRange times;
  bool forward = true;              // oldest first
  std::optional<IndexEntry> after;  // only what comes behind it, in the direction of reading
};

// The first `limit` entries, in order. Fewer only where there are no more.
std::vector<IndexEntry> read_index(const hot::Snapshot& snapshot, const IndexRead& read,
                                   std::size_t limit);

}  // namespace freshet::dynamodb
