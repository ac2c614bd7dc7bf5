#include "log/inspect.h"

#include <algorithm>
#include <optional>

#include "common/time_text.h"
#include "common/units.h"
#include "log/block_cursor.h"
#include "log/recovery.h"
#include "log/segment_header.h"

namespace freshet::log {
namespace {

using State = InspectedSegment::State;

class Inspector {
 public:
  Inspector(io::Disk& disk, const std::string& directory, const InspectOptions& options)
      : disk_(disk), options_(options) {
    journal_.directory = directory;
  }

  Result<InspectedJournal> run() {
    FRESHET_TRY(std::vector<std::string> names, disk_.list(journal_.directory));
    for (const std::string& name : names) FRESHET_TRY_STATUS(look_at(name));
    if (journal_.segments.empty()) {
      return Error(Code::kNotFound, 3119,
                   journal_.directory + " holds no log segment: give a journal's folder");
    }
    judge();
    return std::move(journal_);
  }

 private:
  Status look_at(const std::string& name) {
    std::optional<SegmentName> parsed = parse_segment_file_name(name);
    std::optional<SegmentName> free = parse_free_file_name(name);
    if (free.has_value()) {
      trimmed_before_ = std::max(trimmed_before_, free->trimmed_before_sequence);
    }
    if (!parsed.has_value() && !free.has_value() && !is_preparing_file_name(name)) return ok();
    InspectedSegment segment;
    segment.path = journal_.directory + "/" + name;
    FRESHET_TRY(auto file, disk_.open(segment.path, io::OpenMode::kRead));
    FRESHET_TRY(segment.file_bytes, file->size());
    segment.state = free.has_value() ? State::kFree : State::kPreparing;
    if (parsed.has_value()) FRESHET_TRY_STATUS(scan(*file, *parsed, segment));
    journal_.segments.push_back(std::move(segment));
    return ok();
  }

  Status scan(io::File& file, const SegmentName& parsed, InspectedSegment& segment) {
    std::vector<std::byte> pages(kSegmentDataOffset);
    FRESHET_TRY(std::size_t got, file.read(0, pages));
    std::optional<SegmentHeader> header = decode_segment_header(std::span(pages).first(got));
    if (!header.has_value()) {
      segment.state = State::kDamagedHeader;
      segment.header.segment_id = parsed.segment_id;
      segment.header.epoch = parsed.epoch;
      SegmentIdentity named{
          owner_.data_directory_id, owner_.journal_id, parsed.segment_id, parsed.epoch, 0,
          segment.file_bytes};
      add_scan(scan_headless_segment(file, named, segment.path, segment.file_bytes));
      return ok();
    }
    segment.state = State::kUsed;
    segment.header = *header;
    // The first segment says whose folder this is.
    if (!owner_known_) {
      owner_ = identity_of(*header);
      owner_known_ = true;
    }
    Status fits = check_segment_header(*header, owner_.data_directory_id, owner_.journal_id,
                                       parsed.segment_id, parsed.epoch, segment.path);
    if (!fits.has_value()) {
      segment.state = State::kForeign;
      segment.remark = fits.error().to_string();
      return ok();
    }
    std::uint64_t bytes = std::min(segment.file_bytes, header->segment_bytes);
    add_scan(scan_segment(file, identity_of(*header), segment.path, bytes));
    trimmed_before_ = std::max(trimmed_before_, header->trimmed_before_sequence);
    summarize(scans_.back(), segment);
    if (options_.blocks) list_blocks(file, bytes, segment);
    return ok();
  }

  void add_scan(SegmentScan scan) {
    scans_.push_back(std::move(scan));
    scanned_.push_back(journal_.segments.size());
  }

  static void summarize(const SegmentScan& scan, InspectedSegment& segment) {
    if (scan.runs.empty()) return;
    const Run& first = scan.runs.front();
    const Run& last = scan.runs.back();
    for (const Run& run : scan.runs) {
      segment.blocks += run.blocks;
      segment.records += run.records;
    }
    segment.used_bytes = last.end_offset;
    segment.first_sequence = first.first_sequence;
    segment.last_sequence = last.last_sequence;
    segment.first_position = first.first_position;
    segment.last_position = last.end_position - 1;
    segment.first_arrival_us = first.index.front().arrival_us;
    segment.last_arrival_us = last.last_arrival_us;
  }

