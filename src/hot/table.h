// A hot table: rows in column chunks, appended by one thread, read by any without a lock on the
// rows.
//
// Chunks lie in shared memory (memfd), each at offsets from its own start, so that another process
// can map them read-only. A chunk holds up to 64 Ki rows: an array per column, a dictionary per
// text column, and a chain per key column that leads from a key's last row to its first.
//
// Nothing is visible before publish(): a reader's Snapshot ends at the rows published when it was
// taken.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/memory_budget.h"
#include "common/mutex.h"
#include "common/result.h"
#include "event/column_batch.h"
#include "event/schema.h"
#include "io/disk.h"
#include "io/executor.h"

namespace freshet::hot {

// Number of a row in its table, from 0, in the order of appending. Not stable across restarts.
using RowNumber = std::uint64_t;
inline constexpr RowNumber kNoRow = ~RowNumber{0};

inline constexpr std::uint32_t kChunkRows = 65'536;
inline constexpr std::uint32_t kNoChainRow = ~std::uint32_t{0};

struct TableConfig {
  std::string name;
  Schema schema;
  std::vector<std::size_t> key_columns;    // kText columns that get a chain
  std::optional<std::size_t> time_column;  // kTimestamp; gives each chunk its min and max time
  std::uint32_t chunk_rows = kChunkRows;   // smaller in tests
};

class Chunk;
struct ChunkFile;
struct ChunkList;

// A chunk as a reader sees it. Rows are numbered from 0 inside the chunk. Valid as long as its
// Snapshot.
class ChunkView {
 public:
  RowNumber first_row() const;
  std::uint32_t row_count() const;  // visible in this snapshot
  // The first of them that has not left the table: rows below it are no longer to be shown.
  std::uint32_t begin() const;
  // Cover the times of the visible rows, maybe more. Where no row has a time (or the table has no
  // time column), min is above max.
  std::int64_t min_time_us() const;
  std::int64_t max_time_us() const;

  // Fixed-width values of a column, one after another (column_type_bytes each); for text the codes
  // (u32).
  const std::byte* values(std::size_t column) const;
  template <typename T>
  const T* values_as(std::size_t column) const {
    return reinterpret_cast<const T*>(values(column));
  }
  const std::uint32_t* codes(std::size_t column) const { return values_as<std::uint32_t>(column); }
  // Bit (row % 64) of word (row / 64) is 1 where the value is there. Null pointer: every row is.
  // The last word may gain bits of later rows meanwhile: load each word once and whole.
  const std::uint64_t* validity(std::size_t column) const;
  static bool is_valid_in(const std::uint64_t* words, std::uint32_t row) {
    if (words == nullptr) return true;
    return (__atomic_load_n(&words[row / 64], __ATOMIC_RELAXED) >> (row % 64) & 1) != 0;
  }
  bool is_valid(std::size_t column, std::uint32_t row) const {
    return is_valid_in(validity(column), row);
  }
  // Number of codes given so far (each row's code is below it), and a code's text. Code 0 is always
  // the empty text; null rows wear it too.
  std::uint32_t dictionary_size(std::size_t column) const;
  std::string_view text(std::size_t column, std::uint32_t code) const;
  std::string_view text_at(std::size_t column, std::uint32_t row) const {
    return text(column, codes(column)[row]);
  }

  // Key columns: the code of `key` in this chunk, if it has one (a key column gives equal texts one
  // code).
  std::optional<std::uint32_t> find_key(std::size_t column, std::string_view key) const;
  // The key's last visible row in this chunk, and the row with the same key before `row`; else
  // kNoChainRow.
  std::uint32_t chain_last(std::size_t column, std::uint32_t code) const;
  std::uint32_t chain_previous(std::size_t column, std::uint32_t row) const;

 private:
  friend class Table;
  friend class Snapshot;
  friend struct ChunkList;
  const std::byte* base_ = nullptr;
  RowNumber first_row_ = 0;
  std::uint32_t row_count_ = 0;
  std::uint32_t begin_ = 0;
};

// The visible rows [begin, end) of a table at one moment. Keeps its chunks mapped. Any thread.
class Snapshot {
 public:
  RowNumber begin() const { return begin_; }
  RowNumber end() const { return end_; }
  std::uint64_t row_count() const { return end_ - begin_; }
  const Schema& schema() const { return config().schema; }
  const TableConfig& config() const;
  const std::vector<ChunkView>& chunks() const { return chunks_; }  // ascending, none empty
  // The chunk that holds `row`, or null.
  const ChunkView* find_chunk(RowNumber row) const;
  // The rows from `begin` on, and those below `end`.
  Snapshot from(RowNumber begin) const;
  Snapshot until(RowNumber end) const;

 private:
  friend class Table;
  RowNumber begin_ = 0;
  RowNumber end_ = 0;
  std::vector<ChunkView> chunks_;
  // Shared with the table and other snapshots: chunks outlive the table's trim while a reader holds
  // them.
  std::shared_ptr<const ChunkList> pins_;
  std::shared_ptr<const TableConfig> config_;
};

class Table {
 public:
  // `budget` must outlive the table and its snapshots; chunks are taken from it as their memory is
  // touched.
  // With `background` memory is made present there, ahead of the rows.
  Table(TableConfig config, MemoryBudget& budget, io::Executor* background = nullptr);
  ~Table();

  const TableConfig& config() const;

  // Owner thread. Appends all rows of `batch` (columns as in the schema) and copies what they point
  // to. Returns the number of the first. With nothing appended: kThrottled where the budget is
  // full, kInvalid where one row's texts pass 4 GiB, kIo where the system gives no memory.
  Result<RowNumber> append(const ColumnBatch& batch);
  // Owner thread. Rows below `end` become visible; never goes back.
  void publish(RowNumber end);
  // Owner thread. Rows below `begin` leave: new snapshots do not show them, and chunks that hold no
  // other rows are freed once no snapshot needs them.
  void trim(RowNumber begin);

  // Checkpoints (chunk_file.h). Owner thread, when all rows are published: the open chunk is
  // closed, and all chunks with visible rows are given, ascending. Their rows begin at
  // Sealed::begin.
  struct Sealed {
    RowNumber begin = 0, end = 0;
    std::vector<std::shared_ptr<const Chunk>> chunks;
  };
  Sealed seal();
  // Owner thread, before the first append: the rows [begin, end) as they were sealed, published.
  // `files` are verified; they lie in `folder`.
  Status restore(io::Disk& disk, const std::string& folder, RowNumber begin, RowNumber end,
                 const std::vector<ChunkFile>& files);
  // Owner thread. The chunk that starts at `file.first_row` leaves memory: from now on its rows are
  // read from its file. Nothing where that chunk has left the table. A failure changes nothing.
  Status move_to_file(io::Disk& disk, const std::string& folder, const ChunkFile& file);

  RowNumber appended() const;   // owner thread: one past the last row
  RowNumber published() const;  // any thread

  // Any thread.
  Snapshot snapshot() const;
  // A snapshot of exactly [begin of the table, end); `end` must not pass published().
  Snapshot snapshot_until(RowNumber end) const;
  std::uint64_t memory_bytes() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace freshet::hot
