#include "pipeline/replay_queue.h"

#include <algorithm>

namespace freshet::pipeline {

// Arenas stay for the next batch: to map and zero 8 MB anew each time would cost as much as to
// read them.
std::string_view ReplayBatch::keep(std::string_view text) {
  static constexpr std::size_t kArenaBytes = 1u << 20;
  for (;; ++arena_) {
    if (arena_ == arenas_.size()) {
      arenas_.emplace_back().reserve(std::max(kArenaBytes, text.size()));
    }
    std::string& arena = arenas_[arena_];
    std::size_t at = arena.size();
    if (arena.capacity() - at < text.size()) continue;
    arena.append(text);
    return {arena.data() + at, text.size()};
  }
}

void ReplayBatch::add(log::Record record) {
  bytes += record.partition_key.size() + record.data.size();
  record.data = keep(record.data);
  record.partition_key = keep(record.partition_key);
  records.push_back(record);
}

ReplayBatch::Part& ReplayBatch::part_of(StreamId stream) {
  for (Part& part : parts) {
    if (part.stream == stream) return part;
  }
  parts.push_back({stream, {}, nullptr});
  return parts.back();
}

void ReplayBatch::clear() {
  records.clear();
  for (Part& part : parts) {
    part.records.clear();
    if (part.decoder) part.decoder->clear();
  }
  is_decoded = false;
  bytes = 0;
  for (std::string& arena : arenas_) arena.clear();
  arena_ = 0;
}

ReplayQueue::ReplayQueue(std::size_t batches) : batches_(batches) {
  // One is in the reader's hands.
  for (std::size_t i = 1; i < batches; ++i) empty_.push_back(std::make_unique<ReplayBatch>());
}

Error ReplayQueue::abandoned_error() {
  return Error(Code::kUnavailable, "the shard reads no further");
}

Status ReplayQueue::push(std::unique_ptr<ReplayBatch>& batch) {
  MutexLock lock(mutex_);
  ready_.push_back(std::move(batch));
  changed_.notify_all();
  while (empty_.empty() && !abandoned_) changed_.wait(mutex_);
  if (abandoned_) return abandoned_error();
  batch = std::move(empty_.back());
  empty_.pop_back();
  return ok();
}

Status ReplayQueue::drain() {
  MutexLock lock(mutex_);
  // All but the one in the reader's hands are back.
  while (empty_.size() + 1 < batches_ && !abandoned_) changed_.wait(mutex_);
  return abandoned_ ? Status(abandoned_error()) : ok();
}

void ReplayQueue::close(Status read) {
  MutexLock lock(mutex_);
  end_ = std::move(read);
  changed_.notify_all();
}

Result<std::unique_ptr<ReplayBatch>> ReplayQueue::pop() {
  MutexLock lock(mutex_);
  while (ready_.empty() && !end_) changed_.wait(mutex_);
  if (ready_.empty()) {
    if (!*end_) return end_->error();
    return std::unique_ptr<ReplayBatch>();
  }
  std::unique_ptr<ReplayBatch> batch = std::move(ready_.front());
  ready_.pop_front();
  return batch;
}

void ReplayQueue::give_back(std::unique_ptr<ReplayBatch> batch) {
  batch->clear();
  MutexLock lock(mutex_);
  empty_.push_back(std::move(batch));
  changed_.notify_all();
}

void ReplayQueue::abandon() {
  MutexLock lock(mutex_);
  abandoned_ = true;
  changed_.notify_all();
  while (!end_) changed_.wait(mutex_);
}

}  // namespace freshet::pipeline