  static void list_blocks(io::File& file, std::uint64_t bytes, InspectedSegment& segment) {
    BlockCursor cursor(file, identity_of(segment.header), kSegmentDataOffset, bytes);
    for (;;) {
      BlockCursor::Found found = cursor.next();
      if (found == BlockCursor::Found::kEnd) return;
      if (found == BlockCursor::Found::kBlock) {
        segment.listed_blocks.push_back({cursor.header(), cursor.block_offset()});
      } else {
        cursor.skip(kPageBytes);
      }
    }
  }

  // What recovery would decide today.
  void judge() {
    Result<Decision> decided = decide_recovery(scans_, trimmed_before_, RecoveryPolicy::kWatermark);
    if (!decided.has_value()) {
      journal_.segments[scanned_.back()].remark = decided.error().to_string();
      return;
    }
    journal_.durable_sequence = decided->durable_sequence;
    journal_.last_sequence = decided->last_sequence;
    journal_.torn_tail_bytes = decided->torn_tail_bytes;
    std::vector<bool> counts(scans_.size(), false);
    for (const Extent& extent : decided->extents) {
      counts[extent.segment] = true;
      const Run& run = scans_[extent.segment].runs[extent.run];
      journal_.last_position = std::max(journal_.last_position, run.last_record_position);
    }
    for (std::size_t index = 0; index < scans_.size(); ++index) {
      InspectedSegment& segment = journal_.segments[scanned_[index]];
      if (segment.state == State::kUsed && !counts[index]) {
        segment.state = scans_[index].runs.empty() ? State::kReady : State::kVoid;
      }
      add_areas(*decided, index, segment);
    }
  }

  void add_areas(const Decision& decision, std::size_t index, InspectedSegment& segment) {
    for (const Hole& hole : decision.holes) {
      for (const Hole::Place& place : hole.places) {
        if (place.segment != index) continue;
        segment.bad_areas.push_back({InspectedArea::Kind::kDamage, place.offset, place.bytes});
        ++journal_.damaged_areas;
      }
    }
    // Behind the last block that counts stands what a crash caught; before it, what was replaced.
    bool is_tail =
        index + 1 >= scans_.size() || scans_[index].identity.epoch == scans_.back().identity.epoch;
    for (const BadArea& area : scans_[index].bad_areas) {
      bool known = std::any_of(
          segment.bad_areas.begin(), segment.bad_areas.end(), [&](const InspectedArea& each) {
            return area.offset >= each.offset && area.offset < each.offset + each.bytes;
          });
      if (known || !area.traces) continue;
      segment.bad_areas.push_back(
          {is_tail ? InspectedArea::Kind::kTornTail : InspectedArea::Kind::kReplaced, area.offset,
           area.bytes});
    }
  }

