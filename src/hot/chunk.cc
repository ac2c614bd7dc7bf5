// The writer's side of a chunk. Every loop goes along one column: a batch touches few cache lines
// per column, and fixed-width columns are one copy.
#include "hot/chunk.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "common/bytes.h"
#include "hot/dictionary.h"

namespace freshet::hot {
namespace {

// A text column whose values hardly ever repeat stops looking for equals.
constexpr std::uint32_t kDistinctMin = 4096;

// Codes of texts seen in this batch, by address: columns joined from a reference table point to the
// same bytes again and again, and this spares hashing and comparing them.
class CodesByAddress {
 public:
  struct Entry {
    std::string_view text;
    std::uint32_t code = 0;
  };
  Entry& entry(std::string_view text) {
    auto address = reinterpret_cast<std::uintptr_t>(text.data());
    return entries_[(address >> 3 ^ address >> 10) % kEntries];
  }

 private:
  static constexpr std::size_t kEntries = 128;
  Entry entries_[kEntries];
};

template <typename T>
void store_shared(T& to, T value) {
  __atomic_store_n(&to, value, __ATOMIC_RELEASE);
}

}  // namespace

ChunkFill::ChunkFill(const ChunkLayout& layout, std::uint64_t heap_capacity)
    : heap_bytes(heap_capacity), columns(layout.columns.size()), taken(layout.regions.size(), 0) {}

std::uint64_t ChunkFill::bytes_needed(const ChunkLayout& layout, std::uint32_t rows,
                                      std::uint64_t text_bytes) const {
  std::uint64_t needed = 0;
  auto need = [&](int region, std::uint64_t used) {
    if (region < 0) return;
    auto index = static_cast<std::size_t>(region);
    std::uint64_t bytes = layout.regions[index].taken_bytes(used);
    if (bytes > taken[index]) needed += bytes - taken[index];
  };
  need(0, layout.regions[0].bytes);
  std::uint64_t end = std::uint64_t{row_count} + rows;
  for (std::size_t c = 0; c < columns.size(); ++c) {
    const ColumnRegions& at = layout.columns[c];
    const ColumnHeader& header = layout.column_headers[c];
    need(at.values, end * header.width);
    need(at.validity, round_up(end, 64) / 8);
    if (at.entries < 0) continue;
    std::uint32_t codes = std::min(columns[c].dictionary_size + rows, layout.rows_max + 1);
    need(at.entries, codes * sizeof(DictionaryEntry));
    if (columns[c].deduplicates) need(at.tables, tables_bytes(slots_for(codes)));
    need(at.chain_last, codes * sizeof(std::uint32_t));
    need(at.chain_previous, end * sizeof(std::uint32_t));
  }
  std::uint64_t heap = layout.heap(heap_bytes).taken_bytes(heap_used + text_bytes);
  return needed + (heap > heap_taken ? heap - heap_taken : 0);
}

Chunk::Chunk(std::shared_ptr<Arena> arena, const ChunkLayout& layout, Arena::Range range,
             RowNumber first_row, std::uint64_t heap_bytes, Kind kind)
    : arena_(std::move(arena)),
      layout_(layout),
      range_(range),
      first_row_(first_row),
      fill_(layout, heap_bytes),
      kind_(kind) {
  MutexLock lock(mapped_->mutex);
  mapped_->range = range;
}

Result<std::shared_ptr<Chunk>> Chunk::create(std::shared_ptr<Arena> arena,
                                             const ChunkLayout& layout, RowNumber first_row,
                                             std::uint64_t heap_bytes, std::uint64_t hash_seed) {
  FRESHET_TRY(Arena::Range range, arena->map(layout.heap_offset + heap_bytes));
  std::shared_ptr<Chunk> chunk(new Chunk(std::move(arena), layout, range, first_row, heap_bytes));
  chunk->write_headers(hash_seed);
  return chunk;
}

std::shared_ptr<Chunk> Chunk::closed(std::shared_ptr<Arena> arena, const ChunkLayout& layout,
                                     Arena::Range range, RowNumber first_row,
                                     std::uint32_t row_count, Kind kind) {
  std::shared_ptr<Chunk> chunk(new Chunk(std::move(arena), layout, range, first_row, 0, kind));
  chunk->fill_.row_count = row_count;
  chunk->closed_ = true;
  return chunk;
}

std::shared_ptr<Chunk> Chunk::of_memory(std::shared_ptr<Arena> arena, const ChunkLayout& layout,
                                        Arena::Range range, RowNumber first_row,
                                        std::uint32_t row_count) {
  return closed(std::move(arena), layout, range, first_row, row_count, Kind::kArena);
}

std::shared_ptr<Chunk> Chunk::of_file(std::shared_ptr<Arena> arena, const ChunkLayout& layout,
                                      Arena::Range range, RowNumber first_row,
                                      std::uint32_t row_count) {
  return closed(std::move(arena), layout, range, first_row, row_count, Kind::kFile);
}

Chunk::~Chunk() {
  {
    MutexLock lock(mapped_->mutex);
    mapped_->range.reset();
  }
  if (kind_ == Kind::kFile) {
    Arena::unmap_file(range_);
    return;
  }
  arena_->unmap(range_);
  arena_->give_back(taken_bytes_);
}

void Chunk::write_headers(std::uint64_t hash_seed) {
  ChunkHeader& to = header();
  to = {};
  to.magic = kChunkMagic;
  to.format = kChunkFormat;
  to.column_count = static_cast<std::uint32_t>(layout_.columns.size());
  to.first_row = first_row_;
  to.rows_max = layout_.rows_max;
  to.min_time_us = std::numeric_limits<std::int64_t>::max();
  to.max_time_us = std::numeric_limits<std::int64_t>::min();
  to.heap_offset = layout_.heap_offset;
  to.heap_bytes = fill_.heap_bytes;
  to.chunk_bytes = range_.bytes;
  to.hash_seed = hash_seed;
  for (std::size_t c = 0; c < layout_.columns.size(); ++c)
    column_header(c) = layout_.column_headers[c];
}

void Chunk::take(int region, std::uint64_t used) {
  auto index = static_cast<std::size_t>(region);
  std::uint64_t bytes = layout_.regions[index].taken_bytes(used);
  std::uint64_t& taken = fill_.taken[index];
  if (bytes <= taken) return;
  Arena::populate(range_, layout_.regions[index].offset + taken, bytes - taken);
  taken_bytes_ += bytes - taken;
  taken = bytes;
}

void Chunk::take_rows(int region, std::uint64_t used) {
  auto index = static_cast<std::size_t>(region);
  std::uint64_t taken_before = fill_.taken[index];
  take(region, used);
  if (fill_.taken[index] != taken_before)
    note_needed_soon(layout_.regions[index], fill_.taken[index]);
}

void Chunk::note_needed_soon(const Region& region, std::uint64_t taken) {
  if (taken == region.bytes) return;
  needed_soon_.push_back({region.offset + taken, region.taken_bytes(taken + 1) - taken});
}

void Chunk::populate_ahead(io::Executor& background) {
  if (needed_soon_.empty()) return;
  auto populate = [mapped = mapped_, stretches = std::move(needed_soon_)] {
    for (const auto& [from, bytes] : stretches) {
      // Let go between stretches: who frees the chunk waits for one at most.
      MutexLock lock(mapped->mutex);
      if (mapped->range) Arena::populate(*mapped->range, from, bytes);
    }
  };
  needed_soon_.clear();
  // Where the queue is full the owner makes the memory present itself, when it comes to it.
  (void)background.post(std::move(populate));
}

void Chunk::take_heap(std::uint64_t used) {
  std::uint64_t bytes = layout_.heap(fill_.heap_bytes).taken_bytes(used);
  if (bytes <= fill_.heap_taken) return;
  Arena::populate(range_, layout_.heap_offset + fill_.heap_taken, bytes - fill_.heap_taken);
  taken_bytes_ += bytes - fill_.heap_taken;
  fill_.heap_taken = bytes;
  note_needed_soon(layout_.heap(fill_.heap_bytes), bytes);
}

void Chunk::append(const ColumnBatch& batch, std::size_t begin, std::uint32_t count,
                   std::optional<std::size_t> time_column) {
  FRESHET_CHECK(fill_.row_count + count <= layout_.rows_max);
  take(0, layout_.regions[0].bytes);
  for (std::size_t c = 0; c < layout_.columns.size(); ++c) {
    const ColumnVector& column = batch.columns[c];
    const std::uint8_t* valid = column.validity().data() + begin;
    const std::byte* values = column.data() + begin * column_type_bytes(column.type());
    append_validity(c, valid, count);
    if (is_text(column.type())) {
      append_text(c, values, valid, count);
      if (layout_.columns[c].chain_last >= 0) append_chain(c, valid, count);
    } else {
      append_fixed(c, values, count);
    }
    if (time_column == c) cover_times(values, valid, count);
  }
  fill_.row_count += count;
}

void Chunk::append_validity(std::size_t column, const std::uint8_t* valid, std::uint32_t count) {
  ChunkFill::Column& fill = fill_.columns[column];
  if (!fill.has_nulls && std::memchr(valid, 0, count) == nullptr) return;
  std::uint32_t first = fill_.row_count;
  take_rows(layout_.columns[column].validity, round_up(first + count, 64) / 8);
  auto* words = array<std::uint64_t>(column_header(column).validity_offset);
  if (!fill.has_nulls) {
    for (std::uint32_t word = 0; word < (first + 63) / 64; ++word)
      __atomic_store_n(&words[word], ~std::uint64_t{0}, __ATOMIC_RELAXED);
  }
  for (std::uint32_t row = first, end = first + count; row < end;) {
    std::uint32_t word_end = std::min<std::uint32_t>((row / 64 + 1) * 64, end);
    // A reader may hold rows of this very word, so it is stored whole and once.
    std::uint64_t bits = row % 64 == 0 ? 0 : words[row / 64] & ((std::uint64_t{1} << row % 64) - 1);
    std::uint64_t* word = &words[row / 64];
    for (; row < word_end; ++row) bits |= std::uint64_t{valid[row - first] != 0} << (row % 64);
    __atomic_store_n(word, bits, __ATOMIC_RELAXED);
  }
  if (!fill.has_nulls) store_shared(column_header(column).has_nulls, std::uint32_t{1});
  fill.has_nulls = true;
}

void Chunk::append_fixed(std::size_t column, const std::byte* values, std::uint32_t count) {
  const ColumnHeader& at = column_header(column);
  std::uint64_t from = std::uint64_t{fill_.row_count} * at.width;
  std::uint64_t bytes = std::uint64_t{count} * at.width;
  take_rows(layout_.columns[column].values, from + bytes);
  std::memcpy(range_.base + at.values_offset + from, values, bytes);
}

void Chunk::append_text(std::size_t column, const std::byte* views, const std::uint8_t* valid,
                        std::uint32_t count) {
  ChunkFill::Column& fill = fill_.columns[column];
  bool key = layout_.columns[column].chain_last >= 0;
  if (!key && fill.deduplicates && fill.dictionary_size > kDistinctMin &&
      fill.dictionary_size > fill_.row_count / 2) {
    fill.deduplicates = false;
    drop_table(column);
  }
  std::uint64_t end = std::uint64_t{fill_.row_count} + count;
  take_rows(layout_.columns[column].values, end * sizeof(std::uint32_t));
  take(layout_.columns[column].entries, fill.dictionary_size * sizeof(DictionaryEntry));
  if (fill.deduplicates) take(layout_.columns[column].tables, tables_bytes(fill.slot_count));
  auto* codes = array<std::uint32_t>(column_header(column).values_offset) + fill_.row_count;
  CodesByAddress known;
  for (std::uint32_t i = 0; i < count; ++i) {
    codes[i] = 0;
    if (!valid[i]) continue;
    auto text = load_le<std::string_view>(views + i * sizeof(std::string_view));
    if (!fill.deduplicates) {
      codes[i] = add_text(column, text);
    } else if (!text.empty()) {
      CodesByAddress::Entry& entry = known.entry(text);
      if (entry.text.data() != text.data() || entry.text.size() != text.size())
        entry = {text, find_or_add(column, text)};
      codes[i] = entry.code;
    }
  }
  // Release: a code below the size has its entry and text.
  store_shared(column_header(column).dictionary_size, fill.dictionary_size);
}

std::uint32_t Chunk::find_or_add(std::size_t column, std::string_view text) {
  ChunkFill::Column& fill = fill_.columns[column];
  std::uint64_t hash = hash_text(text, header().hash_seed);
  DictionaryReader reader(range_.base, column_header(column), header());
  std::uint32_t slot = 0;
  if (auto code = reader.find(text, hash, fill.slot_count, &slot)) return *code;
  if (slots_for(fill.dictionary_size + 1) > fill.slot_count) {
    grow_table(column);
    reader.find(text, hash, fill.slot_count, &slot);
  }
  std::uint32_t code = add_text(column, text);
  auto* slots =
      array<DictionarySlot>(column_header(column).tables_offset) + (fill.slot_count - kSlotsMin);
  store_shared(slots[slot], (hash >> 32 << 32) | (code + 1));
  return code;
}

std::uint32_t Chunk::add_text(std::size_t column, std::string_view text) {
  ChunkFill::Column& fill = fill_.columns[column];
  std::uint32_t code = fill.dictionary_size++;
  take(layout_.columns[column].entries, fill.dictionary_size * sizeof(DictionaryEntry));
  take_heap(fill_.heap_used + text.size());
  std::memcpy(range_.base + layout_.heap_offset + fill_.heap_used, text.data(), text.size());
  array<DictionaryEntry>(column_header(column).entries_offset)[code] = {
      static_cast<std::uint32_t>(fill_.heap_used), static_cast<std::uint32_t>(text.size())};
  fill_.heap_used += text.size();
  return code;
}

// The next table lies behind the present one, which stays as it is: a reader may be in it.
void Chunk::grow_table(std::size_t column) {
  ChunkFill::Column& fill = fill_.columns[column];
  std::uint32_t slot_count = fill.slot_count * 2;
  take(layout_.columns[column].tables, tables_bytes(slot_count));
  auto* tables = array<DictionarySlot>(column_header(column).tables_offset);
  DictionarySlot* to = tables + (slot_count - kSlotsMin);
  DictionaryReader reader(range_.base, column_header(column), header());
  std::uint32_t mask = slot_count - 1;
  for (std::uint32_t code = 1; code < fill.dictionary_size; ++code) {
    std::uint64_t hash = hash_text(reader.text(code), header().hash_seed);
    std::uint32_t at = static_cast<std::uint32_t>(hash) & mask;
    while (to[at] != 0) at = (at + 1) & mask;
    to[at] = (hash >> 32 << 32) | (code + 1);
  }
  fill.slot_count = slot_count;
  store_shared(column_header(column).slot_count, slot_count);
}

void Chunk::append_chain(std::size_t column, const std::uint8_t* valid, std::uint32_t count) {
  const ColumnHeader& at = column_header(column);
  take(layout_.columns[column].chain_last,
       fill_.columns[column].dictionary_size * sizeof(std::uint32_t));
  take_rows(layout_.columns[column].chain_previous,
            (std::uint64_t{fill_.row_count} + count) * sizeof(std::uint32_t));
  const auto* codes = array<std::uint32_t>(at.values_offset);
  auto* last = array<std::uint32_t>(at.chain_last_offset);
  auto* previous = array<std::uint32_t>(at.chain_previous_offset);
  for (std::uint32_t i = 0; i < count; ++i) {
    std::uint32_t row = fill_.row_count + i;
    previous[row] = 0;
    if (!valid[i]) continue;
    previous[row] = last[codes[row]];
    store_shared(last[codes[row]], row + 1);  // release: whoever starts here finds `previous`
  }
}

void Chunk::cover_times(const std::byte* values, const std::uint8_t* valid, std::uint32_t count) {
  std::int64_t lowest = header().min_time_us;
  std::int64_t highest = header().max_time_us;
  for (std::uint32_t i = 0; i < count; ++i) {
    if (!valid[i]) continue;
    auto time = load_le<std::int64_t>(values + i * sizeof(std::int64_t));
    lowest = std::min(lowest, time);
    highest = std::max(highest, time);
  }
  store_shared(header().min_time_us, lowest);
  store_shared(header().max_time_us, highest);
}

void Chunk::publish(std::uint32_t row_count) {
  store_shared(header().published_rows, row_count);
}

void Chunk::drop_table(std::size_t column) {
  auto index = static_cast<std::size_t>(layout_.columns[column].tables);
  std::uint64_t bytes = fill_.taken[index];
  arena_->discard(range_, layout_.regions[index].offset, bytes);
  fill_.taken[index] = 0;
  taken_bytes_ -= bytes;
}

void Chunk::close() {
  closed_ = true;
  for (std::size_t c = 0; c < layout_.columns.size(); ++c) {
    // Readers look keys up, so the tables of key columns stay.
    if (layout_.columns[c].tables < 0 || layout_.columns[c].chain_last >= 0) continue;
    drop_table(c);
  }
}

std::vector<std::pair<std::uint64_t, std::uint64_t>> Chunk::taken_stretches() const {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> stretches;
  for (std::size_t i = 0; i < layout_.regions.size(); ++i) {
    if (fill_.taken[i] > 0) stretches.emplace_back(layout_.regions[i].offset, fill_.taken[i]);
  }
  if (fill_.heap_taken > 0) stretches.emplace_back(layout_.heap_offset, fill_.heap_taken);
  return stretches;
}

}  // namespace freshet::hot
