#include "pipeline/streams.h"

#include <fmt/format.h>

#include <algorithm>

#include "log/reader.h"
#include "pipeline/reshard.h"

namespace freshet::pipeline {
namespace {

constexpr std::int64_t kPublishWaitUs = 5'000'000;
constexpr std::int64_t kDefaultRetentionUs = 24ll * 3'600'000'000;

StreamInfo to_info(const catalog::StreamRow& row) {
  StreamInfo info{.id = row.id,
                  .name = row.name,
                  .created_us = row.created_us,
                  .retention_us = row.retention_us,
                  .record_bytes_max = row.record_bytes_max,
                  .mode = row.on_demand ? StreamMode::kOnDemand : StreamMode::kProvisioned,
                  .tags = row.tags,
                  .partitions = {}};
  for (const catalog::PartitionRow& partition : row.partitions) {
    info.partitions.push_back({partition.id, partition.hash_first, partition.hash_last,
                               partition.parent, partition.adjacent_parent, partition.first,
                               partition.last, partition.created_us, partition.closed_us});
  }
  return info;
}

std::vector<OpenPartition> to_open(const catalog::StreamRow& row) {
  std::vector<OpenPartition> open;
  for (const catalog::PartitionRow* partition : open_partitions(row)) {
    open.push_back({partition->hash_last, partition->id});
  }
  return open;
}

Error not_found(std::string_view name) {
  return Error(Code::kNotFound, 3430,
               fmt::format("Stream {} under account 000000000000 not found.", name));
}

}  // namespace

Streams::Streams(StreamsConfig config, catalog::Catalog& catalog, std::vector<Shard*> shards,
                 Tables& tables, io::Clock& clock, io::Executor& readers,
                 PipelineMaker make_pipeline)
    : config_(std::move(config)),
      catalog_(catalog),
      shards_(std::move(shards)),
      tables_(tables),
      clock_(clock),
      readers_(readers),
      make_pipeline_(std::move(make_pipeline)) {}

Status Streams::load() {
  FRESHET_TRY(std::vector<catalog::StreamRow> rows, catalog_.streams());
  for (catalog::StreamRow& row : rows) {
    FRESHET_TRY(ShardStream stream, make_shard_stream(row));
    Shard* shard = shard_of(row.id);
    replace(std::make_shared<Entry>(
        Entry{std::move(row), shard, stream.visible_from, stream.pipeline}));
    FRESHET_TRY_STATUS(shard->add_stream(std::move(stream)));
  }
  return ok();
}

Result<ShardStream> Streams::make_shard_stream(const catalog::StreamRow& row) {
  ShardStream stream;
  stream.id = row.id;
  stream.name = row.name;
  stream.retention_us = row.retention_us;
  if (auto keep = config_.keep.find(row.name); keep != config_.keep.end()) {
    stream.keep_bytes = keep->second.bytes;
    stream.before_archive = keep->second.before_archive;
  }
  stream.partitions = to_open(row);
  stream.visible_from->store(row.visible_from.value);
  FRESHET_TRY(stream.pipeline, make_pipeline_(row));
  if (stream.pipeline) tables_.add(stream.pipeline);
  return stream;
}

Streams::EntryPointer Streams::entry(std::string_view name) {
  MutexLock lock(mutex_);
  auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second;
}

Streams::EntryPointer Streams::entry(StreamId id) {
  MutexLock lock(mutex_);
  auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : found->second;
}

void Streams::replace(EntryPointer entry) {
  MutexLock lock(mutex_);
  by_id_[entry->row.id] = entry;
  std::string name = entry->row.name;
  by_name_[name] = std::move(entry);
}

std::optional<LogOfStream> Streams::log_of(std::string_view name) {
  EntryPointer found = entry(name);
  if (!found) return std::nullopt;
  auto journal = static_cast<std::uint32_t>(found->row.id % shards_.size());
  return LogOfStream{found->row.id, journal, &found->shard->reader(), found->visible_from};
}

std::optional<StreamInfo> Streams::find(std::string_view name) {
  EntryPointer found = entry(name);
  if (!found) return std::nullopt;
  StreamInfo info = to_info(found->row);
  Position from{found->visible_from->load(std::memory_order_acquire)};
  // A closed partition whose records are all past retention is gone, as on Kinesis.
  std::erase_if(info.partitions, [&](const PartitionInfo& p) {
    return p.last && *p.last < from && p.closed_us + info.retention_us < clock_.wall_us();
  });
  return info;
}

std::vector<std::string> Streams::list() {
  MutexLock lock(mutex_);
  std::vector<std::string> names;
  for (const auto& [name, found] : by_name_) names.push_back(name);
  return names;
}

std::size_t Streams::open_partitions() {
  MutexLock lock(mutex_);
  std::size_t count = 0;
  for (const auto& [name, found] : by_name_) count += pipeline::open_partitions(found->row).size();
  return count;
}

Result<StreamInfo> Streams::create(std::string_view name, std::uint32_t partitions, StreamMode mode,
                                   const std::map<std::string, std::string>& tags) {
  MutexLock change_lock(change_mutex_);
  if (entry(name)) {
    return Error(Code::kExists, 3431,
                 fmt::format("Stream {} under account 000000000000 already exists.", name));
  }
  if (open_partitions() + partitions > config_.partitions_max) {
    return Error(
        Code::kThrottled, 3432,
        fmt::format(
            "This request would exceed the limit of {} open shards; delete streams or merge shards",
            config_.partitions_max));
  }
  std::int64_t now_us = clock_.wall_us();
  catalog::StreamRow row;
  row.name = name;
  row.created_us = now_us;
  row.retention_us = kDefaultRetentionUs;
  row.on_demand = mode == StreamMode::kOnDemand;
  row.tags = tags;
  row.partitions = equal_partitions(partitions, Position{1}, now_us);
  FRESHET_TRY(row.id, catalog_.add_stream(row));
  FRESHET_TRY(ShardStream stream, make_shard_stream(row));
  Shard* shard = shard_of(row.id);
  StreamInfo info = to_info(row);
  replace(
      std::make_shared<Entry>(Entry{std::move(row), shard, stream.visible_from, stream.pipeline}));
  Status added;
  shard->call([&] { added = shard->add_stream(std::move(stream)); });
  FRESHET_TRY_STATUS(std::move(added));
  return info;
}

// Rows that no file holds would be gone with the stream. Puts wait meanwhile.
Status Streams::archive_rest(const Entry& entry) {
  Position last;
  entry.shard->call([&] { last = entry.shard->pause(entry.row.id); });
  StreamTables& tables = *entry.pipeline->tables();
  auto is_archived = [&] {
    Position archived = tables.archived();
    if (archived >= last) return true;
    for (const auto& [table, rows] : tables.cut().tables) {
      if (first_row_at(rows, Position{archived.value + 1}) < rows.end()) return false;
    }
    return true;
  };
  Status flushed = ok();
  if (!tables.wait_for(last, kPublishWaitUs)) {
    flushed = Error(Code::kTimeout, 3436, "its last records are still on their way");
  } else if (!is_archived() && flush_archive_) {
    flushed = flush_archive_();
  }
  if (flushed && is_archived()) return ok();
  entry.shard->call([&] { entry.shard->resume(entry.row.id); });
  return Error(Code::kExists, 3435,
               fmt::format("stream {} has rows that are not archived and would be lost with it{}; "
                           "delete it again when the archive has them, or set "
                           "streams.{}.keep.before_archive = true to let them go",
                           entry.row.name, flushed ? "" : " (" + flushed.error().to_string() + ")",
                           entry.row.name));
}

Status Streams::remove(std::string_view name) {
  MutexLock change_lock(change_mutex_);
  EntryPointer found = entry(name);
  if (!found) return not_found(name);
  FRESHET_TRY(auto holds, catalog_.holds());
  for (const catalog::HoldRow& hold : holds) {
    if (hold.lifted_us != 0) continue;
    return Error(Code::kInvalid, 3442,
                 fmt::format("hold \"{}\" is in force, and the stream may have what it covers; "
                             "lift it first: freshet hold lift",
                             hold.name));
  }
  auto keep = config_.keep.find(name);
  bool may_lose = keep != config_.keep.end() && keep->second.before_archive;
  if (found->pipeline && found->pipeline->settings().archived && !may_lose)
    FRESHET_TRY_STATUS(archive_rest(*found));
  FRESHET_TRY_STATUS(catalog_.remove_stream(found->row.id));
  {
    MutexLock lock(mutex_);
    by_name_.erase(found->row.name);
    by_id_.erase(found->row.id);
  }
  if (found->pipeline) tables_.remove(*found->pipeline);
  found->shard->call([&] { found->shard->remove_stream(found->row.id); });
  return ok();
}

Status Streams::change(std::string_view name,
                       const std::function<Status(catalog::StreamRow&)>& edit) {
  MutexLock change_lock(change_mutex_);
  EntryPointer found = entry(name);
  if (!found) return not_found(name);
  auto changed = std::make_shared<Entry>(*found);
  FRESHET_TRY_STATUS(edit(changed->row));
  FRESHET_TRY_STATUS(catalog_.update_stream(changed->row));
  Shard* shard = changed->shard;
  shard->call([&] {
    ShardStream* stream = shard->find_stream(changed->row.id);
    if (stream != nullptr) stream->retention_us = changed->row.retention_us;
  });
  replace(std::move(changed));
  return ok();
}

Status Streams::reshard(std::string_view name,
                        const std::function<Status(catalog::StreamRow&, Position last)>& edit) {
  MutexLock change_lock(change_mutex_);
  EntryPointer found = entry(name);
  if (!found) return not_found(name);
  auto changed = std::make_shared<Entry>(*found);
  Shard* shard = found->shard;
  StreamId id = found->row.id;
  Position last;
  shard->call([&] { last = shard->pause(id); });
  Status status = edit(changed->row, last);
  if (status) status = catalog_.update_stream(changed->row);
  shard->call([&] {
    ShardStream* stream = shard->find_stream(id);
    if (status && stream != nullptr) stream->partitions = to_open(changed->row);
    shard->resume(id);
  });
  if (status) replace(std::move(changed));
  return status;
}

Status Streams::split(std::string_view name, PartitionId partition, HashKey hash) {
  return reshard(name, [&](catalog::StreamRow& row, Position last) {
    return split_partition(row, partition, hash, last, clock_.wall_us());
  });
}

Status Streams::merge(std::string_view name, PartitionId left, PartitionId right) {
  return reshard(name, [&](catalog::StreamRow& row, Position last) {
    return merge_partitions(row, left, right, last, clock_.wall_us());
  });
}

Status Streams::update_partition_count(std::string_view name, std::uint32_t count) {
  return reshard(name, [&](catalog::StreamRow& row, Position last) {
    return resize_partitions(row, count, last, clock_.wall_us());
  });
}

Status Streams::set_retention(std::string_view name, std::int64_t retention_us) {
  return change(name, [&](catalog::StreamRow& row) {
    row.retention_us = retention_us;
    return ok();
  });
}

Status Streams::set_record_bytes_max(std::string_view name, std::uint64_t bytes) {
  return change(name, [&](catalog::StreamRow& row) {
    row.record_bytes_max = bytes;
    return ok();
  });
}

Status Streams::set_mode(std::string_view name, StreamMode mode) {
  return change(name, [&](catalog::StreamRow& row) {
    row.on_demand = mode == StreamMode::kOnDemand;
    return ok();
  });
}

Status Streams::set_tags(std::string_view name, const std::map<std::string, std::string>& tags) {
  return change(name, [&](catalog::StreamRow& row) {
    row.tags = tags;
    return ok();
  });
}

void Streams::put(StreamId stream, EventBatch batch, PutDone done) {
  shard_of(stream)->post_put(stream, std::move(batch), std::move(done));
}

void Streams::read(StreamId stream, PartitionId partition, Position from, std::size_t records_max,
                   std::size_t bytes_max, ReadDone done) {
  EntryPointer found = entry(stream);
  if (!found) return done(Error(Code::kNotFound, 3430, "the stream was deleted"));
  auto work = [this, found, partition, from, records_max, bytes_max, done] {
    Position visible_from{found->visible_from->load(std::memory_order_acquire)};
    if (from < visible_from) {
      return done(Error(Code::kExpired, 3433, "the position is past the stream's retention"));
    }
    StoredRecords stored;
    log::ReadLimits limits{.records_max = records_max, .bytes_max = bytes_max};
    auto read = found->shard->reader().read(
        found->row.id, partition, from, Position{~std::uint64_t{0}}, limits,
        [&](const log::Record& record) {
          if (record.kind == log::RecordKind::kErased) return ok();
          stored.records.push_back({record.position, record.arrival_us,
                                    std::string(record.partition_key), std::string(record.data)});
          return ok();
        });
    if (!read) return done(std::move(read).error());
    stored.next = read->next;
    // The newest row of the catalog says whether the partition has been closed meanwhile.
    EntryPointer now = entry(found->row.id);
    for (const catalog::PartitionRow& row : (now ? now : found)->row.partitions) {
      if (row.id == partition && row.last) {
        stored.closed_and_read = (read->at_end && found->shard->reader().durable() >= *row.last) ||
                                 read->next > *row.last;
      }
    }
    if (!read->at_end && !stored.records.empty()) {
      stored.behind_us =
          std::max<std::int64_t>(1'000, clock_.wall_us() - stored.records.back().arrival_us);
    }
    done(std::move(stored));
  };
  if (!readers_.post(std::move(work))) {
    done(Error(Code::kThrottled, 3434,
               "too many reads are waiting; send the request again a little later"));
  }
}

Position Streams::latest(StreamId stream) {
  return shard_of(stream)->next_position();
}

Position Streams::trim_horizon(StreamId stream) {
  EntryPointer found = entry(stream);
  if (!found) return Position{};
  return std::max(Position{found->visible_from->load(std::memory_order_acquire)},
                  found->shard->reader().first_position());
}

Position Streams::position_at_time(StreamId stream, std::int64_t us) {
  return std::max(trim_horizon(stream), shard_of(stream)->reader().position_at_time(us));
}

}  // namespace freshet::pipeline
