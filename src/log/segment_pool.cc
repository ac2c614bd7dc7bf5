#include "log/segment_pool.h"

#include <algorithm>
#include <cstring>

#include "common/bytes.h"
#include "common/check.h"
#include "common/logging.h"

namespace freshet::log {
namespace {

constexpr std::uint64_t kZeroChunkBytes = 512 << 10;
// Room for the largest request; also what a start makes when nothing is ready, so that an empty
// folder does not cost the time of a full segment.
constexpr std::uint64_t kModestBytes = 16ull << 20;
// The first segments of a start double up to the full size: were the second a full one, a writer in
// a hurry would have filled the first long before it is there.
constexpr std::uint64_t kGrowth = 2;
constexpr std::int64_t kRefusalPauseNs = 500'000'000;

}  // namespace

SegmentPool::SegmentPool(const Config& config, io::Disk& disk, io::WriteQueue& queue,
                         io::Clock& clock, io::Random& random)
    : config_(config), disk_(disk), queue_(queue), clock_(clock), random_(random) {}

void SegmentPool::begin_epoch(std::uint64_t epoch, std::uint64_t next_segment_id) {
  epoch_ = epoch;
  next_segment_id_ = next_segment_id;
}

void SegmentPool::add_free(std::string path, std::uint64_t bytes,
                           std::uint64_t trimmed_before_sequence) {
  free_.push_back({std::move(path), bytes, trimmed_before_sequence});
}

void SegmentPool::prove_trimmed_before(std::uint64_t sequence) {
  proven_trimmed_before_ = std::max(proven_trimmed_before_, sequence);
}

Status SegmentPool::recycle(const std::string& path, std::uint64_t segment_id,
                            std::uint64_t bytes) {
  // One at a time, oldest first: were two names on their way at once, a crash could forget the
  // older change alone, and what is left would look like a hole.
  FRESHET_TRY_STATUS(settle_names());
  std::string free_path = path_of(free_file_name({segment_id, epoch_, trimmed_before_}));
  FRESHET_TRY_STATUS(disk_.rename(path, free_path));
  unsettled_.push_back({std::move(free_path), bytes, trimmed_before_});
  // It is renamed; a failed sync of the folder is met again, and told, by the next call.
  (void)settle_names();
  return ok();
}

// A renamed file may be written to only when its old name is gone for good: otherwise a crash could
// bring that name back over new content.
Status SegmentPool::settle_names() {
  if (unsettled_.empty()) return ok();
  FRESHET_TRY_STATUS(disk_.sync_directory(config_.directory));
  free_.insert(free_.end(), unsettled_.begin(), unsettled_.end());
  unsettled_.clear();
  return ok();
}

// Gives one file back to the file system that will not be needed soon, or is too small to be worth
// its switches.
Status SegmentPool::remove_surplus() {
  // Until this epoch stands in a name of its own, the names of free files may be all that keeps an
  // epoch from being counted again.
  if (!epoch_is_on_disk_) return ok();
  Result<std::uint64_t> wanted = choose_bytes();
  bool enough = free_.size() > config_.segments_ahead;
  auto surplus = std::find_if(free_.begin(), free_.end(), [&](const FreeFile& file) {
    bool is_small = wanted.has_value() && file.bytes < *wanted;
    // Nor may a name go that alone says what was let go.
    return (enough || is_small) && file.trimmed_before <= proven_trimmed_before_;
  });
  if (surplus == free_.end()) return ok();
  FreeFile file = std::move(*surplus);
  free_.erase(surplus);
  FRESHET_TRY_STATUS(disk_.remove(file.path));
  return disk_.sync_directory(config_.directory);
}

Status SegmentPool::prepare_step(std::uint64_t must_hold) {
  if (zeroing_.has_value()) return step_zeroing();
  FRESHET_TRY_STATUS(settle_names());
  if (!free_.empty()) FRESHET_TRY_STATUS(remove_surplus());
  bool fits = must_hold == 0 || has_ready(must_hold);
  if (fits && ready_.size() >= config_.segments_ahead) return ok();
  std::uint64_t least = fits ? 0 : kSegmentDataOffset + round_up(must_hold, kPageBytes);
  if (has_free(least)) return adopt_free(least);
  if (refusal_.has_value() && clock_.monotonic_ns() < refused_until_ns_) return *refusal_;
  refusal_.reset();
  Result<std::uint64_t> bytes = choose_bytes();
  if (!bytes.has_value()) return give_up(std::move(bytes).error(), "");
  std::uint64_t grown = std::max(kGrowth * last_created_bytes_, kModestBytes);
  Result<Zeroing> created = create(std::max(std::min(*bytes, grown), least));
  if (!created.has_value()) return give_up(std::move(created).error(), "");
  zeroing_ = *std::move(created);
  submit_zeros();
  return ok();
}

Status SegmentPool::step_zeroing() {
  if (zeroing_->in_flight) return ok();
  if (zeroing_->failure.has_value()) {
    Zeroing failed = *std::exchange(zeroing_, std::nullopt);
    failed.file.reset();
    return give_up(*std::move(failed.failure), failed.path);
  }
  if (zeroing_->done < zeroing_->bytes) {
    submit_zeros();
    return ok();
  }
  Zeroing finished = *std::exchange(zeroing_, std::nullopt);
  return adopt({finished.path, finished.bytes, 0});
}

Status SegmentPool::give_up(Error why, const std::string& path) {
  if (!path.empty()) {
    // What it took is given back at once; where that fails too, the next start removes it.
    Status removed = disk_.remove(path);
    if (!removed.has_value()) why = std::move(why).with_context(removed.error().message());
  }
  refusal_ = why;
  refused_until_ns_ = clock_.monotonic_ns() + kRefusalPauseNs;
  return why;
}

// Full segments where there is plenty of space; smaller ones on a small disk, so that one segment
// never takes more than a quarter of what is left.
Result<std::uint64_t> SegmentPool::choose_bytes() const {
  FRESHET_TRY(std::uint64_t free, disk_.free_bytes(config_.directory));
  std::uint64_t least = std::min(config_.segment_bytes, kModestBytes);
  std::uint64_t bytes = config_.segment_bytes;
  while (bytes > least && free / 4 < bytes) {
    bytes = std::max(least, bytes / 2 / kPageBytes * kPageBytes);
  }
  std::uint64_t reserve = bytes / 16;  // the catalog and the lock need a little too
  if (free < bytes + reserve) {
    return Error(Code::kNoSpace, 3113,
                 config_.directory + " has " + std::to_string(free) +
                     " bytes free, a log segment needs " + std::to_string(bytes + reserve) +
                     ": free space; nothing is acknowledged without it");
  }
  return bytes;
}

Result<SegmentPool::Zeroing> SegmentPool::create(std::uint64_t bytes) {
  Zeroing fresh;
  fresh.path = path_of(preparing_file_name(next_segment_id_++));
  fresh.bytes = bytes;
  last_created_bytes_ = bytes;
  {
    FRESHET_TRY(auto made, disk_.open(fresh.path, io::OpenMode::kCreate));
    (void)made;  // only the name was wanted; direct writes need a handle of their own
  }
  FRESHET_TRY(fresh.file, disk_.open(fresh.path, io::OpenMode::kDirectWrite));
  if (zeros_.capacity() == 0) {
    zeros_.grow(kZeroChunkBytes, 0);
    std::memset(zeros_.data(), 0, kZeroChunkBytes);
  }
  return fresh;
}

// Really zeros, not fallocate: unwritten extents would cost a file-system commit at each later
// write, and a promise of space is not space on every file system.
void SegmentPool::submit_zeros() {
  std::uint64_t bytes = std::min(kZeroChunkBytes, zeroing_->bytes - zeroing_->done);
  zeroing_->in_flight = true;
  queue_.submit(*zeroing_->file, zeroing_->done, {zeros_.data(), bytes}, kTagBit | bytes);
}

void SegmentPool::complete(const io::Completion& completion) {
  FRESHET_CHECK(zeroing_.has_value());
  FRESHET_CHECK(zeroing_->in_flight);
  zeroing_->in_flight = false;
  if (!completion.status.has_value()) {
    zeroing_->failure = completion.status.error();
    return;
  }
  zeroing_->done += completion.tag & ~kTagBit;
  if (zeroing_->done < zeroing_->bytes) submit_zeros();
}

bool SegmentPool::has_free(std::uint64_t bytes) const {
  return std::any_of(free_.begin(), free_.end(),
                     [&](const FreeFile& file) { return file.bytes >= bytes; });
}

Status SegmentPool::adopt_free(std::uint64_t bytes) {
  auto found = std::find_if(free_.begin(), free_.end(),
                            [&](const FreeFile& file) { return file.bytes >= bytes; });
  FRESHET_CHECK(found != free_.end());
  FreeFile file = std::move(*found);
  free_.erase(found);
  return adopt(std::move(file));
}

// Header, then name, then folder: a file with a segment's name always has a durable header.
Status SegmentPool::adopt(FreeFile file) {
  auto segment = std::make_unique<Segment>();
  SegmentHeader header;
  header.journal_id = config_.journal_id;
  header.data_directory_id = config_.data_directory_id;
  header.segment_id = next_segment_id_++;
  header.epoch = epoch_;
  header.nonce = random_.next_u64();
  header.segment_bytes = file.bytes;
  header.prepared_us = clock_.wall_us();
  header.trimmed_before_sequence = trimmed_before_;
  segment->identity = identity_of(header);
  segment->crc_seed = segment->identity.crc_seed();
  segment->path = path_of(segment_file_name(header.segment_id, header.epoch));

  // Where it fails the file goes too, unless its name or its header alone keeps an epoch from being
  // counted again, or says what was let go.
  std::uint64_t says = std::max(file.trimmed_before, header.trimmed_before_sequence);
  auto refuse = [&](Error why, const std::string& path) {
    bool others_say_it = epoch_is_on_disk_ && says <= proven_trimmed_before_;
    return give_up(std::move(why), others_say_it ? path : "");
  };
  AlignedBuffer pages(kSegmentDataOffset);
  encode_segment_header(header, {pages.data(), kSegmentDataOffset});
  Result<std::unique_ptr<io::File>> opened = disk_.open(file.path, io::OpenMode::kDirectWrite);
  if (!opened.has_value()) return refuse(std::move(opened).error(), file.path);
  segment->file = *std::move(opened);
  Status written = segment->file->write(0, {pages.data(), kSegmentDataOffset});
  if (!written.has_value()) return refuse(std::move(written).error(), file.path);
  Status renamed = disk_.rename(file.path, segment->path);
  if (!renamed.has_value()) return refuse(std::move(renamed).error(), file.path);
  Status synced = disk_.sync_directory(config_.directory);
  if (!synced.has_value()) return refuse(std::move(synced).error(), segment->path);
  epoch_is_on_disk_ = true;
  prove_trimmed_before(header.trimmed_before_sequence);
  ready_.push_back(std::move(segment));
  return ok();
}

Status SegmentPool::prepare_now(std::uint64_t bytes) {
  if (has_ready(bytes)) return ok();
  std::uint64_t least = kSegmentDataOffset + round_up(bytes, kPageBytes);
  if (has_free(least)) return adopt_free(least);
  FRESHET_TRY(std::uint64_t chosen, choose_bytes());
  std::uint64_t modest = std::max(std::min(chosen, kModestBytes), least);
  FRESHET_TRY(Zeroing fresh, create(modest));
  while (fresh.done < fresh.bytes) {
    std::uint64_t chunk = std::min(kZeroChunkBytes, fresh.bytes - fresh.done);
    Status written = fresh.file->write(fresh.done, {zeros_.data(), chunk});
    if (!written.has_value()) return give_up(std::move(written).error(), fresh.path);
    fresh.done += chunk;
  }
  fresh.file.reset();
  return adopt({fresh.path, fresh.bytes, 0});
}

bool SegmentPool::has_ready(std::uint64_t bytes) const {
  return std::any_of(ready_.begin(), ready_.end(),
                     [&](const auto& segment) { return segment->room() >= bytes; });
}

std::unique_ptr<Segment> SegmentPool::take(std::uint64_t bytes) {
  if (!has_ready(bytes)) return nullptr;
  // In the order of their ids: a later id means later blocks. One that is too small is passed over
  // for good.
  while (ready_.front()->room() < bytes) {
    std::unique_ptr<Segment> small = std::move(ready_.front());
    ready_.pop_front();
    Status removed = disk_.remove(small->path);
    // Harmless: it is empty, and the next start takes it as free.
    if (!removed.has_value()) log_warning(removed.error().to_string());
  }
  std::unique_ptr<Segment> segment = std::move(ready_.front());
  ready_.pop_front();
  return segment;
}

std::uint64_t SegmentPool::bytes() const {
  std::uint64_t total = ready_bytes();
  for (const FreeFile& file : free_) total += file.bytes;
  for (const FreeFile& file : unsettled_) total += file.bytes;
  return total;
}

std::uint64_t SegmentPool::ready_bytes() const {
  std::uint64_t total = zeroing_.has_value() ? zeroing_->done : 0;
  for (const auto& segment : ready_) total += segment->identity.segment_bytes;
  return total;
}

}  // namespace freshet::log
