#include "server/dynamodb/index_reader.h"

#include <algorithm>

namespace freshet::dynamodb {
namespace {

// The best `limit` entries so far: a heap with the worst of them on top.
class BestEntries {
 public:
  BestEntries(bool forward, std::size_t limit) : before_{forward}, limit_(limit) {}

  bool full() const { return heap_.size() >= limit_; }
  const IndexEntry& worst() const { return heap_.front(); }
  bool wants(const IndexEntry& entry) const { return !full() || before_(entry, worst()); }
  void add(const IndexEntry& entry) {
    if (full()) {
      std::pop_heap(heap_.begin(), heap_.end(), before_);
      heap_.back() = entry;
    } else {
      heap_.push_back(entry);
    }
    std::push_heap(heap_.begin(), heap_.end(), before_);
  }
  std::vector<IndexEntry> take_in_order() && {
    std::sort_heap(heap_.begin(), heap_.end(), before_);
    return std::move(heap_);
  }

 private:
  struct Before {
    bool forward;
    bool operator()(const IndexEntry& a, const IndexEntry& b) const {
      return forward ? a < b : b < a;
    }
  };
  Before before_;
  std::size_t limit_;
  std::vector<IndexEntry> heap_;
};

struct Candidate {
  const hot::ChunkView* chunk;
  std::int64_t best_us;  // no row of the chunk comes before this time
};

// Chunks that may hold a wanted row, the best first.
std::vector<Candidate> candidates(const hot::Snapshot& snapshot, const IndexRead& read) {
  TimeRange wanted = read.times;
  if (read.after && read.forward) wanted.first_us = std::max(wanted.first_us, read.after->time_us);
  if (read.after && !read.forward) wanted.last_us = std::min(wanted.last_us, read.after->time_us);
  std::vector<Candidate> found;
  for (const hot::ChunkView& chunk : snapshot.chunks()) {
    TimeRange overlap = intersect(wanted, {chunk.min_time_us(), chunk.max_time_us()});
    if (!overlap.empty())
      found.push_back({&chunk, read.forward ? overlap.first_us : overlap.last_us});
  }
  std::sort(found.begin(), found.end(), [&](const Candidate& a, const Candidate& b) {
    return read.forward ? a.best_us < b.best_us : a.best_us > b.best_us;
  });
  return found;
}

void read_chunk(const hot::ChunkView& chunk, const IndexRead& read, BestEntries& best) {
  auto code = chunk.find_key(read.key_column, read.key);
  if (!code) return;
  const auto* times = chunk.values_as<std::int64_t>(read.time_column);
  const std::uint64_t* validity = chunk.validity(read.time_column);
  for (std::uint32_t row = chunk.chain_last(read.key_column, *code); row != hot::kNoChainRow;
       row = chunk.chain_previous(read.key_column, row)) {
    if (!hot::ChunkView::is_valid_in(validity, row) || !read.times.contains(times[row])) continue;
    IndexEntry entry{times[row], chunk.first_row() + row};
    if (read.after && (read.forward ? entry <= *read.after : entry >= *read.after)) continue;
    if (best.wants(entry)) best.add(entry);
  }
}

}  // namespace

std::vector<IndexEntry> read_index(const hot::Snapshot& snapshot, const IndexRead& read,
                                   std::size_t limit) {
  if (limit == 0 || read.times.empty()) return {};
  BestEntries best(read.forward, limit);
  for (const Candidate& candidate : candidates(snapshot, read)) {
    // Equal times are in order of rows, which a chunk's times do not tell: look into it.
    if (best.full() && (read.forward ? candidate.best_us > best.worst().time_us
                                     : candidate.best_us < best.worst().time_us))
      break;
    read_chunk(*candidate.chunk, read, best);
  }
  return std::move(best).take_in_order();
}

}  // namespace freshet::dynamodb
