// What a door hands to the owner of a stream: records as they came, not yet looked into.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "event/position.h"

namespace freshet {

struct EventRecord {
  std::string_view partition_key;  // UTF-8, 1..256 characters
  std::string_view data;
  HashKey hash_key = 0;  // MD5 of the key, or the caller's explicit hash key
};

// The views point into `arena`, or into memory that `arena`'s owner keeps; moving the batch keeps
// them valid because the buffer behind a long string does not move, so never reserve it short.
struct EventBatch {
  std::vector<EventRecord> records;
  std::vector<std::string> arenas;  // at least 64 bytes each, so that a move keeps the address

  std::size_t data_bytes() const {
    std::size_t bytes = 0;
    for (const EventRecord& record : records)
      bytes += record.partition_key.size() + record.data.size();
    return bytes;
  }
};

}  // namespace freshet
