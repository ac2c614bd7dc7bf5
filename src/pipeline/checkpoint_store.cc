#include "pipeline/checkpoint_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "common/bytes.h"
#include "common/crc32c.h"
#include "common/logging.h"
#include "io/parallel.h"

namespace freshet::pipeline {
namespace {

constexpr std::string_view kPrefix = "checkpoint-";
constexpr std::string_view kUnfinished = ".new";
constexpr std::size_t kKept = 2;
constexpr std::size_t kIdsAtOnce = 16'384;  // a megabyte

std::string manifest_name(Position position) {
  return fmt::format("{}{:020}", kPrefix, position.value);
}

bool is_manifest(const std::string& name) {
  return name.starts_with(kPrefix) && !name.ends_with(kUnfinished);
}

Result<std::string> read_whole(io::Disk& disk, const std::string& path) {
  FRESHET_TRY(auto file, disk.open(path, io::OpenMode::kRead));
  FRESHET_TRY(std::uint64_t size, file->size());
  std::string bytes(size, '\0');
  FRESHET_TRY(std::size_t got, file->read(0, std::as_writable_bytes(std::span(bytes))));
  bytes.resize(got);
  return bytes;
}

std::uint64_t file_bytes(const Checkpoint& checkpoint, std::set<std::string>& names) {
  std::uint64_t bytes = 0;
  for (const StreamCheckpoint& stream : checkpoint.streams) {
    for (const TableCheckpoint& table : stream.tables) {
      for (const hot::ChunkFile& file : table.chunks)
        bytes += names.insert(file.name).second ? file.disk_bytes : 0;
    }
    if (!stream.ids.file.empty() && names.insert(stream.ids.file).second)
      bytes += stream.ids.entries * sizeof(dedup::DedupEntry);
  }
  return bytes;
}

}  // namespace

// --- At start

Result<std::optional<Checkpoint>> CheckpointStore::load(Position last, io::Executor& helpers) {
  FRESHET_TRY_STATUS(disk_.make_directory(folder_));
  FRESHET_TRY(std::vector<std::string> names, disk_.list(folder_));
  std::erase_if(names, [](const std::string& name) { return !is_manifest(name); });
  std::optional<Checkpoint> newest;
  std::vector<Checkpoint> older;
  for (auto name = names.rbegin(); name != names.rend(); ++name) {
    Result<Checkpoint> found = read(*name);
    // The older ones are looked at whole when their turn comes.
    Status good = found ? ok() : Status(found.error());
    if (good && !newest) good = check(*found, *name, last, helpers);
    if (!good) {
      if (good.error().code() != Code::kCorruption && good.error().code() != Code::kUnsupported)
        return std::move(good).error();
      log_warning("a checkpoint cannot be used and is removed",
                  {{"error", good.error().to_string()}});
      FRESHET_TRY_STATUS(io::remove_if_there(disk_, path(*name)));
    } else if (!newest) {
      newest = *std::move(found);
    } else {
      older.push_back(*std::move(found));
    }
  }
  kept_.clear();
  files_.clear();
  for (auto checkpoint = older.rbegin(); checkpoint != older.rend(); ++checkpoint)
    kept_.push_back(std::move(*checkpoint));
  if (newest) keep(*newest);
  FRESHET_TRY_STATUS(remove_unnamed());
  return newest;
}

Status CheckpointStore::clear() {
  kept_.clear();
  files_.clear();
  return remove_unnamed();
}

Status CheckpointStore::remove(Position position) {
  FRESHET_TRY_STATUS(io::remove_if_there(disk_, path(manifest_name(position))));
  return disk_.sync_directory(folder_);
}

Result<Checkpoint> CheckpointStore::read(const std::string& name) const {
  FRESHET_TRY(std::string bytes, read_whole(disk_, path(name)));
  return read_checkpoint(bytes, path(name));
}

Status CheckpointStore::check(const Checkpoint& checkpoint, const std::string& name, Position last,
                              io::Executor& helpers) const {
  auto refuse = [&](const std::string& what) {
    return Error(Code::kCorruption, 3503, fmt::format("checkpoint {}: {}", path(name), what));
  };
  if (checkpoint.data_directory_id != data_directory_id_ || checkpoint.journal != journal_)
    return refuse("it belongs to another data directory or journal");
  if (checkpoint.position > last)
    return refuse(
        fmt::format("it stands at position {}, and the log ends at {}: the log has lost "
                    "its end",
                    checkpoint.position.value, last.value));
  std::vector<const hot::ChunkFile*> files;
  for (const StreamCheckpoint& stream : checkpoint.streams) {
    FRESHET_TRY_STATUS(check_ids(stream.ids));
    for (const TableCheckpoint& table : stream.tables) {
      for (const hot::ChunkFile& file : table.chunks) files.push_back(&file);
    }
  }
  Mutex mutex;
  std::optional<Error> bad;
  io::parallel_for(&helpers, 1, files.size(), [&](std::size_t i) {
    Status good = hot::verify_chunk_file(disk_, folder_, *files[i]);
    if (good) return;
    MutexLock lock(mutex);
    if (!bad) bad = std::move(good).error();
  });
  if (!bad) return ok();
  // A file that is missing is as bad as one that was changed.
  return bad->code() == Code::kNotFound ? refuse(bad->message()) : Status(*std::move(bad));
}

Status CheckpointStore::check_ids(const IdsCheckpoint& ids) const {
  if (ids.file.empty()) return ok();
  auto file = disk_.open(path(ids.file), io::OpenMode::kRead);
  Result<std::uint64_t> size = file ? (*file)->size() : Result<std::uint64_t>(file.error());
  if (size && *size == ids.entries * sizeof(dedup::DedupEntry)) return ok();
  return Error(
      Code::kCorruption, 3504,
      fmt::format("{} is missing or cut; the ids are made again from the log", path(ids.file)));
}

Status CheckpointStore::read_ids(const IdsCheckpoint& ids,
                                 const std::function<void(const dedup::DedupEntry&)>& take) {
  if (ids.file.empty()) return ok();
  FRESHET_TRY(auto file, disk_.open(path(ids.file), io::OpenMode::kRead));
  std::vector<dedup::DedupEntry> entries(kIdsAtOnce);
  std::uint32_t crc = 0;
  for (std::uint64_t done = 0; done < ids.entries;) {
    std::size_t count = std::min<std::uint64_t>(kIdsAtOnce, ids.entries - done);
    std::span<std::byte> bytes = std::as_writable_bytes(std::span(entries).first(count));
    FRESHET_TRY(std::size_t got, file->read(done * sizeof(dedup::DedupEntry), bytes));
    if (got != bytes.size()) break;
    crc = crc32c(crc, bytes);
    for (std::size_t i = 0; i < count; ++i) take(entries[i]);
    done += count;
  }
  if (crc == ids.crc) return ok();
  return Error(
      Code::kCorruption, 3504,
      fmt::format("{} is damaged: its checksum is wrong; the ids are made again from the log",
                  path(ids.file)));
}

void CheckpointStore::keep(const Checkpoint& checkpoint) {
  for (const StreamCheckpoint& stream : checkpoint.streams) {
    for (std::size_t table = 0; table < stream.tables.size(); ++table) {
      for (const hot::ChunkFile& file : stream.tables[table].chunks)
        files_[{stream.stream, table, file.first_row}] = file;
    }
  }
  kept_.push_back(checkpoint);
}

// What a crash left unfinished, and what only older checkpoints named.
Status CheckpointStore::remove_unnamed() {
  while (kept_.size() > kKept) kept_.pop_front();
  std::set<std::string> named;
  std::uint64_t bytes = 0;
  for (const Checkpoint& checkpoint : kept_) {
    named.insert(manifest_name(checkpoint.position));
    bytes += file_bytes(checkpoint, named);
  }
  FRESHET_TRY(std::vector<std::string> names, disk_.list(folder_));
  // Manifests first: none may name a file that is gone.
  for (bool manifests : {true, false}) {
    for (const std::string& name : names) {
      if (is_manifest(name) == manifests && !named.contains(name))
        FRESHET_TRY_STATUS(io::remove_if_there(disk_, path(name)));
    }
  }
  std::erase_if(files_, [&](const auto& file) { return !named.contains(file.second.name); });
  bytes_.store(bytes, std::memory_order_relaxed);
  return disk_.sync_directory(folder_);
}

// --- While events come

Result<Checkpoint> CheckpointStore::write(CheckpointDraft draft,
                                          const std::atomic<bool>& cancelled) {
  Checkpoint& checkpoint = draft.checkpoint;
  checkpoint.data_directory_id = data_directory_id_;
  checkpoint.journal = journal_;
  FRESHET_CHECK(checkpoint.streams.size() == draft.streams.size());
  for (std::size_t i = 0; i < draft.streams.size(); ++i) {
    CheckpointDraft::Stream& stream = draft.streams[i];
    if (!stream.sealed) continue;
    checkpoint.streams[i].ledger = Ledger::rows(stream.sealed->ledger);
    for (std::size_t table = 0; table < stream.sealed->tables.size(); ++table) {
      FRESHET_TRY_STATUS(
          write_table(checkpoint.streams[i], table, stream.sealed->tables[table], cancelled));
    }
    FRESHET_TRY_STATUS(write_ids(checkpoint.streams[i], checkpoint.position, stream.sealed->ids));
  }
  // Names of files before the manifest that needs them.
  FRESHET_TRY_STATUS(disk_.sync_directory(folder_));
  FRESHET_TRY_STATUS(write_manifest(checkpoint));
  keep(checkpoint);
  // It stands, whatever becomes of old files: the next one tries again.
  if (Status removed = remove_unnamed(); !removed)
    log_warning("files of old checkpoints could not be removed",
                {{"error", removed.error().to_string()}});
  return std::move(checkpoint);
}

Status CheckpointStore::write_table(StreamCheckpoint& stream, std::size_t table,
                                    const hot::Table::Sealed& sealed,
                                    const std::atomic<bool>& cancelled) {
  TableCheckpoint& to = stream.tables[table];
  to.begin = sealed.begin;
  to.end = sealed.end;
  for (const std::shared_ptr<const hot::Chunk>& chunk : sealed.chunks) {
    if (cancelled.load(std::memory_order_relaxed))
      return Error(Code::kUnavailable, 3505, "the server is stopping; no checkpoint was made");
    auto known = files_.find({stream.stream, table, chunk->first_row()});
    if (known == files_.end()) {
      FRESHET_CHECK(!chunk->is_in_file());
      std::string name =
          fmt::format("stream-{}-table-{}-{:020}.chunk", stream.stream, table, chunk->first_row());
      FRESHET_TRY(hot::ChunkFile file, hot::write_chunk_file(disk_, folder_, name, *chunk));
      known = files_.emplace(ChunkKey{stream.stream, table, chunk->first_row()}, file).first;
    }
    to.chunks.push_back(known->second);
  }
  return ok();
}

Status CheckpointStore::write_ids(StreamCheckpoint& stream, Position position,
                                  const dedup::DedupState& state) const {
  IdsCheckpoint& ids = stream.ids;
  ids.runs = state.runs.groups;
  ids.file = fmt::format("stream-{}-{:020}.ids", stream.stream, position.value);
  FRESHET_TRY_STATUS(io::remove_if_there(disk_, path(ids.file)));
  FRESHET_TRY(auto file, disk_.open(path(ids.file), io::OpenMode::kCreate));
  for (const dedup::DedupState::Piece& piece : state.memory) {
    std::span<const std::byte> bytes = std::as_bytes(std::span(piece.entries.get(), piece.count));
    ids.crc = crc32c(ids.crc, bytes);
    FRESHET_TRY_STATUS(file->write(ids.entries * sizeof(dedup::DedupEntry), bytes));
    ids.entries += piece.count;
  }
  return file->sync();
}

Status CheckpointStore::write_manifest(const Checkpoint& checkpoint) const {
  std::string name = path(manifest_name(checkpoint.position));
  std::string unfinished = name + std::string(kUnfinished);
  FRESHET_TRY_STATUS(io::remove_if_there(disk_, unfinished));
  FRESHET_TRY(auto file, disk_.open(unfinished, io::OpenMode::kCreate));
  FRESHET_TRY_STATUS(file->write(0, as_bytes_of(checkpoint_bytes(checkpoint))));
  FRESHET_TRY_STATUS(file->sync());
  FRESHET_TRY_STATUS(disk_.rename(unfinished, name));
  return disk_.sync_directory(folder_);
}

}  // namespace freshet::pipeline
