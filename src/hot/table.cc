// Appending goes in three steps: plan where each row goes, take the memory that it may need at
// most, write. Whatever can fail does so before the first row is written.
#include "hot/table.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>
#include <atomic>

#include "common/bytes.h"
#include "hot/chunk_file.h"
#include "hot/chunk_list.h"

namespace freshet::hot {
namespace {

// Rows of a batch that go into one chunk.
struct Segment {
  std::size_t begin = 0;
  std::uint32_t rows = 0;
  std::uint64_t text_bytes = 0;
  bool new_chunk = false;
  std::uint64_t heap_bytes = kHeapBytes;  // of a new chunk
};

// Texts of each row in bytes, before any dictionary: what the row may take of a heap at most.
std::vector<std::uint64_t> row_text_bytes(const ColumnBatch& batch) {
  std::vector<std::uint64_t> bytes(batch.row_count(), 0);
  for (const ColumnVector& column : batch.columns) {
    if (!is_text(column.type())) continue;
    const std::uint8_t* valid = column.validity().data();
    const std::byte* texts = column.data();
    for (std::size_t row = 0; row < bytes.size(); ++row) {
      if (valid[row]) bytes[row] += load_le<std::string_view>(texts + row * 16).size();
    }
  }
  return bytes;
}

// Looks the same from outside whatever the seed; it only decides which slots texts meet in.
std::uint64_t random_seed() {
  std::uint64_t seed = 0;
  if (::getrandom(&seed, sizeof(seed), 0) != sizeof(seed)) return 0x9E3779B97F4A7C15;
  return seed;
}

}  // namespace

struct Table::State {
  State(TableConfig given, MemoryBudget& budget, io::Executor* background_executor)
      : background(background_executor),
        config(std::make_shared<const TableConfig>(std::move(given))),
        layout(*config),
        arena(std::make_shared<Arena>(config->name, budget)),
        hash_seed(random_seed()),
        list(std::make_shared<const ChunkList>()) {}

  Result<std::vector<Segment>> plan(const ColumnBatch& batch) const;
  Status take_memory(const std::vector<Segment>& segments, std::uint64_t* taken);
  Result<std::vector<std::shared_ptr<Chunk>>> make_chunks(const std::vector<Segment>& segments);
  void write(const ColumnBatch& batch, const std::vector<Segment>& segments,
             const std::vector<std::shared_ptr<Chunk>>& made, std::uint64_t taken);
  void install(std::shared_ptr<const ChunkList> next);
  Snapshot snapshot_to(std::optional<RowNumber> wanted_end) const;
  // Null where the next row begins a new chunk.
  Chunk* open_chunk() const {
    if (list->chunks.empty() || list->chunks.back()->is_closed()) return nullptr;
    return list->chunks.back().get();
  }

