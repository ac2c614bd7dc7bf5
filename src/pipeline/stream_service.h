// Streams and partitions as doors use them. Two sides: the shard threads (pipeline/runner), and a
// model in memory for the doors' own tests. All members may be called from any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/result.h"
#include "event/event_batch.h"
#include "event/position.h"

namespace freshet::pipeline {

struct PartitionInfo {
  PartitionId id = 0;
  HashKey hash_first = 0;
  HashKey hash_last = kHashKeyMax;
  std::optional<PartitionId> parent;
  std::optional<PartitionId> adjacent_parent;  // of a merge
  Position first;                // every record of the partition stands at or after it
  std::optional<Position> last;  // closed: every record stands at or before it
  std::int64_t created_us = 0;
  std::int64_t closed_us = 0;
};

enum class StreamMode : std::uint8_t { kProvisioned, kOnDemand };

struct StreamInfo {
  StreamId id = 0;
  std::string name;
  std::int64_t created_us = 0;
  std::int64_t retention_us = 24ll * 3'600'000'000;
  std::uint64_t record_bytes_max = 1u << 20;
  StreamMode mode = StreamMode::kProvisioned;
  std::map<std::string, std::string> tags;
  std::vector<PartitionInfo>
      partitions;  // by id; closed ones stay until their records are past retention
};

struct PutOutcome {
  PartitionId partition = 0;
  Position position;
};
// One outcome per record, in order; or one error for them all, with nothing of the batch
// acknowledged. kThrottled: a budget is full. kUnavailable: disk full, stopping. kNotFound: the
// stream is gone.
using PutDone = std::function<void(Result<std::vector<PutOutcome>>)>;

struct StoredRecord {
  Position position;
  std::int64_t arrival_us = 0;
  std::string partition_key;
  std::string data;
};
struct StoredRecords {
  std::vector<StoredRecord> records;
  Position next;                 // where to read on
  bool closed_and_read = false;  // the partition is closed and everything was read
  std::int64_t behind_us =
      0;  // how far the last record read stands behind the newest; 0 at the end
};
using ReadDone = std::function<void(Result<StoredRecords>)>;

class StreamService {
 public:
  virtual ~StreamService() = default;

  // Answers from memory: cheap, for net threads.
  virtual std::optional<StreamInfo> find(std::string_view name) = 0;
  virtual std::vector<std::string> list() = 0;  // sorted by name

  // May wait for the catalog: never on a net thread. kExists, kNotFound, kInvalid, kThrottled
  // (limits).
  virtual Result<StreamInfo> create(std::string_view name, std::uint32_t partitions,
                                    StreamMode mode,
                                    const std::map<std::string, std::string>& tags) = 0;
  virtual Status remove(std::string_view name) = 0;
  // `hash` becomes the first key of the upper child. Ordered against puts: no record of the parent
  // comes after its last position.
  virtual Status split(std::string_view name, PartitionId partition, HashKey hash) = 0;
  virtual Status merge(std::string_view name, PartitionId left, PartitionId right) = 0;
  // Uniform: splits and merges until `count` partitions of equal range are open.
  virtual Status update_partition_count(std::string_view name, std::uint32_t count) = 0;
  virtual Status set_retention(std::string_view name, std::int64_t retention_us) = 0;
  virtual Status set_record_bytes_max(std::string_view name, std::uint64_t bytes) = 0;
  virtual Status set_mode(std::string_view name, StreamMode mode) = 0;
  virtual Status set_tags(std::string_view name,
                          const std::map<std::string, std::string>& tags) = 0;

  // Does not wait: `done` comes once, on another thread or this one, when every record is durable,
  // its row visible, or the batch failed. A full queue is kThrottled.
  virtual void put(StreamId stream, EventBatch batch, PutDone done) = 0;
  // Does not wait: reads in the background. kExpired where `from` was trimmed away.
  virtual void read(StreamId stream, PartitionId partition, Position from, std::size_t records_max,
                    std::size_t bytes_max, ReadDone done) = 0;

  // For iterators. Cheap. The next position: nothing put after this call stands before it.
  virtual Position latest(StreamId stream) = 0;
  virtual Position trim_horizon(StreamId stream) = 0;
  virtual Position position_at_time(StreamId stream, std::int64_t us) = 0;
};

}  // namespace freshet::pipeline
