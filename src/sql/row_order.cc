// A counting sort by the key's rank, not a comparison sort: DuckDB's ORDER BY costs 1,000 ns a row,
// this a few. Rows of one key come out in the relation's order, which is nearly that of time, so
// only keys whose times are out of order are sorted by comparison.
#include "sql/row_order.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <unordered_map>

namespace freshet::sql {
namespace {

constexpr std::int64_t kHourUs = 3'600'000'000;

bool is_valid(const RelationColumn& column, std::uint32_t row) {
  return column.validity == nullptr ||
         (__atomic_load_n(&column.validity[row / 64], __ATOMIC_RELAXED) >> (row % 64) & 1) != 0;
}

std::int64_t span_us_of(FileSpan span) {
  return span == FileSpan::kDay ? 24 * kHourUs : kHourUs;
}

// The rank of each key among the keys of these rows, by chunk and code.
class KeyRanks {
 public:
  KeyRanks(const Relation& relation, std::span<const RowRange> ranges, std::size_t column)
      : used_(relation.chunk_count()),
        ranks_(relation.chunk_count()),
        columns_(relation.chunk_count()) {
    for (const RowRange& range : ranges) mark_used(relation, range, column);
    rank_texts(relation, column);
  }
  // Below count(); a null key has the last.
  std::uint32_t of(const OrderedRow& row) const {
    const RelationColumn& column = columns_[row.chunk];
    if (!is_valid(column, row.row)) return null_rank_;
    return ranks_[row.chunk][codes(column)[row.row]];
  }
  std::size_t count() const { return null_rank_ + std::size_t{1}; }

 private:
  static const std::uint32_t* codes(const RelationColumn& column) {
    return reinterpret_cast<const std::uint32_t*>(column.values);
  }

  void mark_used(const Relation& relation, const RowRange& range, std::size_t column) {
    columns_[range.chunk] = relation.column(range.chunk, column);
    const RelationColumn& keys = columns_[range.chunk];
    std::vector<std::uint8_t>& used = used_[range.chunk];
    used.resize(keys.dictionary_size);
    for (std::uint32_t row = range.begin; row < range.end; ++row) {
      if (!is_valid(keys, row)) continue;
      FRESHET_CHECK(codes(keys)[row] < keys.dictionary_size);
      used[codes(keys)[row]] = 1;
    }
  }

  // Chunks give one text different codes.
  void rank_texts(const Relation& relation, std::size_t column) {
    std::unordered_map<std::string_view, std::uint32_t> ranks;
    for_each_used([&](std::size_t chunk, std::uint32_t code) {
      ranks.emplace(relation.text(chunk, column, code), 0);
    });
    std::vector<std::string_view> sorted;
    sorted.reserve(ranks.size());
    for (const auto& [text, rank] : ranks) sorted.push_back(text);
    std::sort(sorted.begin(), sorted.end());
    for (std::uint32_t rank = 0; rank < sorted.size(); ++rank) ranks[sorted[rank]] = rank;
    for (std::size_t chunk = 0; chunk < used_.size(); ++chunk)
      ranks_[chunk].resize(used_[chunk].size());
    for_each_used([&](std::size_t chunk, std::uint32_t code) {
      ranks_[chunk][code] = ranks[relation.text(chunk, column, code)];
    });
    null_rank_ = static_cast<std::uint32_t>(sorted.size());
  }

  template <typename Visit>
  void for_each_used(const Visit& visit) {
    for (std::size_t chunk = 0; chunk < used_.size(); ++chunk) {
      for (std::uint32_t code = 0; code < used_[chunk].size(); ++code) {
        if (used_[chunk][code] != 0) visit(chunk, code);
      }
    }
  }

  std::vector<std::vector<std::uint8_t>> used_;  // by chunk, then code
  std::vector<std::vector<std::uint32_t>> ranks_;
  std::vector<RelationColumn> columns_;
  std::uint32_t null_rank_ = 0;
};

// Puts rows into their spans, in the relation's order.
std::vector<OrderedSpan> split_by_span(const Relation& relation, std::span<const RowRange> ranges,
                                       const ParquetLayout& layout) {
  std::int64_t span_us = span_us_of(layout.span);
  std::map<std::int64_t, std::vector<OrderedRow>> spans;
  std::vector<OrderedRow> timeless;
  // Nearly all rows are of the span of the row before.
  std::vector<OrderedRow>* current = nullptr;
  std::int64_t current_begin = 0;
  for (const RowRange& range : ranges) {
    RelationColumn times = relation.column(range.chunk, layout.time_column);
    const auto* values = reinterpret_cast<const std::int64_t*>(times.values);
    auto chunk = static_cast<std::uint32_t>(range.chunk);
    for (std::uint32_t row = range.begin; row < range.end; ++row) {
      if (!is_valid(times, row)) {
        timeless.push_back({0, chunk, row});
        continue;
      }
      std::int64_t time_us = values[row];
      if (current == nullptr || time_us < current_begin || time_us - current_begin >= span_us) {
        current_begin = span_begin_of(layout.span, time_us);
        current = &spans[current_begin];
      }
      current->push_back({time_us, chunk, row});
    }
  }
  std::vector<OrderedSpan> split;
  for (auto& [begin_us, rows] : spans) split.push_back({begin_us, std::move(rows)});
  if (!timeless.empty()) split.push_back({std::nullopt, std::move(timeless)});
  return split;
}

void sort_by_time(OrderedRow* begin, OrderedRow* end) {
  auto earlier = [](const OrderedRow& a, const OrderedRow& b) { return a.time_us < b.time_us; };
  if (!std::is_sorted(begin, end, earlier)) std::stable_sort(begin, end, earlier);
}

void sort_by_key(std::vector<OrderedRow>& rows, const KeyRanks& keys) {
  std::vector<std::uint32_t> ends(keys.count() + 1, 0);
  std::vector<std::uint32_t> ranks(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    ranks[i] = keys.of(rows[i]);
    ++ends[ranks[i] + 1];
  }
  for (std::size_t rank = 0; rank < keys.count(); ++rank) ends[rank + 1] += ends[rank];
  // ends[rank] is where the rank begins, and once its rows are placed, where it ends.
  std::vector<OrderedRow> sorted(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) sorted[ends[ranks[i]]++] = rows[i];
  for (std::size_t rank = 0, begin = 0; rank < keys.count(); begin = ends[rank++])
    sort_by_time(sorted.data() + begin, sorted.data() + ends[rank]);
  rows = std::move(sorted);
}

}  // namespace

std::int64_t span_begin_of(FileSpan span, std::int64_t time_us) {
  std::int64_t span_us = span_us_of(span);
  std::int64_t into = time_us % span_us;
  return time_us - (into < 0 ? into + span_us : into);
}

std::vector<OrderedSpan> order_rows(const Relation& relation, std::span<const RowRange> ranges,
                                    const ParquetLayout& layout) {
  KeyRanks keys(relation, ranges, layout.key_column);
  std::vector<OrderedSpan> spans = split_by_span(relation, ranges, layout);
  for (OrderedSpan& span : spans) sort_by_key(span.rows, keys);
  return spans;
}

}  // namespace freshet::sql
