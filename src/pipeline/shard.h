// A shard: one thread that alone owns a journal, the streams that are written to it, and their
// pipelines.
//
// A turn (step) takes what callers posted, appends it to the open block, submits the block, and
// while the disk works runs the pipelines over the same records. When the block is durable its rows
// become visible and only then its callers are answered. Others talk to a shard through post_put()
// and call().
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "common/mutex.h"
#include "common/result.h"
#include "event/event_batch.h"
#include "io/clock.h"
#include "io/write_queue.h"
#include "log/journal.h"
#include "pipeline/checkpoint_store.h"
#include "pipeline/crash_marker.h"
#include "pipeline/erasure.h"
#include "pipeline/log_clock.h"
#include "pipeline/replay_queue.h"
#include "pipeline/stream_pipeline.h"
#include "pipeline/stream_service.h"

namespace freshet::pipeline {

// An open partition and the last hash key of its range.
struct OpenPartition {
  HashKey hash_last = kHashKeyMax;
  PartitionId id = 0;
};

// What a shard knows of a stream.
struct ShardStream {
  StreamId id = 0;
  std::string name;
  std::int64_t retention_us = 0;
  std::uint64_t keep_bytes = 0;           // 0: no limit of its own
  bool before_archive = false;            // records and rows may go that no file holds yet
  std::vector<OpenPartition> partitions;  // by hash_last: together they cover every hash key
  // Null where the stream feeds no table. Shared: a reader may hold it when the stream is deleted.
  std::shared_ptr<StreamPipeline> pipeline;
  // Records below it are past retention. Written by the shard, read by all.
  std::shared_ptr<std::atomic<std::uint64_t>> visible_from =
      std::make_shared<std::atomic<std::uint64_t>>(0);
};

struct ShardConfig {
  std::uint64_t queue_bytes_max = 64ull << 20;  // of requests accepted and not yet in a block
  std::int64_t idle_watermark_us =
      25'000;                          // idle so long: a block that says the last one is durable
  std::int64_t upkeep_us = 1'000'000;  // between two looks at retention and segments
  std::size_t replay_batch_records = 2'048;
  std::uint64_t segment_bytes = 256ull << 20;  // as the journal's
  std::uint64_t disk_bytes_max = ~0ull;        // of the journal's segments and checkpoints
  // Records between two checkpoints: about so many a start reads again at most.
  std::uint64_t checkpoint_records = 3'000'000;
  // What was erased does not come in again. `decode` tells what an event says of itself.
  std::shared_ptr<const ErasureRules> erasures = nullptr;
  DecodeConfig decode = {};
  // Nothing that arrived since may expire; null: there are no holds. Written by others.
  const std::atomic<std::int64_t>* held_from_us = nullptr;
  bool plant_early_answers =
      false;  // wrong on purpose, for the simulation: answers before the sync
};

// A control record's text: "reference", table name and version, a line each.
struct ReferenceSwitch {
  std::string table;
  std::uint32_t version = 0;
  std::string to_text() const;
  static Result<ReferenceSwitch> from_text(std::string_view text);
};

using ReferenceLoader =
    std::function<Result<std::shared_ptr<const ReferenceTable>>(std::uint32_t version)>;

enum class ReplayThreads : std::uint8_t { kOne, kThree };

// Where a shard keeps its checkpoints, and who writes them.
struct ShardCheckpoints {
  std::shared_ptr<CheckpointStore> store;  // shared with the task that writes
  io::Executor& background;
  io::Disk& disk;
};

class Shard {
 public:
  // All outlive the shard. `marker` may be null.
  Shard(const ShardConfig& config, std::unique_ptr<log::Journal> journal, io::WriteQueue& queue,
        io::Clock& clock, CrashMarker* marker);
  ~Shard();  // stop()

  // Before add_stream(). Without it there are none, and a start reads the whole journal.
  void use_checkpoints(ShardCheckpoints checkpoints);
  // Before start(): the streams as the catalog has them, with pipelines; then, where there is a
  // checkpoint, its state; then everything behind it in the journal goes through them again. `load`
  // fetches the reference versions that the log switched to. With kThree the journal is read on one
  // thread and its events decoded on another, while this one goes on with what was decoded before;
  // the rows are the same.
  Status add_stream(ShardStream stream);
  // The streams' plans are those of the checkpoint? What is not said is why not.
  Status can_restore(const Checkpoint& checkpoint) const;
  // After the references in force have been set. An error leaves a shard that is of no use.
  Status restore(const Checkpoint& checkpoint);
  Status replay(const ReferenceLoader& load, ReplayThreads threads);

