// Streams in memory, for the tests of this door alone: what StreamService promises, with one thread
// and no disk. Puts and reads can be held back or made to fail.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "io/clock.h"
#include "pipeline/stream_service.h"

namespace freshet::kinesis {

class MemoryStreams : public pipeline::StreamService {
 public:
  explicit MemoryStreams(io::Clock& clock) : clock_(clock) {}

  std::optional<Error> put_failure;      // every put fails with it
  std::optional<Error> control_failure;  // so does every call that changes a stream
  // Puts wait here until the test runs them, where set.
  std::deque<std::function<void()>>* held = nullptr;
  std::vector<EventBatch> seen;  // every batch that came, as it came
  std::function<void()> before_read;

  std::optional<pipeline::StreamInfo> find(std::string_view name) override {
    Stream* stream = stream_named(name);
    if (stream == nullptr) return std::nullopt;
    return stream->info;
  }
  std::vector<std::string> list() override {
    std::vector<std::string> names;
    for (const auto& [name, stream] : streams_) names.push_back(name);
    return names;
  }

  Result<pipeline::StreamInfo> create(std::string_view name, std::uint32_t partitions,
                                      pipeline::StreamMode mode,
                                      const std::map<std::string, std::string>& tags) override {
    if (control_failure) return *control_failure;
    if (stream_named(name) != nullptr) return Error(Code::kExists, "exists");
    Stream stream;
    stream.info.id = next_stream_++;
    stream.info.name = name;
    stream.info.created_us = clock_.wall_us();
    stream.info.mode = mode;
    stream.info.tags = tags;
    for (const auto& [first, last] : equal_ranges(partitions)) add(stream, first, last);
    return streams_.emplace(std::string(name), std::move(stream)).first->second.info;
  }
  Status remove(std::string_view name) override {
    if (control_failure) return *control_failure;
    streams_.erase(std::string(name));
    return ok();
  }
  Status split(std::string_view name, PartitionId id, HashKey hash) override {
    if (control_failure) return *control_failure;
    Stream& stream = *stream_named(name);
    pipeline::PartitionInfo parent = close(stream, id);
    add(stream, parent.hash_first, hash - 1, id);
    add(stream, hash, parent.hash_last, id);
    return ok();
  }
  Status merge(std::string_view name, PartitionId left, PartitionId right) override {
    if (control_failure) return *control_failure;
    Stream& stream = *stream_named(name);
    pipeline::PartitionInfo lower = close(stream, left);
    pipeline::PartitionInfo upper = close(stream, right);
    add(stream, lower.hash_first, upper.hash_last, left, right);
    return ok();
  }
  Status update_partition_count(std::string_view name, std::uint32_t count) override {
    if (control_failure) return *control_failure;
    Stream& stream = *stream_named(name);
    PartitionId parent = 0;
    std::vector<PartitionId> open;
    for (const auto& partition : stream.info.partitions) {
      if (!partition.last) open.push_back(partition.id);
    }
    for (PartitionId id : open) parent = close(stream, id).id;
    for (const auto& [first, last] : equal_ranges(count)) add(stream, first, last, parent);
    return ok();
  }
  Status set_retention(std::string_view name, std::int64_t us) override {
    return change(name, [&](pipeline::StreamInfo& info) { info.retention_us = us; });
  }
  Status set_record_bytes_max(std::string_view name, std::uint64_t bytes) override {
    return change(name, [&](pipeline::StreamInfo& info) { info.record_bytes_max = bytes; });
  }
  Status set_mode(std::string_view name, pipeline::StreamMode mode) override {
    return change(name, [&](pipeline::StreamInfo& info) { info.mode = mode; });
  }
  Status set_tags(std::string_view name, const std::map<std::string, std::string>& tags) override {
    return change(name, [&](pipeline::StreamInfo& info) { info.tags = tags; });
  }

  void put(StreamId id, EventBatch batch, pipeline::PutDone done) override {
    if (put_failure) return done(*put_failure);
    Stream* stream = stream_of(id);
    if (stream == nullptr) return done(Error(Code::kNotFound, "the stream is gone"));
    std::vector<pipeline::PutOutcome> outcomes;
    for (const EventRecord& record : batch.records) {
      pipeline::PutOutcome outcome{partition_of(*stream, record.hash_key), take_position()};
      stream->records.push_back({outcome.partition,
                                 {outcome.position, clock_.wall_us(),
                                  std::string(record.partition_key), std::string(record.data)}});
      outcomes.push_back(outcome);
    }
    seen.push_back(std::move(batch));
    if (held == nullptr) return done(std::move(outcomes));
    held->push_back([done, outcomes] { done(outcomes); });
  }

