// Opening a journal, step by step:
//   1. look at every file of the folder: refuse foreign ones, read the headers of all blocks, and
//      the whole of segments that headers alone do not prove;
//   2. decide what counts (recovery.h), and note gaps;
//   3. take the next epoch and a new segment;
//   4. write the blocks that no watermark vouches for again, into that segment: what is shown to
//      anybody from now on is durable beyond doubt, also where the last process died before its
//      sync and the bytes stand in the page cache alone;
//   5. write the epoch's first block, which says where the old one ended. A crash before it decides
//      everything again, and alike; a crash behind it finds the decision on disk.
#include <algorithm>
#include <cstring>
#include <optional>

#include "common/check.h"
#include "common/logging.h"
#include "io/parallel.h"
#include "log/block_cursor.h"
#include "log/journal_state.h"
#include "log/stretches.h"

namespace freshet::log {
namespace {

constexpr std::size_t kReplayReadBytes = 4u << 20;
constexpr std::size_t kScanHelpers = 3;

Status check_config(const Config& config) {
  bool good = !config.directory.empty() && config.segment_bytes % kPageBytes == 0 &&
              config.segment_bytes >= kSegmentDataOffset + 4 * kPageBytes &&
              config.blocks_in_flight_max > 0 && config.segments_ahead > 0;
  if (good) return ok();
  return Error(Code::kInvalid, 3117,
               "the journal's configuration is wrong: it needs a directory, segment_bytes in whole "
               "pages of 4096 and at least 24576, segments_ahead and blocks_in_flight_max of at "
               "least 1");
}

Error damaged_body(const std::string& path, std::uint64_t offset) {
  return Error(Code::kCorruption, 3120,
               path + " is damaged at offset " + std::to_string(offset) +
                   ": the block there was durable, and its bytes do not check; open the log with "
                   "bodies checked to go on around it");
}

// The body of a block read from disk, ready to be sealed for another place.
PendingBlock pending_from(const BlockView& view, std::span<const std::byte> stored) {
  const BlockHeader& header = view.header;
  PendingBlock block;
  block.header = header;
  block.body.buffer = std::make_shared<AlignedBuffer>(stored.size());
  std::memcpy(block.body.buffer->data(), stored.data(), stored.size());
  block.body.block_bytes = header.block_bytes;
  block.body.stored_bytes = header.stored_bytes;
  block.body.raw_bytes = header.raw_bytes;
  block.body.directory_count = header.directory_count;
  block.body.record_count = header.record_count;
  block.body.codec = static_cast<Codec>(header.codec);
  block.raw = block.body.buffer;
  block.raw_directory_offset = round_up(kBlockHeaderBytes + header.raw_bytes, 8);
  if (block.body.codec == Codec::kRaw) return block;
  block.raw = std::make_shared<AlignedBuffer>(block.raw_directory_offset + view.directory.size());
  std::memcpy(block.raw->data() + kBlockHeaderBytes, view.records.data(), view.records.size());
  std::memcpy(block.raw->data() + block.raw_directory_offset, view.directory.data(),
              view.directory.size());
  return block;
}

}  // namespace

Result<std::unique_ptr<Journal>> Journal::open(const Config& config, io::Disk& disk,
                                               io::WriteQueue& queue, io::Clock& clock,
                                               io::Random& random, RecoveryPolicy policy,
                                               io::Executor* helpers) {
  FRESHET_TRY_STATUS(check_config(config));
  auto state = std::make_unique<State>(config, disk, queue, clock, random);
  Status opened = state->open(policy, helpers);
  if (!opened && opened.error().code() == Code::kCorruption && !config.check_bodies) {
    state.reset();
    Config with_bodies = config;
    with_bodies.check_bodies = true;
    return open(with_bodies, disk, queue, clock, random, policy, helpers);
  }
  FRESHET_TRY_STATUS(std::move(opened));
  return std::unique_ptr<Journal>(new Journal(std::move(state)));
}

Status Journal::State::open(RecoveryPolicy policy, io::Executor* helpers) {
  FRESHET_TRY_STATUS(disk.make_directory(config.directory));
  FRESHET_TRY(std::vector<SegmentName> segments, list_files());
  FRESHET_TRY_STATUS(scan_files(segments, helpers));
  FRESHET_TRY_STATUS(check_what_headers_leave_open());
  FRESHET_TRY(decision, decide_recovery(scans, named_trimmed_before, policy));
  FRESHET_TRY(std::vector<Stretch> stretches,
              stretches_of(disk, scans, decision.extents, decision.last_sequence));
  note_recovered(stretches);
  note_gaps(stretches);
  note_used_segments(stretches);
  FRESHET_TRY_STATUS(free_empty_segments());
  FRESHET_TRY_STATUS(begin_epoch(stretches));
  scans = {};
  decision = {};
  return ok();
}

// Removes and notes what is no segment; gives the segments, by rising id.
Result<std::vector<SegmentName>> Journal::State::list_files() {
  // A name that a former process gave may stand in the kernel's memory alone, when its sync failed.
  // Nothing is built on names that a crash could take back.
  FRESHET_TRY_STATUS(disk.sync_directory(config.directory));
  FRESHET_TRY(std::vector<std::string> names, disk.list(config.directory));
  std::vector<SegmentName> segments;
  std::uint64_t last_id = 0;
  for (const std::string& name : names) {
    std::string path = config.directory + "/" + name;
    if (auto segment = parse_segment_file_name(name)) {
      segments.push_back(*segment);
      last_id = std::max(last_id, segment->segment_id);
      epoch = std::max(epoch, segment->epoch);
    } else if (auto free = parse_free_file_name(name)) {
      FRESHET_TRY(auto file, disk.open(path, io::OpenMode::kRead));
      FRESHET_TRY(std::uint64_t bytes, file->size());
      last_id = std::max(last_id, free->segment_id);
      epoch = std::max(epoch, free->epoch);
      named_trimmed_before = std::max(named_trimmed_before, free->trimmed_before_sequence);
      bytes = bytes / kPageBytes * kPageBytes;
      if (bytes >= kSegmentDataOffset + 4 * kPageBytes) {
        pool.add_free(path, bytes, free->trimmed_before_sequence);
      } else {
        log_warning("a free log file is too short to be used; it may be removed", {{"path", path}});
      }
    } else if (is_preparing_file_name(name)) {
      FRESHET_TRY_STATUS(disk.remove(path));
    } else {
      log_warning("a file that is none of the journal's is left alone", {{"path", path}});
    }
  }
  // The epoch stands in file names too: whatever is damaged inside, no position comes twice.
  ++epoch;
  FRESHET_CHECK(epoch < ~std::uint64_t{0} / kPositionsPerEpoch);
  next_position = epoch * kPositionsPerEpoch;
  pool.begin_epoch(epoch, last_id + 1);
  return segments;
}

// Side by side: a disk answers many small reads at once in the time of one.
Status Journal::State::scan_files(const std::vector<SegmentName>& segments, io::Executor* helpers) {
  std::vector<std::optional<Result<SegmentScan>>> found(segments.size());
  io::parallel_for(helpers, kScanHelpers, segments.size(),
                   [&](std::size_t i) { found[i] = scan_file(segments[i]); });
  for (auto& scan : found) {
    if (!*scan) return std::move(*scan).error();
    scans.push_back(*std::move(*scan));
  }
  return ok();
}

Result<SegmentScan> Journal::State::scan_file(const SegmentName& named) const {
  std::string path = config.directory + "/" + segment_file_name(named.segment_id, named.epoch);
  FRESHET_TRY(auto file, disk.open(path, io::OpenMode::kRead));
  FRESHET_TRY(std::uint64_t bytes, file->size());
  std::vector<std::byte> pages(kSegmentDataOffset);
  FRESHET_TRY(std::size_t got, file->read(0, pages));
  std::optional<SegmentHeader> header = decode_segment_header(std::span(pages).first(got));
  if (!header.has_value()) {
    SegmentIdentity lost{
        config.data_directory_id, config.journal_id, named.segment_id, named.epoch, 0, bytes};
    return scan_headless_segment(*file, lost, std::move(path), bytes);
  }
  FRESHET_TRY_STATUS(check_segment_header(*header, config.data_directory_id, config.journal_id,
                                          named.segment_id, named.epoch, path));
  FRESHET_TRY(auto blocks, disk.open(path, io::OpenMode::kDirectRead));
  SegmentScan scan = scan_segment(*blocks, identity_of(*header), std::move(path),
                                  std::min(bytes, header->segment_bytes),
                                  config.check_bodies ? ScanDepth::kBlocks : ScanDepth::kHeaders);
  scan.highest_trimmed_before =
      std::max(scan.highest_trimmed_before, header->trimmed_before_sequence);
  return scan;
}

// Headers do where the watermark vouches for every block of a segment. Blocks above it may be torn,
// and where something is wrong in a segment all of its bytes are looked at.
Status Journal::State::check_what_headers_leave_open() {
  for (bool changed = true; changed;) {
    changed = false;
    std::uint64_t durable = 0;
    for (const SegmentScan& scan : scans)
      durable = std::max(durable, scan.highest_durable_sequence);
    for (SegmentScan& scan : scans) {
      if (scan.depth == ScanDepth::kBlocks) continue;
      bool is_vouched_for = scan.bad_areas.empty() &&
                            std::all_of(scan.runs.begin(), scan.runs.end(), [&](const Run& run) {
                              return run.last_sequence <= durable;
                            });
      if (is_vouched_for) continue;
      FRESHET_TRY(auto file, disk.open(scan.path, io::OpenMode::kDirectRead));
      std::uint64_t trimmed_before = scan.highest_trimmed_before;
      scan = scan_segment(*file, scan.identity, scan.path, scan.file_bytes, ScanDepth::kBlocks);
      scan.highest_trimmed_before = std::max(scan.highest_trimmed_before, trimmed_before);
      changed = true;  // its headers may have claimed more than what is left of it
    }
  }
  return ok();
}

void Journal::State::note_recovered(const std::vector<Stretch>& stretches) {
  recovery.epoch = epoch;
  recovery.torn_tail_bytes = decision.torn_tail_bytes;
  for (const Stretch& stretch : stretches) {
    recovery.blocks += stretch.blocks;
    recovery.records += stretch.records;
    recovery.bytes += stretch.end_offset - stretch.start_offset;
    recovery.last = {std::max(recovery.last.value, stretch.last_record_position)};
    recovery.last_arrival_us = std::max(recovery.last_arrival_us, stretch.last_arrival_us);
  }
  last_arrival_us = recovery.last_arrival_us;
  placed_arrival_us = recovery.last_arrival_us;
  epoch_first_sequence = decision.last_sequence + 1;
  next_sequence = epoch_first_sequence;
  trimmed_before_sequence = decision.trimmed_before;
  pool.set_trimmed_before(decision.trimmed_before);
}

void Journal::State::note_gaps(const std::vector<Stretch>& stretches) {
  for (const Hole& hole : decision.holes) {
    for (const Hole::Place& place : hole.places) {
      Gap gap;
      gap.segment = scans[place.segment].path;
      gap.offset = place.offset;
      gap.bytes = place.bytes;
      gap.reason = "blocks at or below the durable watermark do not check: damage, no torn tail";
      if (hole.extent_before != Hole::kNone) {
        gap.after = {stretches[hole.extent_before].last_record_position};
      }
      if (hole.extent_after != Hole::kNone) {
        gap.before = {stretches[hole.extent_after].first_position};
      }
      recovery.gaps.push_back(gap);
      // Readers may go on with what this epoch will write.
      if (gap.before.value == 0) gap.before = {next_position};
      readable.add_gap(gap);
      log_error("damaged log blocks: FRS-3111", {{"segment", gap.segment},
                                                 {"offset", gap.offset},
                                                 {"bytes", gap.bytes},
                                                 {"after_position", gap.after.value},
                                                 {"before_position", gap.before.value}});
    }
  }
}

// Every segment with blocks, also those whose blocks do not count any more: they are trimmed in
// their turn, before the segments that hold the copies that count.
void Journal::State::note_used_segments(const std::vector<Stretch>& stretches) {
  std::uint64_t last_sequence = 0;
  std::uint64_t end_position = 0;
  for (std::size_t index = 0; index < scans.size(); ++index) {
    UsedSegment segment{scans[index].path,
                        scans[index].identity.segment_id,
                        scans[index].file_bytes,
                        last_sequence,
                        end_position,
                        false};
    for (std::size_t each = 0; each < decision.extents.size(); ++each) {
      if (decision.extents[each].segment != index) continue;
      segment.counts = true;
      segment.last_sequence = std::max(segment.last_sequence, stretches[each].last_sequence);
      segment.end_position = std::max(segment.end_position, stretches[each].end_position);
    }
    // With the damage that may have stood in it, the missing blocks go too.
    for (const Hole& hole : decision.holes) {
      for (const Hole::Place& place : hole.places) {
        if (place.segment != index) continue;
        segment.counts = true;
        segment.last_sequence = std::max(segment.last_sequence, hole.last_sequence);
        std::uint64_t behind = hole.extent_after != Hole::kNone
                                   ? stretches[hole.extent_after].first_position
                                   : next_position;
        segment.end_position = std::max(segment.end_position, behind);
      }
    }
    last_sequence = segment.last_sequence;
    end_position = segment.end_position;
    if (segment.counts || !scans[index].runs.empty()) used.push_back(std::move(segment));
  }
}

// Prepared by a former start and never written to: nothing is lost with them.
Status Journal::State::free_empty_segments() {
  for (const SegmentScan& scan : scans) {
    bool is_used = std::any_of(used.begin(), used.end(), [&](const UsedSegment& segment) {
      return segment.segment_id == scan.identity.segment_id;
    });
    if (is_used) continue;
    FRESHET_TRY_STATUS(pool.recycle(scan.path, scan.identity.segment_id, scan.file_bytes));
  }
  return ok();
}

// One of them may carry the highest watermark, so they go only when the new epoch's first block
// carries it too.
Status Journal::State::free_void_segments() {
  for (auto segment = used.begin(); segment != used.end();) {
    if (segment->counts) {
      ++segment;
      continue;
    }
    FRESHET_TRY_STATUS(pool.recycle(segment->path, segment->segment_id, segment->bytes));
    segment = used.erase(segment);
  }
  return ok();
}

Status Journal::State::begin_epoch(const std::vector<Stretch>& stretches) {
  Result<std::vector<PendingBlock>> tail = read_tail();
  if (!tail.has_value()) return std::move(tail).error();
  std::uint64_t bytes = 2 * kPageBytes;
  for (const PendingBlock& block : *tail) bytes += block.body.block_bytes;
  Status prepared = pool.prepare_now(bytes);
  if (!prepared.has_value() && prepared.error().code() == Code::kNoSpace) {
    log_error("the disk is full: the log opens for reading",
              {{"error", prepared.error().to_string()}});
    return begin_without_space(stretches, *tail);
  }
  FRESHET_TRY_STATUS(std::move(prepared));

  durable_sequence = decision.durable_sequence;
  FRESHET_TRY(std::vector<Stretch> vouched_for,
              stretches_of(disk, scans, decision.extents, decision.durable_sequence));
  show(vouched_for);
  for (PendingBlock& block : *tail) FRESHET_TRY_STATUS(write_now(std::move(block)));
  durable_sequence = decision.last_sequence;
  PendingBlock start = empty_block(next_position);
  start.header.flags = kEpochStart;
  FRESHET_TRY_STATUS(write_now(std::move(start)));
  durable_sequence = next_sequence - 1;
  durable_position = recovery.last.value;
  return free_void_segments();
}

// There is no new segment, so the tail is made durable where it stands: the same bytes are written
// to the same place. A sync would not do: after one that failed in an earlier attempt the kernel
// takes the pages for clean, and a second one succeeds without writing them.
Status Journal::State::begin_without_space(const std::vector<Stretch>& stretches,
                                           const std::vector<PendingBlock>& tail) {
  for (const PendingBlock& block : tail) {
    auto scan = std::find_if(scans.begin(), scans.end(), [&](const SegmentScan& each) {
      return each.identity.segment_id == block.header.segment_id;
    });
    FRESHET_CHECK(scan != scans.end());
    FRESHET_TRY(auto file, disk.open(scan->path, io::OpenMode::kDirectWrite));
    FRESHET_TRY_STATUS(file->write(block.header.segment_offset,
                                   {block.body.buffer->data(), block.body.block_bytes}));
  }
  show(stretches);
  durable_sequence = decision.last_sequence;
  durable_position = recovery.last.value;
  return ok();
}

void Journal::State::show(const std::vector<Stretch>& stretches) {
  std::uint64_t last = 0;
  for (const Stretch& stretch : stretches) {
    last = std::max(last, stretch.last_record_position);
    readable.add_stretch(stretch);
  }
  // Damage in front is damage, nothing that expired.
  bool front_hole = std::any_of(decision.holes.begin(), decision.holes.end(),
                                [](const Hole& hole) { return hole.extent_before == Hole::kNone; });
  if (decision.trimmed_before > 1 && !front_hole) {
    readable.set_trim_floor(
        {stretches.empty() ? recovery.last.value + 1 : stretches.front().first_position});
  }
  readable.set_durable({last}, last_arrival_us);
  last_placed_position = last;
}

// Blocks behind the watermark, in order, each with its new header begun.
Result<std::vector<PendingBlock>> Journal::State::read_tail() {
  std::vector<PendingBlock> tail;
  for (const Extent& extent : decision.extents) {
    if (extent.last_sequence <= decision.durable_sequence) continue;
    const SegmentScan& scan = scans[extent.segment];
    const Run& run = scan.runs[extent.run];
    std::uint64_t first = std::max(extent.first_sequence, decision.durable_sequence + 1);
    auto behind =
        std::partition_point(run.index.begin(), run.index.end(),
                             [&](const IndexEntry& entry) { return entry.sequence <= first; });
    FRESHET_TRY(auto file, disk.open(scan.path, io::OpenMode::kRead));
    BlockCursor cursor(*file, scan.identity, std::prev(behind)->offset, run.end_offset);
    while (cursor.offset() < run.end_offset) {
      if (cursor.next() != BlockCursor::Found::kBlock) {
        return changed_bytes(scan.path, cursor.offset());
      }
      if (cursor.header().sequence < first) continue;
      if (cursor.header().sequence > extent.last_sequence) break;
      PendingBlock block = pending_from(cursor.block(), cursor.stored_block());
      block.header.epoch = epoch;
      block.header.epoch_first_sequence = epoch_first_sequence;
      block.header.supersedes_from_sequence = 0;
      block.header.flags = kMoved;
      tail.push_back(std::move(block));
    }
  }
  return tail;
}

Status Journal::State::write_now(PendingBlock block) {
  FRESHET_TRY_STATUS(place(block));
  FRESHET_TRY_STATUS(block.segment->file->write(
      block.header.segment_offset, {block.body.buffer->data(), block.body.block_bytes}));
  readable.add_durable(block.view(), block.raw, block.segment->path, block.segment->identity);
  return ok();
}

Status Journal::replay(Position from, const RecordVisitor& visit) {
  for (const Stretch& stretch : state_->readable.stretches()) {
    if (stretch.end_position <= from.value || stretch.records == 0) continue;
    auto behind =
        std::partition_point(stretch.index.begin(), stretch.index.end(),
                             [&](const IndexEntry& entry) { return entry.position <= from.value; });
    std::uint64_t offset =
        behind == stretch.index.begin() ? stretch.start_offset : std::prev(behind)->offset;
    FRESHET_TRY(auto file, state_->disk.open(stretch.path, io::OpenMode::kDirectRead));
    BlockCursor cursor(*file, stretch.identity, offset, stretch.end_offset, kReplayReadBytes);
    while (cursor.offset() < stretch.end_offset) {
      if (cursor.next() != BlockCursor::Found::kBlock) {
        if (!state_->config.check_bodies) return damaged_body(stretch.path, cursor.offset());
        return changed_bytes(stretch.path, cursor.offset());
      }
      const BlockView& block = cursor.block();
      if (block.end() <= from) continue;
      FRESHET_TRY_STATUS(visit_block_records(block, [&](const Record& record) -> Status {
        return record.position < from ? ok() : visit(record);
      }));
    }
  }
  return ok();
}

}  // namespace freshet::log
