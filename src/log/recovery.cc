#include "log/recovery.h"

#include <algorithm>
#include <limits>
#include <map>

namespace freshet::log {
namespace {

using Scans = std::vector<SegmentScan>;
constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

// For each epoch the first sequence that a later epoch has taken for itself: from there on blocks
// of the epoch are void.
class VoidLimits {
 public:
  explicit VoidLimits(const Scans& scans) {
    for (const SegmentScan& scan : scans) {
      for (const Run& run : scan.runs) {
        auto [place, fresh] = starts_.emplace(scan.identity.epoch, run.epoch_first_sequence);
        if (!fresh) place->second = std::min(place->second, run.epoch_first_sequence);
      }
    }
  }

  std::uint64_t of(std::uint64_t epoch) const {
    std::uint64_t limit = kNever;
    for (auto later = starts_.upper_bound(epoch); later != starts_.end(); ++later) {
      limit = std::min(limit, later->second);
    }
    return limit;
  }

 private:
  std::map<std::uint64_t, std::uint64_t> starts_;
};

// Adds the parts of `extent` that no extent covers yet.
void add_uncovered(std::vector<Extent>& extents, Extent extent) {
  for (const Extent& taken : std::vector<Extent>(extents)) {
    if (taken.last_sequence < extent.first_sequence ||
        taken.first_sequence > extent.last_sequence) {
      continue;
    }
    if (taken.first_sequence > extent.first_sequence) {
      Extent front = extent;
      front.last_sequence = taken.first_sequence - 1;
      add_uncovered(extents, front);
    }
    if (taken.last_sequence >= extent.last_sequence) return;
    extent.first_sequence = taken.last_sequence + 1;
  }
  extents.push_back(extent);
  std::sort(extents.begin(), extents.end(),
            [](const Extent& a, const Extent& b) { return a.first_sequence < b.first_sequence; });
}

std::vector<Extent> choose_copies(const Scans& scans) {
  VoidLimits limits(scans);
  std::vector<Extent> extents;
  for (std::size_t segment = scans.size(); segment-- > 0;) {
    std::uint64_t limit = limits.of(scans[segment].identity.epoch);
    for (std::size_t index = 0; index < scans[segment].runs.size(); ++index) {
      const Run& run = scans[segment].runs[index];
      if (run.first_sequence >= limit) continue;
      add_uncovered(extents,
                    {segment, index, run.first_sequence, std::min(run.last_sequence, limit - 1)});
    }
  }
  return extents;
}

const Run& run_of(const Scans& scans, const Extent& extent) {
  return scans[extent.segment].runs[extent.run];
}

// The last sequence that stays: W, or further as far as no sequence is missing.
std::uint64_t find_end(const std::vector<Extent>& extents, std::uint64_t durable) {
  std::uint64_t end = durable;
  for (const Extent& extent : extents) {
    if (extent.first_sequence <= end + 1) end = std::max(end, extent.last_sequence);
  }
  return end;
}

std::uint64_t end_of_first_stretch(const std::vector<Extent>& extents) {
  std::uint64_t end = extents.empty() ? 0 : extents.front().last_sequence;
  for (const Extent& extent : extents) {
    if (extent.first_sequence <= end + 1) end = std::max(end, extent.last_sequence);
  }
  return end;
}

// Where sequences between two extents may have stood: behind the first, in the segments between
// that hold nothing, and before the second.
std::vector<Hole::Place> places_between(const Scans& scans, const Extent* before,
                                        const Extent* after) {
  std::vector<Hole::Place> places;
  std::size_t first = before == nullptr ? 0 : before->segment;
  std::size_t last = after == nullptr ? scans.size() - 1 : after->segment;
  for (std::size_t segment = first; segment <= last; ++segment) {
    const SegmentScan& scan = scans[segment];
    std::uint64_t from = before != nullptr && segment == first ? run_of(scans, *before).end_offset
                                                               : kSegmentDataOffset;
    std::uint64_t until =
        after != nullptr && segment == last ? run_of(scans, *after).start_offset : scan.file_bytes;
    std::uint64_t bad_from = kNever;
    std::uint64_t bad_until = 0;
    for (const BadArea& area : scan.bad_areas) {
      if (area.offset + area.bytes <= from || area.offset >= until) continue;
      bad_from = std::min(bad_from, std::max(area.offset, from));
      bad_until = std::max(bad_until, std::min(area.offset + area.bytes, until));
    }
    if (bad_until > bad_from) places.push_back({segment, bad_from, bad_until - bad_from});
  }
  if (places.empty()) {
    // Overwritten without a trace, or a file is gone: name the place where they should follow.
    std::uint64_t offset =
        before == nullptr ? kSegmentDataOffset : run_of(scans, *before).end_offset;
    places.push_back(
        {first, offset, scans[first].file_bytes - std::min(offset, scans[first].file_bytes)});
  }
  return places;
}

bool names_segment(const std::vector<Hole>& holes, std::size_t segment) {
  for (const Hole& hole : holes) {
    for (const Hole::Place& place : hole.places) {
      if (place.segment == segment) return true;
    }
  }
  return false;
}

// Both copies of a segment's header were synced before its first block. Lost headers in front of
// traces of blocks are damage wherever they stand, also where no later block vouches for these.
void add_headless_segments(const Scans& scans, Decision& decision) {
  for (std::size_t segment = 0; segment < scans.size(); ++segment) {
    const SegmentScan& scan = scans[segment];
    bool traces = std::any_of(scan.bad_areas.begin(), scan.bad_areas.end(),
                              [](const BadArea& area) { return area.traces; });
    if (scan.header_is_good || !traces || names_segment(decision.holes, segment)) continue;
    Hole hole;
    hole.places.push_back({segment, 0, scan.file_bytes});
    for (std::size_t index = 0; index < decision.extents.size(); ++index) {
      if (decision.extents[index].segment < segment) hole.extent_before = index;
      if (decision.extents[index].segment > segment && hole.extent_after == Hole::kNone) {
        hole.extent_after = index;
      }
    }
    decision.holes.push_back(std::move(hole));
  }
}

void find_holes(const Scans& scans, Decision& decision) {
  const std::vector<Extent>& extents = decision.extents;
  if (extents.empty()) {
    if (decision.last_sequence < std::max<std::uint64_t>(decision.trimmed_before, 1)) return;
    Hole all;
    all.last_sequence = decision.last_sequence;
    all.places = places_between(scans, nullptr, nullptr);
    decision.holes.push_back(std::move(all));
    return;
  }
  if (extents.front().first_sequence > std::max<std::uint64_t>(decision.trimmed_before, 1)) {
    Hole hole;
    hole.last_sequence = extents.front().first_sequence - 1;
    hole.extent_after = 0;
    hole.places = places_between(scans, nullptr, &extents.front());
    decision.holes.push_back(std::move(hole));
  }
  for (std::size_t index = 0; index < extents.size(); ++index) {
    bool is_last = index + 1 == extents.size();
    std::uint64_t next = is_last ? decision.last_sequence + 1 : extents[index + 1].first_sequence;
    if (extents[index].last_sequence + 1 >= next) continue;
    Hole hole;
    hole.last_sequence = next - 1;
    hole.extent_before = index;
    if (!is_last) hole.extent_after = index + 1;
    hole.places = places_between(scans, &extents[index], is_last ? nullptr : &extents[index + 1]);
    decision.holes.push_back(std::move(hole));
  }
}

// Bytes behind the end that once were, or began to be, blocks. Only the last epoch has a tail that
// nobody has judged yet.
std::uint64_t torn_bytes(const Scans& scans, const Decision& decision) {
  std::uint64_t epoch = 0;
  for (const SegmentScan& scan : scans) {
    if (!scan.runs.empty()) epoch = std::max(epoch, scan.identity.epoch);
  }
  std::uint64_t bytes = 0;
  for (std::size_t segment = 0; segment < scans.size(); ++segment) {
    const SegmentScan& scan = scans[segment];
    if (scan.identity.epoch < epoch) continue;
    std::uint64_t kept_until = 0;
    for (const Run& run : scan.runs) {
      if (run.first_sequence > decision.last_sequence) {
        bytes += run.end_offset - run.start_offset;
      } else {
        kept_until = std::max(kept_until, run.end_offset);
      }
    }
    for (const BadArea& area : scan.bad_areas) {
      if (area.offset >= kept_until && area.traces) bytes += area.bytes;
    }
  }
  return bytes;
}

// A page that the disk refuses to give today may hold an acknowledged block. Cutting there would
// lose it for good; refusing to start loses nothing.
Status refuse_unreadable_tail(const Scans& scans, const Decision& decision) {
  std::size_t last = decision.extents.empty() ? 0 : decision.extents.back().segment;
  std::uint64_t end = decision.extents.empty() || scans.empty()
                          ? 0
                          : run_of(scans, decision.extents.back()).end_offset;
  for (std::size_t segment = last; segment < scans.size(); ++segment) {
    for (const BadArea& area : scans[segment].bad_areas) {
      if (!area.unreadable || (segment == last && area.offset < end)) continue;
      return Error(Code::kIo, 3112,
                   scans[segment].path + " cannot be read at offset " +
                       std::to_string(area.offset) +
                       ", where the journal's end may stand: check the disk and start again");
    }
  }
  return ok();
}

}  // namespace

Result<Decision> decide_recovery(const Scans& scans, std::uint64_t trimmed_before,
                                 RecoveryPolicy policy) {
  Decision decision;
  decision.trimmed_before = trimmed_before;
  for (const SegmentScan& scan : scans) {
    decision.durable_sequence = std::max(decision.durable_sequence, scan.highest_durable_sequence);
    decision.trimmed_before = std::max(decision.trimmed_before, scan.highest_trimmed_before);
  }
  std::vector<Extent> copies = choose_copies(scans);
  std::erase_if(
      copies, [&](const Extent& extent) { return extent.last_sequence < decision.trimmed_before; });
  if (policy == RecoveryPolicy::kEveryHoleIsATornTail) {
    decision.last_sequence = end_of_first_stretch(copies);
    decision.durable_sequence = std::min(decision.durable_sequence, decision.last_sequence);
  } else {
    std::uint64_t known = std::max(decision.durable_sequence, decision.trimmed_before);
    // What was let go was durable, also the block just before T.
    if (decision.trimmed_before > decision.durable_sequence) --known;
    decision.last_sequence = find_end(copies, known);
  }
  for (const Extent& extent : copies) {
    if (extent.first_sequence <= decision.last_sequence) decision.extents.push_back(extent);
  }
  FRESHET_TRY_STATUS(refuse_unreadable_tail(scans, decision));
  find_holes(scans, decision);
  add_headless_segments(scans, decision);
  decision.torn_tail_bytes = torn_bytes(scans, decision);
  return decision;
}

}  // namespace freshet::log