  io::Disk& disk_;
  const InspectOptions& options_;
  InspectedJournal journal_;
  std::vector<SegmentScan> scans_;
  std::vector<std::size_t> scanned_;  // index of each scan's segment in the journal
  SegmentIdentity owner_;
  std::uint64_t trimmed_before_ = 0;
  bool owner_known_ = false;
};

std::string_view state_name(State state) {
  switch (state) {
    case State::kUsed:
      return "used";
    case State::kReady:
      return "ready";
    case State::kVoid:
      return "void";
    case State::kFree:
      return "free";
    case State::kPreparing:
      return "preparing";
    case State::kDamagedHeader:
      return "damaged header";
    case State::kForeign:
      return "foreign";
  }
  return "";
}

std::string_view area_name(InspectedArea::Kind kind) {
  switch (kind) {
    case InspectedArea::Kind::kDamage:
      return "DAMAGE: acknowledged blocks cannot be read";
    case InspectedArea::Kind::kTornTail:
      return "torn tail: nothing in it was acknowledged";
    case InspectedArea::Kind::kReplaced:
      return "replaced: its blocks stand elsewhere or are void";
  }
  return "";
}

std::string hexadecimal(std::uint64_t number) {
  char text[20];
  std::snprintf(text, sizeof(text), "%016llx", static_cast<unsigned long long>(number));
  return text;
}

std::string block_line(const InspectedBlock& block) {
  const BlockHeader& header = block.header;
  std::string line = "    block offset=" + std::to_string(block.offset) +
                     " bytes=" + std::to_string(header.block_bytes) +
                     " sequence=" + std::to_string(header.sequence) +
                     " durable=" + std::to_string(header.durable_sequence) +
                     " position=" + std::to_string(header.base_position) +
                     " records=" + std::to_string(header.record_count) +
                     " partitions=" + std::to_string(header.directory_count) +
                     " arrival=" + format_rfc3339_us(header.arrival_max_us);
  if (header.codec == static_cast<std::uint8_t>(Codec::kLz4)) {
    line += " codec=lz4 raw_bytes=" + std::to_string(header.raw_bytes);
  }
  if ((header.flags & kEpochStart) != 0) line += " epoch-start";
  if ((header.flags & kMoved) != 0) line += " moved";
  if ((header.flags & kSuperseding) != 0) {
    line += " supersedes-from=" + std::to_string(header.supersedes_from_sequence);
  }
  return line;
}

void add_segment_lines(const InspectedSegment& segment, std::vector<std::string>& lines) {
  std::string name = segment.path.substr(segment.path.find_last_of('/') + 1);
  std::string line = name + "  " + std::string(state_name(segment.state)) + "  " +
                     format_bytes(segment.file_bytes);
  if (segment.header.nonce != 0) {
    line += "  id=" + std::to_string(segment.header.segment_id) +
            " epoch=" + std::to_string(segment.header.epoch) +
            " nonce=" + hexadecimal(segment.header.nonce) +
            " format=" + std::to_string(segment.header.format_version) +
            " prepared=" + format_rfc3339_us(segment.header.prepared_us);
  }
  lines.push_back(std::move(line));
  if (segment.blocks > 0) {
    lines.push_back("    blocks=" + std::to_string(segment.blocks) +
                    " records=" + std::to_string(segment.records) +
                    " used_bytes=" + std::to_string(segment.used_bytes) +
                    " sequences=" + std::to_string(segment.first_sequence) + ".." +
                    std::to_string(segment.last_sequence) +
                    " positions=" + std::to_string(segment.first_position) + ".." +
                    std::to_string(segment.last_position) +
                    " arrival=" + format_rfc3339_us(segment.first_arrival_us) + ".." +
                    format_rfc3339_us(segment.last_arrival_us));
  }
  for (const InspectedArea& area : segment.bad_areas) {
    lines.push_back("    offset=" + std::to_string(area.offset) + " bytes=" +
                    std::to_string(area.bytes) + " " + std::string(area_name(area.kind)));
  }
  if (!segment.remark.empty()) lines.push_back("    " + segment.remark);
  for (const InspectedBlock& block : segment.listed_blocks) lines.push_back(block_line(block));
}

}  // namespace

Result<InspectedJournal> inspect_journal(io::Disk& disk, const std::string& directory,
                                         const InspectOptions& options) {
  return Inspector(disk, directory, options).run();
}

std::vector<std::string> describe_journal(const InspectedJournal& journal) {
  std::vector<std::string> lines;
  lines.push_back("journal " + journal.directory +
                  "  last_sequence=" + std::to_string(journal.last_sequence) +
                  " durable_sequence=" + std::to_string(journal.durable_sequence) +
                  " last_position=" + std::to_string(journal.last_position) +
                  " damaged_areas=" + std::to_string(journal.damaged_areas) +
                  " torn_tail_bytes=" + std::to_string(journal.torn_tail_bytes));
  for (const InspectedSegment& segment : journal.segments) add_segment_lines(segment, lines);
  return lines;
}

}  // namespace freshet::log
