// One chunk of a table: its memory, and the owner's way of writing rows into it.
//
// Owned by the table and by every snapshot that shows it; freed on the thread of the last of them.
// Only the table's owner thread writes. Readers reach it through ChunkView, and only rows below the
// published mark; what they share with rows behind it (validity words, chain ends, dictionaries) is
// written by single aligned stores.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "common/mutex.h"
#include "event/column_batch.h"
#include "hot/arena.h"
#include "hot/layout.h"
#include "io/executor.h"

namespace freshet::hot {

// How far a chunk is filled: what a need of memory is computed from. Empty for a chunk to come.
struct ChunkFill {
  explicit ChunkFill(const ChunkLayout& layout, std::uint64_t heap_capacity);

  struct Column {
    std::uint32_t dictionary_size = 1;  // code 0 is the empty text
    std::uint32_t slot_count = kSlotsMin;
    bool deduplicates = true;
    bool has_nulls = false;
  };
  std::uint32_t row_count = 0;
  std::uint64_t heap_used = 0;
  std::uint64_t heap_bytes;
  std::uint64_t heap_taken = 0;
  std::vector<Column> columns;
  std::vector<std::uint64_t> taken;  // of each region

  // Bytes that `rows` more rows with `text_bytes` of text may take at most.
  std::uint64_t bytes_needed(const ChunkLayout& layout, std::uint32_t rows,
                             std::uint64_t text_bytes) const;
};

class Chunk {
 public:
  static Result<std::shared_ptr<Chunk>> create(std::shared_ptr<Arena> arena,
                                               const ChunkLayout& layout, RowNumber first_row,
                                               std::uint64_t heap_bytes, std::uint64_t hash_seed);
  // Closed chunks that were written elsewhere: in a range of the arena that is full already, or in
  // a mapped file. Neither is taken from the budget: the pages of a file are the system's to drop.
  static std::shared_ptr<Chunk> of_memory(std::shared_ptr<Arena> arena, const ChunkLayout& layout,
                                          Arena::Range range, RowNumber first_row,
                                          std::uint32_t row_count);
  static std::shared_ptr<Chunk> of_file(std::shared_ptr<Arena> arena, const ChunkLayout& layout,
                                        Arena::Range range, RowNumber first_row,
                                        std::uint32_t row_count);
  ~Chunk();
  Chunk(const Chunk&) = delete;
  Chunk& operator=(const Chunk&) = delete;

  const std::byte* base() const { return range_.base; }
  RowNumber first_row() const { return first_row_; }
  std::uint32_t row_count() const { return fill_.row_count; }  // owner thread; any once closed
  const ChunkFill& fill() const { return fill_; }              // owner thread
  // Bytes of the budget in use. Owner thread, and the destructor.
  std::uint64_t taken_bytes() const { return taken_bytes_; }

  // Owner thread. The caller has taken bytes_needed() from the budget, and gives back what
  // taken_bytes() did not grow by.
  void append(const ColumnBatch& batch, std::size_t begin, std::uint32_t count,
              std::optional<std::size_t> time_column);
  void publish(std::uint32_t row_count);
  // Owner thread. Has the memory that rows after the present ones will need made present by
  // `background`, so that the owner does not wait for it. It is taken from the budget only when the
  // owner uses it; it is one step of the heap and of each array with an element for each row.
  void populate_ahead(io::Executor& background);
  // No more rows come: frees what only the writer needed. From then on nothing in it changes.
  void close();
  bool is_closed() const { return closed_; }  // owner thread
  bool is_in_file() const { return kind_ == Kind::kFile; }
  // Any thread, once closed: where its bytes are, as offset and size in whole pages.
  std::vector<std::pair<std::uint64_t, std::uint64_t>> taken_stretches() const;

 private:
  enum class Kind : std::uint8_t { kArena, kFile };
  Chunk(std::shared_ptr<Arena> arena, const ChunkLayout& layout, Arena::Range range,
        RowNumber first_row, std::uint64_t heap_bytes, Kind kind = Kind::kArena);
  static std::shared_ptr<Chunk> closed(std::shared_ptr<Arena> arena, const ChunkLayout& layout,
                                       Arena::Range range, RowNumber first_row,
                                       std::uint32_t row_count, Kind kind);
  void write_headers(std::uint64_t hash_seed);
  void take(int region, std::uint64_t used);
  // Of an array with an element for each row: it will be filled to its end, so its next step is
  // needed soon. What dictionaries take may never be.
  void take_rows(int region, std::uint64_t used);
  void take_heap(std::uint64_t used);
  void note_needed_soon(const Region& region, std::uint64_t taken);
  void append_validity(std::size_t column, const std::uint8_t* valid, std::uint32_t count);
  void append_fixed(std::size_t column, const std::byte* values, std::uint32_t count);
  void append_text(std::size_t column, const std::byte* views, const std::uint8_t* valid,
                   std::uint32_t count);
  void append_chain(std::size_t column, const std::uint8_t* valid, std::uint32_t count);
  void cover_times(const std::byte* values, const std::uint8_t* valid, std::uint32_t count);
  std::uint32_t find_or_add(std::size_t column, std::string_view text);
  std::uint32_t add_text(std::size_t column, std::string_view text);
  void grow_table(std::size_t column);
  void drop_table(std::size_t column);

  ChunkHeader& header() { return *reinterpret_cast<ChunkHeader*>(range_.base); }
  ColumnHeader& column_header(std::size_t column) {
    return reinterpret_cast<ColumnHeader*>(range_.base + sizeof(ChunkHeader))[column];
  }
  template <typename T>
  T* array(std::uint64_t offset) {
    return reinterpret_cast<T*>(range_.base + offset);
  }

  std::shared_ptr<Arena> arena_;  // shared: a chunk may outlive its table in a reader's snapshot
  const ChunkLayout& layout_;     // the owner's; not used after its table is gone
  Arena::Range range_;
  RowNumber first_row_;
  ChunkFill fill_;
  std::uint64_t taken_bytes_ = 0;
  Kind kind_;
  bool closed_ = false;
  // Stretches of the range, as offset and size.
  std::vector<std::pair<std::uint64_t, std::uint64_t>> needed_soon_;
  // The range as long as it is mapped: what runs in the background may come too late.
  struct Mapped {
    Mutex mutex;
    std::optional<Arena::Range> range FRESHET_GUARDED_BY(mutex);
  };
  std::shared_ptr<Mapped> mapped_ = std::make_shared<Mapped>();
};

}  // namespace freshet::hot