  // The reference switches that replay met, by position.
  const std::vector<std::pair<Position, ReferenceSwitch>>& replayed_switches() const {
    return replayed_switches_;
  }

  void start(const std::string& thread_name);
  // Answers what was accepted, makes it durable, ends the thread. Idempotent.
  void stop();
  // One turn: what the thread does again and again, and what simulation calls instead.
  void step(std::int64_t timeout_us);
  bool is_idle() const;  // nothing posted, open or in flight; for simulation

  // Any thread. Never waits. A full queue, and a shard that stops, answer at once.
  void post_put(StreamId stream, EventBatch batch, PutDone done);
  // Any thread but the shard's: runs `work` in the shard's turn and waits for it.
  void call(std::function<void()> work);

  // The shard's thread alone (through call()).
  ShardStream* find_stream(StreamId id);
  void remove_stream(StreamId id);
  // Puts to the stream wait until resume(); gives the last position that any of its records has.
  Position pause(StreamId id);
  void resume(StreamId id);
  // Appends the control record; `done` comes when it is durable and in force.
  void switch_reference(const ReferenceSwitch& change, std::shared_ptr<const ReferenceTable> table,
                        std::function<void(Result<Position>)> done);
  // The reference in force at the first record that replay will see: not in the log any more.
  Status set_reference(const std::shared_ptr<const ReferenceTable>& table,
                       const ReferenceInForce& reference);

  // Any thread.
  log::Reader& reader() { return journal_->reader(); }
  Position next_position() const {
    return Position{next_position_.load(std::memory_order_acquire)};
  }
  const log::Recovery& recovery() const { return journal_->recovery(); }
  bool can_write() const { return !failed_.load(std::memory_order_acquire); }

 private:
  struct Put {
    StreamId stream = 0;
    EventBatch batch;
    PutDone done;
    std::int64_t posted_ns = 0;
    std::uint64_t bytes = 0;
    // Of its first records, which are in the log already: it waits for a segment with the others.
    std::vector<PutOutcome> outcomes;
  };
  struct Ack {
    PutDone done;
    std::vector<PutOutcome> outcomes;
    std::int64_t posted_ns = 0;
  };
  struct SwitchAck {
    Position position;
    std::function<void(Result<Position>)> done;
  };
  struct Block {  // submitted, not yet durable
    Position last;
    std::int64_t arrival_us = 0;
    std::uint64_t records = 0;
    std::vector<std::pair<std::shared_ptr<StreamTables>, PublishPoint>> points;
    std::vector<Ack> acks;
    std::vector<SwitchAck> switches;
  };
  struct StreamRuntime {
    ShardStream stream;
    bool paused = false;
    std::deque<Put> deferred;
    std::deque<ByteSample> samples;
    std::int64_t visible_from_us = 0;  // no visible record arrived before
    std::uint64_t bytes = 0;
    bool is_full = false;            // keep_bytes is reached by what is not archived
    bool loses_unarchived = false;   // by keep.before_archive
    std::vector<log::Record> batch;  // of the block in hand
    std::unique_ptr<Eraser> eraser;  // null where there is nothing to look for
  };

  // A checkpoint that the background writes. Shared with it.
  struct CheckpointWork {
    std::atomic<bool> cancelled{false};
    std::atomic<bool> finished{false};  // `result` may be read
    std::optional<Result<Checkpoint>> result;
    std::vector<std::pair<StreamId, std::uint64_t>> holds;  // of dedup's runs
  };

