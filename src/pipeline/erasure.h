// Which events an erasure is about, and what stands in their place. A core: no I/O.
//
// An erased id must not come back with a late retry, and yet must stand in no file: what is kept of
// it is a digest under a key of the data directory's own.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "catalog/catalog.h"
#include "common/result.h"
#include "event/column_batch.h"
#include "event/position.h"
#include "log/erase.h"
#include "log/record.h"
#include "pipeline/decode.h"

namespace freshet::pipeline {

// SipHash-2-4 with 128 bits of an id's 16 bytes, under a key of 16.
EventId digest_of(EventId id, std::string_view key);

// Ids that only their digests are known of.
class ErasedIds {
 public:
  static constexpr std::size_t kDigestBytes = 16;
  explicit ErasedIds(std::string key) : key_(std::move(key)) {}

  void add(EventId id) { digests_.insert(digest_of(id, key_)); }
  void add_digests(std::string_view digests);  // as digests() gave them
  bool contains(EventId id) const { return !empty() && digests_.contains(digest_of(id, key_)); }
  bool empty() const { return digests_.empty(); }
  std::size_t size() const { return digests_.size(); }
  std::string digests() const;

 private:
  struct Hash {
    std::size_t operator()(EventId digest) const { return digest.low; }
  };
  std::string key_;
  std::unordered_set<EventId, Hash> digests_;
};

struct ErasedRange {
  std::string camera_id;
  std::int64_t from_us = 0, to_us = 0;  // of event times; `to_us` is outside
  bool covers(std::string_view camera, std::int64_t time_us) const {
    return camera == camera_id && time_us >= from_us && time_us < to_us;
  }
};

// Never changes while anybody uses it.
struct ErasureRules {
  explicit ErasureRules(std::string key) : ids(std::move(key)) {}
  std::vector<ErasedRange> ranges;
  ErasedIds ids;

  bool empty() const { return ranges.empty() && ids.empty(); }
  void add(const catalog::ErasureRow& row);
};

// Does the text hold one of the ids, as a UUID is written?
bool mentions(std::string_view text, const ErasedIds& ids);

// What an event says of itself, as far as it can be read.
struct JudgedEvent {
  bool is_erased = false;
  bool by_range = false;
  std::optional<EventId> id;
  std::string_view camera_id;  // until the next call
  std::int64_t time_us = 0;    // of the event; of its arrival where it does not say
};

// One thread. `rules` must outlive it.
class Eraser {
 public:
  Eraser(const DecodeConfig& config, const ErasureRules& rules);
  JudgedEvent judge(std::string_view json, std::int64_t arrival_us);
  // What stands in the record's place; nothing where it stays as it is. `each`, where given, is
  // told of every event that goes.
  using EachErased = std::function<void(const JudgedEvent&, std::string_view json)>;
  std::optional<log::ErasedRecord> erase(const log::Record& record, const EachErased& each = {});
  // Tells of the record's events that go, and nothing else.
  void look(const log::Record& record, const EachErased& each);
  // The same question about a row of a table's files: of the events' own, $dead or $dupes.
  bool judge_row(std::string_view table, std::optional<std::string_view> id,
                 std::optional<std::string_view> camera, std::optional<std::int64_t> time_us,
                 std::optional<std::string_view> raw);

 private:
  const ErasureRules& rules_;
  Decoder decoder_;
  ColumnBatch rows_;
};

// A hold that an event falls under; null where there is none.
const catalog::HoldRow* hold_on(const std::vector<catalog::HoldRow>& holds,
                                std::string_view camera_id, std::int64_t time_us,
                                std::optional<EventId> digest);

}  // namespace freshet::pipeline
