// The folder of a journal's checkpoints, DIR/checkpoint/journal-N: manifests, chunk files, ids.
//
// One call at a time: a start loads, then the background writes. The two newest checkpoints are
// kept; what none of them names is removed.
#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "common/result.h"
#include "dedup/dedup.h"
#include "hot/table.h"
#include "io/disk.h"
#include "io/executor.h"
#include "pipeline/checkpoint.h"
#include "pipeline/stream_pipeline.h"

namespace freshet::pipeline {

// A checkpoint that is not on disk yet: what stands in memory, and does not change any more.
struct CheckpointDraft {
  struct Stream {
    // Null where the stream has no pipeline. Keeps alive what the chunks need.
    std::shared_ptr<StreamPipeline> pipeline;
    std::optional<StreamPipeline::Sealed> sealed;
  };
  Checkpoint checkpoint;        // without files
  std::vector<Stream> streams;  // as in `checkpoint`
};

class CheckpointStore {
 public:
  // `disk` outlives it.
  CheckpointStore(io::Disk& disk, std::string folder, std::uint64_t data_directory_id,
                  std::uint32_t journal)
      : disk_(disk),
        folder_(std::move(folder)),
        data_directory_id_(data_directory_id),
        journal_(journal) {}

  const std::string& folder() const { return folder_; }

  // The newest checkpoint whose every byte is right and whose position is at most `last`; bad and
  // foreign ones are removed, each with a warning. All files are read, `helpers` beside this
  // thread.
  Result<std::optional<Checkpoint>> load(Position last, io::Executor& helpers);
  // Begins anew: nothing in the folder will be used.
  Status clear();
  // It could not be restored: the next load() gives the one before it.
  Status remove(Position position);
  // Of a checkpoint that load() gave: the entries of dedup that were in memory.
  Status read_ids(const IdsCheckpoint& ids,
                  const std::function<void(const dedup::DedupEntry&)>& take);

  // Background. Writes what is not in a file yet, then the manifest; on stable storage when it
  // returns. Ends early, with kUnavailable, once `cancelled` is set. A failure leaves the
  // checkpoints before it.
  Result<Checkpoint> write(CheckpointDraft draft, const std::atomic<bool>& cancelled);
  // Bytes of all files that are kept, without holes. Any thread.
  std::uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

 private:
  using ChunkKey = std::tuple<StreamId, std::size_t, hot::RowNumber>;  // stream, table, first row

  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  Result<Checkpoint> read(const std::string& name) const;
  Status check(const Checkpoint& checkpoint, const std::string& name, Position last,
               io::Executor& helpers) const;
  Status check_ids(const IdsCheckpoint& ids) const;
  void keep(const Checkpoint& checkpoint);
  Status remove_unnamed();
  Status write_table(StreamCheckpoint& stream, std::size_t table, const hot::Table::Sealed& sealed,
                     const std::atomic<bool>& cancelled);
  Status write_ids(StreamCheckpoint& stream, Position position,
                   const dedup::DedupState& state) const;
  Status write_manifest(const Checkpoint& checkpoint) const;

  io::Disk& disk_;
  std::string folder_;
  std::uint64_t data_directory_id_;
  std::uint32_t journal_;
  std::deque<Checkpoint> kept_;  // oldest first
  std::map<ChunkKey, hot::ChunkFile> files_;
  std::atomic<std::uint64_t> bytes_{0};
};

}  // namespace freshet::pipeline