  void run();
  bool may_submit() const { return journal_->can_submit() && !checkpoint_is_due(); }
  bool checkpoint_is_due() const;
  bool memory_is_tight() const;
  void begin_checkpoint();
  void end_checkpoint();
  void release_holds(const CheckpointWork& work);
  void leave_memory(const Checkpoint& checkpoint);
  void stop_checkpoint();
  void take_inbox();
  void admit_puts();
  bool admit(Put& put);
  Status append_put(StreamRuntime& runtime, Put& put);
  Result<Position> append_record(StreamRuntime& runtime, const EventRecord& record,
                                 PartitionId partition, std::int64_t now_us);
  void refuse(Put& put, Error error);
  PartitionId route(const ShardStream& stream, HashKey hash) const;
  void submit_block();
  Status process_block_records(const std::vector<log::Record>& records, Block& block);
  Status flush_batches();
  void add_publish_points(Block& block);
  Status read_journal(const ReplaySink& sink);
  Status replay_here(const ReferenceLoader& load);
  Status replay_ahead(const ReferenceLoader& load);
  Status decode_all(ReplayQueue& read, ReplayQueue& decoded);
  Status take_all(ReplayQueue& decoded, const ReferenceLoader& load);
  bool decode_ahead(ReplayBatch& batch);
  Status take_replayed(ReplayBatch& batch, const ReferenceLoader& load);
  Status take_decoded(ReplayBatch& batch);
  void trim_replayed();
  bool must_go_alone(Position first, Position last, std::size_t count);
  void reap(std::int64_t timeout_us);
  void publish_durable();
  void note_bytes(StreamRuntime& runtime, const log::Record& record);
  void apply_reference_record(const log::Record& record);
  void prepare_segments();
  void upkeep();
  // `decided_us`: dedup has decided everything up to that log time.
  void trim_stream(StreamRuntime& runtime, std::int64_t now_us, std::int64_t decided_us);
  static Position may_go_up_to(const ShardStream& stream);
  static bool is_above_limit(const StreamRuntime& runtime);
  static bool is_full(const StreamRuntime& runtime);
  void set_full(StreamRuntime& runtime, bool is_full);
  void note_unarchived(StreamRuntime& runtime, Position from, Position archived);
  void fail(const Error& error);
  void answer_all(const Error& error);
  std::int64_t wait_us() const;

  ShardConfig config_;
  std::unique_ptr<log::Journal> journal_;
  io::WriteQueue& queue_;
  io::Clock& clock_;
  LogClock log_clock_;
  CrashMarker* marker_;
  std::optional<CrashMarker::Found> suspects_;  // records among which one ended the last process
  std::uint64_t alone_left_ = 0;                // further records to be processed one by one

  std::map<StreamId, std::unique_ptr<StreamRuntime>> streams_;
  std::deque<Put> pending_;
  std::vector<Ack> open_acks_;
  std::vector<SwitchAck> open_switches_;
  std::deque<Block> in_flight_;
  std::map<std::uint32_t, std::shared_ptr<const ReferenceTable>>
      references_;  // by version, as switched to
  struct InForce {
    ReferenceInForce reference;
    std::shared_ptr<const ReferenceTable> table;
  };
  std::map<std::string, InForce> in_force_;  // by table
  std::vector<std::pair<Position, ReferenceSwitch>> replayed_switches_;
  std::optional<ShardCheckpoints> checkpoints_;
  std::shared_ptr<CheckpointWork> checkpoint_work_;  // null where none is being written
  std::deque<std::shared_ptr<CheckpointWork>> checkpoints_kept_;
  Position published_;                  // of the last record whose block is published
  std::int64_t published_us_ = 0;       // when it arrived
  std::uint64_t since_checkpoint_ = 0;  // records published since
  bool was_throttled_ = false;          // a put, since then, for want of memory
  std::uint64_t replayed_batches_ = 0;
  std::vector<io::Completion> completions_;
  std::vector<log::Record> records_;
  bool watermark_due_ = false;
  std::int64_t idle_since_ns_ = 0;
  std::int64_t next_upkeep_ns_ = 0;
  bool no_space_said_ = false;
  bool waits_for_segment_ = false;
  std::atomic<std::uint64_t> next_position_{1};
  std::atomic<bool> failed_{false};

  Mutex inbox_mutex_;
  std::vector<Put> inbox_puts_ FRESHET_GUARDED_BY(inbox_mutex_);
  std::vector<std::function<void()>> inbox_calls_ FRESHET_GUARDED_BY(inbox_mutex_);
  bool stopping_ FRESHET_GUARDED_BY(inbox_mutex_) = false;
  std::atomic<std::uint64_t> queued_bytes_{0};  // posted, not yet in a block
  std::vector<Put> taken_puts_;
  std::vector<std::function<void()>> taken_calls_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace freshet::pipeline
