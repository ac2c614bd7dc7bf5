// What readers see of a chunk. All of it goes by the offsets in the chunk's own headers.
#include <algorithm>

#include "hot/chunk_list.h"
#include "hot/dictionary.h"

namespace freshet::hot {
namespace {

const ChunkHeader& header_of(const std::byte* base) {
  return *reinterpret_cast<const ChunkHeader*>(base);
}

const ColumnHeader& column_of(const std::byte* base, std::size_t column) {
  return reinterpret_cast<const ColumnHeader*>(base + sizeof(ChunkHeader))[column];
}

template <typename T>
T load_shared(const T& from) {
  return __atomic_load_n(&from, __ATOMIC_ACQUIRE);
}

}  // namespace

RowNumber ChunkView::first_row() const {
  return first_row_;
}

std::uint32_t ChunkView::row_count() const {
  return row_count_;
}

std::uint32_t ChunkView::begin() const {
  return begin_;
}

std::int64_t ChunkView::min_time_us() const {
  return load_shared(header_of(base_).min_time_us);
}

std::int64_t ChunkView::max_time_us() const {
  return load_shared(header_of(base_).max_time_us);
}

const std::byte* ChunkView::values(std::size_t column) const {
  return base_ + column_of(base_, column).values_offset;
}

const std::uint64_t* ChunkView::validity(std::size_t column) const {
  const ColumnHeader& at = column_of(base_, column);
  if (load_shared(at.has_nulls) == 0) return nullptr;
  return reinterpret_cast<const std::uint64_t*>(base_ + at.validity_offset);
}

std::uint32_t ChunkView::dictionary_size(std::size_t column) const {
  return load_shared(column_of(base_, column).dictionary_size);
}

std::string_view ChunkView::text(std::size_t column, std::uint32_t code) const {
  return DictionaryReader(base_, column_of(base_, column), header_of(base_)).text(code);
}

std::optional<std::uint32_t> ChunkView::find_key(std::size_t column, std::string_view key) const {
  const ColumnHeader& at = column_of(base_, column);
  FRESHET_CHECK(at.is_key != 0);
  if (key.empty()) return 0;
  const ChunkHeader& header = header_of(base_);
  std::uint32_t free_slot = 0;
  // A table that is replaced meanwhile still holds every code of a visible row.
  return DictionaryReader(base_, at, header)
      .find(key, hash_text(key, header.hash_seed), load_shared(at.slot_count), &free_slot);
}

std::uint32_t ChunkView::chain_last(std::size_t column, std::uint32_t code) const {
  const ColumnHeader& at = column_of(base_, column);
  FRESHET_CHECK(at.is_key != 0);
  const auto* last = reinterpret_cast<const std::uint32_t*>(base_ + at.chain_last_offset);
  std::uint32_t row = load_shared(last[code]) - 1;
  // The owner may be ahead of this snapshot.
  while (row != kNoChainRow && row >= row_count_) row = chain_previous(column, row);
  return row != kNoChainRow && row >= begin_ ? row : kNoChainRow;
}

std::uint32_t ChunkView::chain_previous(std::size_t column, std::uint32_t row) const {
  const ColumnHeader& at = column_of(base_, column);
  const auto* previous = reinterpret_cast<const std::uint32_t*>(base_ + at.chain_previous_offset);
  std::uint32_t before = previous[row] - 1;
  return before != kNoChainRow && before >= begin_ ? before : kNoChainRow;
}

const TableConfig& Snapshot::config() const {
  return *config_;
}

const ChunkView* Snapshot::find_chunk(RowNumber row) const {
  if (row < begin_ || row >= end_) return nullptr;
  auto behind = std::upper_bound(
      chunks_.begin(), chunks_.end(), row,
      [](RowNumber wanted, const ChunkView& view) { return wanted < view.first_row(); });
  FRESHET_CHECK(behind != chunks_.begin());
  return &*std::prev(behind);
}

Snapshot Snapshot::from(RowNumber begin) const {
  Snapshot rest = *this;
  rest.begin_ = std::clamp(begin, begin_, end_);
  std::erase_if(rest.chunks_, [&](const ChunkView& chunk) {
    return chunk.first_row() + chunk.row_count() <= rest.begin_;
  });
  if (rest.chunks_.empty()) return rest;
  ChunkView& first = rest.chunks_.front();
  if (rest.begin_ > first.first_row() + first.begin())
    first.begin_ = static_cast<std::uint32_t>(rest.begin_ - first.first_row());
  return rest;
}

Snapshot Snapshot::until(RowNumber end) const {
  Snapshot part = *this;
  part.end_ = std::clamp(end, begin_, end_);
  std::erase_if(part.chunks_, [&](const ChunkView& chunk) {
    return chunk.first_row() + chunk.begin() >= part.end_;
  });
  if (part.chunks_.empty()) return part;
  ChunkView& last = part.chunks_.back();
  if (part.end_ < last.first_row() + last.row_count())
    last.row_count_ = static_cast<std::uint32_t>(part.end_ - last.first_row());
  return part;
}

}  // namespace freshet::hot
