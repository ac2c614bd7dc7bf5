#include "log/journal.h"

#include <algorithm>

#include "common/check.h"
#include "common/logging.h"
#include "log/journal_state.h"

namespace freshet::log {
namespace {

// Every block but a watermark leaves this much, so that one always fits behind the last records.
constexpr std::uint64_t kWatermarkRoom = kPageBytes;
constexpr std::int64_t kDrainLimitUs = 30'000'000;
constexpr std::int64_t kDrainStepUs = 100'000;

}  // namespace

BlockView PendingBlock::view() const {
  BlockView view;
  view.header = header;
  view.records = {raw->data() + kBlockHeaderBytes, header.raw_bytes};
  view.directory = {raw->data() + raw_directory_offset,
                    header.directory_count * kDirectoryEntryBytes};
  return view;
}

Journal::Journal(std::unique_ptr<State> state) : state_(std::move(state)) {}

Journal::~Journal() {
  // The device may still read our buffers.
  std::vector<io::Completion> done;
  for (std::int64_t waited = 0; state_->writes_in_flight > 0 || state_->pool.write_is_in_flight();
       waited += kDrainStepUs) {
    if (waited >= kDrainLimitUs) {
      log_error("log writes did not return; their buffers are left to them",
                {{"directory", state_->config.directory}});
      (void)state_.release();
      return;
    }
    done.clear();
    state_->queue.wait(done, kDrainStepUs);
    for (const io::Completion& completion : done) {
      if ((completion.tag & SegmentPool::kTagBit) != 0) {
        // The file is half written; the next start removes it.
        state_->pool.abandon();
      } else {
        --state_->writes_in_flight;
      }
    }
  }
}

const Recovery& Journal::recovery() const {
  return state_->recovery;
}

// --- Appending

Result<Position> Journal::append(StreamId stream, PartitionId partition, RecordKind kind,
                                 std::string_view partition_key, std::string_view data,
                                 std::int64_t now_us) {
  State& state = *state_;
  if (state.broken.has_value()) [[unlikely]]
    return *state.broken;
  if (partition_key.size() > kKeyBytesMax || data.size() > kBlockBytesLimit / 2) [[unlikely]] {
    return Error(Code::kInvalid, 3114, "a record's key or data is longer than the log can hold");
  }
  std::uint64_t block_bytes =
      state.builder.is_open() ? state.builder.block_bytes_with(partition_key.size(), data.size())
                              : BlockBuilder::first_block_bytes(partition_key.size(), data.size());
  if (!state.has_room(block_bytes)) [[unlikely]]
    return state.no_room().error();
  if (!state.builder.is_open()) {
    state.last_arrival_us = std::max(state.last_arrival_us, now_us);
    state.builder.begin(state.take_buffer(), {state.next_position}, state.last_arrival_us);
  }
  state.builder.append(stream, partition, kind, partition_key, data);
  return Position{state.next_position++};
}

std::shared_ptr<AlignedBuffer> Journal::State::take_buffer() {
  std::shared_ptr<AlignedBuffer> buffer = readable.take_spare_buffer();
  return buffer != nullptr ? buffer : std::make_shared<AlignedBuffer>(64 << 10);
}

bool Journal::State::has_room(std::uint64_t block_bytes) const {
  std::uint64_t needed = block_bytes + kWatermarkRoom;
  if (current != nullptr && !segment_failed && current->room() >= needed) return true;
  return pool.has_ready(needed);
}

Status Journal::State::no_room() const {
  return Error(Code::kUnavailable, 3115,
               config.directory +
                   ": no prepared segment has room for the next block, so nothing "
                   "can be acknowledged; free disk space, writing goes on by itself");
}

std::uint64_t Journal::open_block_records() const {
  return state_->builder.is_open() ? state_->builder.record_count() : 0;
}

std::uint64_t Journal::open_block_bytes() const {
  return open_block_records() == 0 ? 0 : state_->builder.bytes();
}

std::int64_t Journal::open_block_arrival_us() const {
  return state_->builder.is_open() ? state_->builder.arrival_us() : state_->last_arrival_us;
}

bool Journal::open_block_is_full() const {
  return open_block_bytes() >= state_->config.block_bytes_max;
}

// --- Submitting

bool Journal::can_submit() const {
  return state_->can_submit();
}

bool Journal::State::can_submit() const {
  return !broken.has_value() && !segment_failed && pending.size() < config.blocks_in_flight_max;
}

Status Journal::submit() {
  State& state = *state_;
  if (state.broken.has_value()) return *state.broken;
  FRESHET_CHECK(state.can_submit());
  FRESHET_CHECK(open_block_records() > 0);
  if (!state.has_room(round_up(state.builder.bytes(), kPageBytes))) return state.no_room();
  PendingBlock block;
  block.header = state.fresh_header();
  block.header.base_position = state.builder.base().value;
  block.header.arrival_min_us = state.builder.arrival_us();
  block.header.arrival_max_us = state.builder.arrival_us();
  block.body = state.builder.finish();
  block.raw = block.body.buffer;
  block.raw_directory_offset = round_up(kBlockHeaderBytes + block.body.raw_bytes, 8);
  if (state.config.compress) {
    std::optional<BlockBody> smaller = compress_body(block.body, state.take_buffer());
    if (smaller.has_value()) block.body = *std::move(smaller);
  }
  FRESHET_TRY_STATUS(state.place(block));
  state.last_block_is_watermark = false;
  state.submitted_last = block;
  state.pending.push_back(std::move(block));
  state.start_write(state.pending.back());
  return ok();
}

Status Journal::submit_watermark() {
  State& state = *state_;
  if (state.broken.has_value()) return *state.broken;
  if (state.last_block_is_watermark || !state.can_submit()) return ok();
  if (state.current == nullptr || state.current->room() < kPageBytes) return ok();
  // The open block keeps its positions: an empty block stands before it and takes none.
  PendingBlock block =
      state.empty_block(state.builder.is_open() ? state.builder.base().value : state.next_position);
  FRESHET_TRY_STATUS(state.place(block));
  state.last_block_is_watermark = true;
  state.pending.push_back(std::move(block));
  state.start_write(state.pending.back());
  return ok();
}

PendingBlock Journal::State::empty_block(std::uint64_t position) {
  PendingBlock block;
  block.header = fresh_header();
  block.header.base_position = position;
  // Of the block before it: an open block, whose time may be later, comes behind.
  block.header.arrival_min_us = placed_arrival_us;
  block.header.arrival_max_us = placed_arrival_us;
  empty_builder.begin(std::make_shared<AlignedBuffer>(kPageBytes), {position}, placed_arrival_us);
  block.body = empty_builder.finish();
  block.raw = block.body.buffer;
  block.raw_directory_offset = kBlockHeaderBytes;
  return block;
}

Status Journal::visit_submitted(const RecordVisitor& visit) const {
  if (!state_->submitted_last.has_value()) return ok();
  return visit_block(state_->submitted_last->view(), visit);
}

BlockHeader Journal::State::fresh_header() const {
  BlockHeader header;
  header.journal_id = config.journal_id;
  header.data_directory_id = config.data_directory_id;
  header.epoch = epoch;
  header.epoch_first_sequence = epoch_first_sequence;
  return header;
}

// Gives the block its sequence and its place, and seals it for that place.
Status Journal::State::place(PendingBlock& block) {
  BlockHeader& header = block.header;
  if (header.sequence == 0) header.sequence = next_sequence++;
  std::uint64_t bytes = block.body.block_bytes;
  std::uint64_t needed = bytes + (block.body.record_count > 0 ? kWatermarkRoom : 0);
  if (current == nullptr || current->room() < needed) {
    std::unique_ptr<Segment> next = pool.take(needed);
    if (next == nullptr) return no_room();
    current = std::move(next);
    used.push_back({current->path, current->identity.segment_id, current->identity.segment_bytes,
                    header.sequence - 1, header.base_position});
  }
  header.segment_id = current->identity.segment_id;
  header.segment_offset = current->end_offset;
  header.durable_sequence = durable_sequence;
  header.trimmed_before_sequence = trimmed_before_sequence;
  header.block_bytes = bytes;
  header.stored_bytes = block.body.stored_bytes;
  header.raw_bytes = block.body.raw_bytes;
  header.directory_count = block.body.directory_count;
  header.record_count = block.body.record_count;
  header.codec = static_cast<std::uint8_t>(block.body.codec);
  header.previous_crc = previous_crc;
  header.last_record_position = block.body.record_count > 0
                                    ? header.base_position + header.record_count - 1
                                    : last_placed_position;
  last_placed_position = header.last_record_position;
  placed_arrival_us = header.arrival_max_us;
  header = seal_block(header, {block.body.buffer->data(), bytes}, current->crc_seed);
  previous_crc = header.header_crc;
  block.segment = current;
  current->end_offset += bytes;
  used.back().last_sequence = header.sequence;
  used.back().end_position = header.base_position + header.record_count;
  return ok();
}

void Journal::State::start_write(PendingBlock& block) {
  block.tag = next_tag++;
  block.done = false;
  ++writes_in_flight;
  queue.submit(*block.segment->file, block.header.segment_offset,
               {block.body.buffer->data(), block.body.block_bytes}, block.tag);
}

// --- Completing

Status Journal::complete(const io::Completion& completion) {
  State& state = *state_;
  if ((completion.tag & SegmentPool::kTagBit) != 0) {
    state.pool.complete(completion);
    return ok();
  }
  FRESHET_CHECK(state.writes_in_flight > 0);
  --state.writes_in_flight;
  if (state.broken.has_value()) return *state.broken;
  auto block = std::find_if(state.pending.begin(), state.pending.end(),
                            [&](const PendingBlock& each) { return each.tag == completion.tag; });
  FRESHET_CHECK(block != state.pending.end());
  if (!completion.status.has_value()) {
    if (!state.segment_failed) {
      log_error("a log write failed; its segment is given up, pending blocks move to a new one",
                {{"segment", block->segment->path},
                 {"offset", block->header.segment_offset},
                 {"error", completion.status.error().to_string()}});
    }
    state.segment_failed = true;
  } else {
    block->done = true;
  }
  if (!state.segment_failed) {
    state.finish_durable();
    return ok();
  }
  // Nothing more is acknowledged from a failed segment, also what reports success after the
  // failure; and no buffer is sealed anew while the device may read it.
  if (state.writes_in_flight > 0) return ok();
  return state.move_pending();
}

void Journal::State::finish_durable() {
  while (!pending.empty() && pending.front().done) {
    PendingBlock& block = pending.front();
    durable_sequence = block.header.sequence;
    durable_position = block.header.last_record_position;
    pool.prove_trimmed_before(block.header.trimmed_before_sequence);
    moved_once = false;
    readable.add_durable(block.view(), block.raw, block.segment->path, block.segment->identity);
    pending.pop_front();
  }
}

Status Journal::State::move_pending() {
  auto break_with = [&](Error why) -> Status {
    broken = std::move(why).with_context(
        "this journal can write no more; restart when the disk is well");
    return *broken;
  };
  if (moved_once) {
    return break_with(
        Error(Code::kIo, 3116, config.directory + ": two segments in a row refused a write"));
  }
  moved_once = true;
  segment_failed = false;
  std::uint64_t bytes = 0;
  for (const PendingBlock& block : pending) bytes += block.body.block_bytes;
  Status prepared = pool.prepare_now(bytes + kWatermarkRoom);
  if (!prepared.has_value()) return break_with(std::move(prepared).error());
  leave_segment(bytes + kWatermarkRoom);
  pending.front().header.supersedes_from_sequence = pending.front().header.sequence;
  pending.front().header.flags |= kSuperseding;
  for (PendingBlock& block : pending) {
    Status placed = place(block);
    if (!placed.has_value()) return break_with(std::move(placed).error());
  }
  for (PendingBlock& block : pending) start_write(block);
  return ok();
}

// As if the pending blocks had never been placed.
void Journal::State::leave_segment(std::uint64_t bytes) {
  for (UsedSegment& segment : used) {
    if (segment.last_sequence <= durable_sequence) continue;
    segment.last_sequence = durable_sequence;
    segment.end_position = pending.front().header.base_position;
  }
  current = pool.take(bytes);
  FRESHET_CHECK(current != nullptr);
  used.push_back({current->path, current->identity.segment_id, current->identity.segment_bytes,
                  durable_sequence, pending.front().header.base_position});
  last_placed_position = durable_position;
  previous_crc = 0;
}

Position Journal::durable() const {
  return {state_->durable_position};
}

std::uint32_t Journal::blocks_in_flight() const {
  return static_cast<std::uint32_t>(state_->pending.size());
}

// --- Segments

Status Journal::prepare_segments() {
  State& state = *state_;
  if (state.broken.has_value()) return *state.broken;
  std::uint64_t must_hold = 0;
  if (open_block_records() > 0) {
    // Its room may have gone to a watermark, or with a segment that failed.
    must_hold = round_up(state.builder.bytes(), kPageBytes) + kWatermarkRoom;
    if (state.current != nullptr && state.current->room() >= must_hold) must_hold = 0;
  }
  return state.pool.prepare_step(must_hold);
}

Status Journal::trim(Position before) {
  State& state = *state_;
  if (state.broken.has_value()) return *state.broken;
  bool any = false;
  while (state.used.size() > 1) {
    const UsedSegment& oldest = state.used.front();
    bool is_current =
        state.current != nullptr && state.current->identity.segment_id == oldest.segment_id;
    if (is_current || oldest.end_position > before.value ||
        oldest.last_sequence > state.durable_sequence) {
      break;
    }
    // Readers first: from here on they say kExpired instead of meeting foreign bytes.
    state.readable.drop_segment(oldest.segment_id);
    state.trimmed_before_sequence =
        std::max(state.trimmed_before_sequence, oldest.last_sequence + 1);
    state.pool.set_trimmed_before(state.trimmed_before_sequence);
    FRESHET_TRY_STATUS(state.pool.recycle(oldest.path, oldest.segment_id, oldest.bytes));
    state.used.pop_front();
    any = true;
  }
  if (!any) return ok();
  // The next block says what was let go; until one does, surplus files stay for their names' sake.
  state.last_block_is_watermark = false;
  return state.pending.empty() ? submit_watermark() : ok();
}

Position Journal::first_position() const {
  return state_->readable.first_position();
}

std::uint64_t Journal::bytes_on_disk() const {
  std::uint64_t total = state_->pool.bytes();
  for (const UsedSegment& segment : state_->used) total += segment.bytes;
  return total;
}

Position Journal::position_at_time(std::int64_t us) const {
  return state_->readable.position_at_time(us);
}

Position Journal::position_for_bytes(std::uint64_t bytes_max) const {
  // Free files do not count: they are given back, or taken instead of new ones.
  std::uint64_t total = state_->pool.ready_bytes();
  for (const UsedSegment& segment : state_->used) total += segment.bytes;
  Position keep_from = first_position();
  for (const UsedSegment& segment : state_->used) {
    bool is_last = &segment == &state_->used.back();
    if (total <= bytes_max || is_last) break;
    total -= std::min(total, segment.bytes);
    keep_from = {segment.end_position};
  }
  return keep_from;
}

Reader& Journal::reader() {
  return state_->readable;
}

}  // namespace freshet::log