  void read(StreamId id, PartitionId partition, Position from, std::size_t records_max,
            std::size_t bytes_max, pipeline::ReadDone done) override {
    if (before_read) before_read();
    Stream* stream = stream_of(id);
    if (stream == nullptr) return done(Error(Code::kNotFound, "the stream is gone"));
    if (from < stream->horizon) return done(Error(Code::kExpired, "trimmed"));
    pipeline::StoredRecords read;
    read.next = std::max(from, next_);
    std::size_t bytes = 0;
    std::int64_t newest_us = 0;
    bool cut = false;
    for (const auto& [owner, record] : stream->records) {
      if (owner != partition || record.position < from) continue;
      newest_us = record.arrival_us;
      std::size_t size = record.partition_key.size() + record.data.size();
      bool fits = read.records.empty() || bytes + size <= bytes_max;
      if (!cut && (read.records.size() == records_max || !fits)) {
        cut = true;
        read.next = record.position;
      }
      if (cut) continue;
      bytes += size;
      read.records.push_back(record);
    }
    if (cut) read.behind_us = newest_us - read.records.back().arrival_us;
    for (const auto& info : stream->info.partitions) {
      if (info.id == partition) read.closed_and_read = !cut && info.last.has_value();
    }
    done(std::move(read));
  }

  Position latest(StreamId) override { return next_; }
  Position trim_horizon(StreamId id) override { return stream_of(id)->horizon; }
  Position position_at_time(StreamId id, std::int64_t us) override {
    for (const auto& [owner, record] : stream_of(id)->records) {
      if (record.arrival_us >= us) return record.position;
    }
    return next_;
  }

  // Retention passes: everything below `horizon` is gone.
  void trim(std::string_view name, Position horizon) {
    Stream& stream = *stream_named(name);
    stream.horizon = horizon;
    std::erase_if(stream.records, [&](const auto& r) { return r.second.position < horizon; });
  }
  Position next_position() const { return next_; }

 private:
  struct Stream {
    pipeline::StreamInfo info;
    Position horizon;
    std::vector<std::pair<PartitionId, pipeline::StoredRecord>> records;
  };

  Stream* stream_named(std::string_view name) {
    auto found = streams_.find(std::string(name));
    return found == streams_.end() ? nullptr : &found->second;
  }
  Stream* stream_of(StreamId id) {
    for (auto& [name, stream] : streams_) {
      if (stream.info.id == id) return &stream;
    }
    return nullptr;
  }
  template <typename Change>
  Status change(std::string_view name, Change apply) {
    if (control_failure) return *control_failure;
    apply(stream_named(name)->info);
    return ok();
  }
  Position take_position() {
    Position position = next_;
    next_.value += 3;  // positions have gaps
    return position;
  }
  static std::vector<std::pair<HashKey, HashKey>> equal_ranges(std::uint32_t count) {
    std::vector<std::pair<HashKey, HashKey>> ranges;
    HashKey width = kHashKeyMax / count;
    for (std::uint32_t i = 0; i < count; ++i) {
      HashKey last = i + 1 == count ? kHashKeyMax : width * (i + 1) - 1;
      ranges.emplace_back(width * i, last);
    }
    return ranges;
  }
  void add(Stream& stream, HashKey first, HashKey last,
           std::optional<PartitionId> parent = std::nullopt,
           std::optional<PartitionId> adjacent = std::nullopt) {
    pipeline::PartitionInfo partition;
    partition.id = static_cast<PartitionId>(stream.info.partitions.size());
    partition.hash_first = first;
    partition.hash_last = last;
    partition.parent = parent;
    partition.adjacent_parent = adjacent;
    partition.first = take_position();
    partition.created_us = clock_.wall_us();
    stream.info.partitions.push_back(partition);
  }
  pipeline::PartitionInfo close(Stream& stream, PartitionId id) {
    pipeline::PartitionInfo& partition = stream.info.partitions.at(id);
    partition.last = take_position();
    partition.closed_us = clock_.wall_us();
    return partition;
  }
  static PartitionId partition_of(const Stream& stream, HashKey hash) {
    for (const auto& partition : stream.info.partitions) {
      if (!partition.last && partition.hash_first <= hash && hash <= partition.hash_last) {
        return partition.id;
      }
    }
    FRESHET_CHECK(false);
    return 0;
  }

  io::Clock& clock_;
  std::map<std::string, Stream> streams_;
  StreamId next_stream_ = 1;
  Position next_{100};
};

}  // namespace freshet::kinesis