  io::Executor* background;  // may be null
  std::shared_ptr<const TableConfig> config;
  ChunkLayout layout;
  std::shared_ptr<Arena> arena;
  std::uint64_t hash_seed;
  RowNumber appended = 0;  // the owner's
  std::atomic<RowNumber> published{0};
  mutable Mutex mutex;
  // Written by the owner under the mutex, so that the owner may read both without it.
  std::shared_ptr<const ChunkList> list;
  RowNumber begin = 0;
};

Table::Table(TableConfig config, MemoryBudget& budget, io::Executor* background)
    : state_(std::make_unique<State>(std::move(config), budget, background)) {}

Table::~Table() = default;

const TableConfig& Table::config() const {
  return *state_->config;
}

Result<std::vector<Segment>> Table::State::plan(const ColumnBatch& batch) const {
  std::vector<std::uint64_t> text_bytes = row_text_bytes(batch);
  std::uint32_t rows_left = 0;
  std::uint64_t heap_left = 0;
  std::vector<Segment> segments;
  if (Chunk* open = open_chunk()) {
    rows_left = layout.rows_max - open->row_count();
    heap_left = open->fill().heap_bytes - open->fill().heap_used;
    if (rows_left > 0) segments.emplace_back();
  }
  for (std::size_t row = 0; row < text_bytes.size(); ++row) {
    if (rows_left == 0 || text_bytes[row] > heap_left) {
      if (text_bytes[row] > kHeapBytesMax)
        return Error(Code::kInvalid, 3302,
                     fmt::format("table {}: the texts of one row have {} bytes; at most {} fit",
                                 config->name, text_bytes[row], kHeapBytesMax));
      Segment next;
      next.begin = row;
      next.new_chunk = true;
      next.heap_bytes = std::max(kHeapBytes, round_up(text_bytes[row], kPageBytes));
      segments.push_back(next);
      rows_left = layout.rows_max;
      heap_left = next.heap_bytes;
    }
    segments.back().rows += 1;
    segments.back().text_bytes += text_bytes[row];
    rows_left -= 1;
    heap_left -= text_bytes[row];
  }
  return segments;
}

Status Table::State::take_memory(const std::vector<Segment>& segments, std::uint64_t* taken) {
  *taken = 0;
  for (const Segment& segment : segments) {
    *taken += segment.new_chunk
                  ? ChunkFill(layout, segment.heap_bytes)
                        .bytes_needed(layout, segment.rows, segment.text_bytes)
                  : open_chunk()->fill().bytes_needed(layout, segment.rows, segment.text_bytes);
  }
  if (arena->try_take(*taken)) return ok();
  return Error(Code::kThrottled, 3301,
               fmt::format("table {}: the memory for hot rows is full ({} bytes asked for, limit "
                           "{}); keep rows for a shorter time or raise limits.memory",
                           config->name, *taken, arena->limit_bytes()));
}

Result<std::vector<std::shared_ptr<Chunk>>> Table::State::make_chunks(
    const std::vector<Segment>& segments) {
  std::vector<std::shared_ptr<Chunk>> made;
  for (const Segment& segment : segments) {
    if (!segment.new_chunk) continue;
    FRESHET_TRY(auto chunk, Chunk::create(arena, layout, appended + segment.begin,
                                          segment.heap_bytes, hash_seed));
    made.push_back(std::move(chunk));
  }
  return made;
}

void Table::State::write(const ColumnBatch& batch, const std::vector<Segment>& segments,
                         const std::vector<std::shared_ptr<Chunk>>& made, std::uint64_t taken) {
  Chunk* open = open_chunk();
  std::uint64_t used_before = open ? open->taken_bytes() : 0;
  Chunk* current = open;
  auto next_made = made.begin();
  for (const Segment& segment : segments) {
    if (segment.new_chunk) {
      if (current) current->close();
      current = (next_made++)->get();
    }
    current->append(batch, segment.begin, segment.rows, config->time_column);
    if (background != nullptr) current->populate_ahead(*background);
  }
  std::uint64_t used_after = open ? open->taken_bytes() : 0;
  for (const std::shared_ptr<Chunk>& chunk : made) used_after += chunk->taken_bytes();
  arena->give_back(taken + used_before - used_after);
  appended += batch.row_count();
  if (made.empty()) return;
  auto next = std::make_shared<ChunkList>(*list);
  for (const std::shared_ptr<Chunk>& chunk : made) next->add(chunk);
  install(std::move(next));
}

void Table::State::install(std::shared_ptr<const ChunkList> next) {
  // `next` now holds the old list, which may free chunks: not under the lock.
  MutexLock lock(mutex);
  list.swap(next);
}

Result<RowNumber> Table::append(const ColumnBatch& batch) {
  const Schema& schema = state_->config->schema;
  FRESHET_CHECK(batch.columns.size() == schema.columns.size());
  for (std::size_t c = 0; c < batch.columns.size(); ++c) {
    FRESHET_CHECK(batch.columns[c].type() == schema.columns[c].type);
    FRESHET_CHECK(batch.columns[c].row_count() == batch.row_count());
  }
  RowNumber first = state_->appended;
  if (batch.row_count() == 0) return first;
  FRESHET_TRY(auto segments, state_->plan(batch));
  std::uint64_t taken = 0;
  FRESHET_TRY_STATUS(state_->take_memory(segments, &taken));
  auto made = state_->make_chunks(segments);
  if (!made) {
    state_->arena->give_back(taken);
    return std::move(made).error();
  }
  state_->write(batch, segments, *made, taken);
  return first;
}

void Table::publish(RowNumber end) {
  FRESHET_CHECK(end >= published());
  FRESHET_CHECK(end <= state_->appended);
  const auto& chunks = state_->list->chunks;
  for (auto chunk = chunks.rbegin(); chunk != chunks.rend(); ++chunk) {
    if ((*chunk)->first_row() >= end) continue;
    // A chunk that a file holds is published already, and cannot be written.
    if ((*chunk)->first_row() + (*chunk)->row_count() <= published()) break;
    RowNumber rows = std::min<RowNumber>((*chunk)->row_count(), end - (*chunk)->first_row());
    (*chunk)->publish(static_cast<std::uint32_t>(rows));
    if ((*chunk)->first_row() < published()) break;  // those before it are published whole
  }
  state_->published.store(end, std::memory_order_release);
}

void Table::trim(RowNumber begin) {
  FRESHET_CHECK(begin <= published());
  if (begin <= state_->begin) return;
  auto next = std::make_shared<ChunkList>();
  for (const std::shared_ptr<Chunk>& chunk : state_->list->chunks) {
    if (chunk->first_row() + chunk->row_count() > begin) next->add(chunk);
  }
  std::shared_ptr<const ChunkList> old = std::move(next);
  MutexLock lock(state_->mutex);
  state_->list.swap(old);
  state_->begin = begin;
}

Table::Sealed Table::seal() {
  FRESHET_CHECK(published() == state_->appended);
  if (Chunk* open = state_->open_chunk()) open->close();
  Sealed sealed{.begin = state_->begin, .end = state_->appended, .chunks = {}};
  for (const std::shared_ptr<Chunk>& chunk : state_->list->chunks) sealed.chunks.push_back(chunk);
  return sealed;
}

Status Table::restore(io::Disk& disk, const std::string& folder, RowNumber begin, RowNumber end,
                      const std::vector<ChunkFile>& files) {
  FRESHET_CHECK(state_->appended == 0);
  auto list = std::make_shared<ChunkList>();
  for (const ChunkFile& file : files) {
    FRESHET_TRY(auto chunk, open_chunk_file(disk, folder, file, state_->arena, state_->layout));
    list->add(std::move(chunk));
  }
  state_->appended = end;
  state_->published.store(end, std::memory_order_release);
  std::shared_ptr<const ChunkList> next = std::move(list);
  MutexLock lock(state_->mutex);
  state_->list.swap(next);
  state_->begin = begin;
  return ok();
}

Status Table::move_to_file(io::Disk& disk, const std::string& folder, const ChunkFile& file) {
  const auto& chunks = state_->list->chunks;
  auto found = std::lower_bound(
      chunks.begin(), chunks.end(), file.first_row,
      [](const std::shared_ptr<Chunk>& chunk, RowNumber row) { return chunk->first_row() < row; });
  if (found == chunks.end() || (*found)->first_row() != file.first_row || (*found)->is_in_file())
    return ok();
  FRESHET_CHECK((*found)->is_closed());
  FRESHET_CHECK((*found)->row_count() == file.row_count);
  FRESHET_TRY(auto mapped, open_chunk_file(disk, folder, file, state_->arena, state_->layout));
  auto next = std::make_shared<ChunkList>();
  for (auto chunk = chunks.begin(); chunk != chunks.end(); ++chunk)
    next->add(chunk == found ? mapped : *chunk);
  state_->install(std::move(next));
  return ok();
}

RowNumber Table::appended() const {
  return state_->appended;
}

RowNumber Table::published() const {
  return state_->published.load(std::memory_order_acquire);
}

Snapshot Table::State::snapshot_to(std::optional<RowNumber> wanted_end) const {
  Snapshot to;
  to.config_ = config;
  {
    MutexLock lock(mutex);
    to.begin_ = begin;
    // Inside the lock, so that the list holds every published row.
    to.end_ = published.load(std::memory_order_acquire);
    to.pins_ = list;
  }
  if (wanted_end) {
    FRESHET_CHECK(*wanted_end <= to.end_);
    to.end_ = *wanted_end;
    to.begin_ = std::min(to.begin_, to.end_);
  }
  to.chunks_ = to.pins_->views_of(to.begin_, to.end_);
  return to;
}

Snapshot Table::snapshot() const {
  return state_->snapshot_to(std::nullopt);
}

Snapshot Table::snapshot_until(RowNumber end) const {
  return state_->snapshot_to(end);
}

std::uint64_t Table::memory_bytes() const {
  return state_->arena->used_bytes();
}

}  // namespace freshet::hot
