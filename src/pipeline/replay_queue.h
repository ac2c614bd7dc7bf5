// Batches of the journal on their way from the thread that reads and decodes them to the shard,
// when it starts. Bounded: the reader waits for the shard.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/mutex.h"
#include "common/result.h"
#include "event/position.h"
#include "log/record.h"
#include "pipeline/batch_decoder.h"

namespace freshet::pipeline {

// Consecutive records, copied out of the journal's buffers. A control record stands alone, so that
// what it switches is switched between two batches.
struct ReplayBatch {
  // The events of one stream.
  struct Part {
    StreamId stream = 0;
    std::vector<log::Record> records;
    std::unique_ptr<BatchDecoder> decoder;
  };

  std::vector<log::Record> records;  // all, in the journal's order
  std::vector<Part> parts;           // of streams with a pipeline
  bool is_decoded = false;           // else the shard decodes them itself, one by one
  std::size_t bytes = 0;

  bool is_control() const { return records.front().kind == log::RecordKind::kControl; }
  Position first() const { return records.front().position; }
  Position last() const { return records.back().position; }
  void add(log::Record record);
  Part& part_of(StreamId stream);
  // Keeps memory and decoders for the next batch.
  void clear();

 private:
  std::string_view keep(std::string_view text);
  std::vector<std::string> arenas_;
  std::size_t arena_ = 0;  // the one being filled
};

// Takes the batch, and leaves an empty one in its place.
using ReplaySink = std::function<Status(std::unique_ptr<ReplayBatch>&)>;

class ReplayQueue {
 public:
  // `batches` are in memory at once.
  explicit ReplayQueue(std::size_t batches);

  // The reader. Waits for an empty batch in exchange; an error where the shard has given up.
  Status push(std::unique_ptr<ReplayBatch>& batch);
  // The reader. Waits until the shard is through with everything pushed.
  Status drain();
  // The reader, at its end.
  void close(Status read);

  // The shard. Waits; null at the end. An error where reading failed.
  Result<std::unique_ptr<ReplayBatch>> pop();
  void give_back(std::unique_ptr<ReplayBatch> batch);
  // The shard. It takes no more; waits until the reader has closed.
  void abandon();

 private:
  static Error abandoned_error();

  const std::size_t batches_;
  Mutex mutex_;
  ConditionVariable changed_;
  std::deque<std::unique_ptr<ReplayBatch>> ready_ FRESHET_GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<ReplayBatch>> empty_ FRESHET_GUARDED_BY(mutex_);
  std::optional<Status> end_ FRESHET_GUARDED_BY(mutex_);
  bool abandoned_ FRESHET_GUARDED_BY(mutex_) = false;
};

}  // namespace freshet::pipeline
