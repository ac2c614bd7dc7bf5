// Streams over the catalog and the shards.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "catalog/catalog.h"
#include "common/mutex.h"
#include "io/clock.h"
#include "io/executor.h"
#include "pipeline/shard.h"
#include "pipeline/stream_service.h"
#include "pipeline/tables.h"

namespace freshet::pipeline {

// Makes the pipeline of a stream: null where none is configured for it.
using PipelineMaker =
    std::function<Result<std::shared_ptr<StreamPipeline>>(const catalog::StreamRow&)>;

// Where the records of a stream stand.
struct LogOfStream {
  StreamId id = 0;
  std::uint32_t journal = 0;
  log::Reader* reader = nullptr;  // as long as the streams
  // Records below it are past retention.
  std::shared_ptr<const std::atomic<std::uint64_t>> visible_from;
};

struct StreamsConfig {
  struct Keep {
    std::uint64_t bytes = 0;
    bool before_archive = false;
  };
  std::map<std::string, Keep, std::less<>> keep;  // by stream name
  std::size_t partitions_max = 1'000;             // open, of all streams together
};

// Thread-safe. Changes go catalog first, then shard: after a crash between the two the catalog is
// right.
class Streams : public StreamService {
 public:
  // All outlive this object.
  Streams(StreamsConfig config, catalog::Catalog& catalog, std::vector<Shard*> shards,
          Tables& tables, io::Clock& clock, io::Executor& readers, PipelineMaker make_pipeline);

  // Before the first call from outside: how remove() has rows archived. Without it, it refuses
  // while there are some that no file holds.
  void use_archive(std::function<Status()> flush) { flush_archive_ = std::move(flush); }
  // Before the shards start: hands every stream of the catalog to its shard.
  Status load();

  std::optional<LogOfStream> log_of(std::string_view name);

  std::optional<StreamInfo> find(std::string_view name) override;
  std::vector<std::string> list() override;
  Result<StreamInfo> create(std::string_view name, std::uint32_t partitions, StreamMode mode,
                            const std::map<std::string, std::string>& tags) override;
  // Has its rows archived first, where they are to be. kExists FRS-3435 where they cannot be now.
  Status remove(std::string_view name) override;
  Status split(std::string_view name, PartitionId partition, HashKey hash) override;
  Status merge(std::string_view name, PartitionId left, PartitionId right) override;
  Status update_partition_count(std::string_view name, std::uint32_t count) override;
  Status set_retention(std::string_view name, std::int64_t retention_us) override;
  Status set_record_bytes_max(std::string_view name, std::uint64_t bytes) override;
  Status set_mode(std::string_view name, StreamMode mode) override;
  Status set_tags(std::string_view name, const std::map<std::string, std::string>& tags) override;
  void put(StreamId stream, EventBatch batch, PutDone done) override;
  void read(StreamId stream, PartitionId partition, Position from, std::size_t records_max,
            std::size_t bytes_max, ReadDone done) override;
  Position latest(StreamId stream) override;
  Position trim_horizon(StreamId stream) override;
  Position position_at_time(StreamId stream, std::int64_t us) override;

 private:
  struct Entry {
    catalog::StreamRow row;
    Shard* shard = nullptr;
    std::shared_ptr<std::atomic<std::uint64_t>> visible_from;
    std::shared_ptr<StreamPipeline> pipeline;
  };
  using EntryPointer = std::shared_ptr<const Entry>;

  EntryPointer entry(std::string_view name);
  EntryPointer entry(StreamId id);
  void replace(EntryPointer entry);
  Shard* shard_of(StreamId id) const { return shards_[id % shards_.size()]; }
  Result<ShardStream> make_shard_stream(const catalog::StreamRow& row);
  std::size_t open_partitions();
  Status archive_rest(const Entry& entry);
  // Changes the catalog's row of a stream and then what readers see.
  Status change(std::string_view name, const std::function<Status(catalog::StreamRow&)>& edit);
  // The same with puts held back, so that `edit` knows the last position of what it closes.
  Status reshard(std::string_view name,
                 const std::function<Status(catalog::StreamRow&, Position last)>& edit);

  StreamsConfig config_;
  catalog::Catalog& catalog_;
  std::vector<Shard*> shards_;
  Tables& tables_;
  io::Clock& clock_;
  io::Executor& readers_;
  PipelineMaker make_pipeline_;
  std::function<Status()> flush_archive_;

  Mutex change_mutex_;  // one change at a time, held over catalog and shard
  Mutex mutex_;         // of the two maps, held for a lookup
  std::map<std::string, EntryPointer, std::less<>> by_name_ FRESHET_GUARDED_BY(mutex_);
  std::map<StreamId, EntryPointer> by_id_ FRESHET_GUARDED_BY(mutex_);
};

}  // namespace freshet::pipeline
