#include "dedup/run_writer.h"

#include <algorithm>

#include "common/check.h"
#include "common/crc32c.h"

namespace freshet::dedup {
namespace {

using run_format::kPageBytes;

constexpr std::size_t kBufferBytes = 64 * kPageBytes;
// Between two syncs: the last one of a large run would keep the executor's thread for half a
// minute, and the kernel would hold back the log's writes meanwhile.
constexpr std::uint64_t kSyncPages = 4'096;

}  // namespace

Result<std::unique_ptr<RunWriter>> RunWriter::create(const RunPlace& place, std::uint64_t run) {
  FRESHET_TRY(auto file, place.disk->open(place.path(run), io::OpenMode::kCreate));
  return std::unique_ptr<RunWriter>(new RunWriter(place, run, std::move(file)));
}

RunWriter::RunWriter(const RunPlace& place, std::uint64_t run, std::unique_ptr<io::File> file)
    : place_(place), file_(std::move(file)) {
  header_.run = run;
  header_.data_directory_id = place.data_directory_id;
  header_.seed_check = id_hash({}, place.hash_seed);
  header_.youngest_us = INT64_MIN;
  buffer_.reserve(kBufferBytes);
}

Status RunWriter::add(const HashedId& id, const DedupEntry& entry) {
  if (!page_.add(entry)) {
    FRESHET_TRY_STATUS(end_page());
    FRESHET_CHECK(page_.add(entry));
  }
  if (page_.size() == 1) first_hash_ = id.hash;
  ++header_.entries;
  header_.youngest_us = std::max(header_.youngest_us, entry.last_seen_us);
  if (entry.row != kDedupNoRow) header_.rows_end = std::max(header_.rows_end, entry.row + 1);
  return ok();
}

Status RunWriter::end_page() {
  directory_.push_back(static_cast<std::uint32_t>(first_hash_ >> 32));
  std::size_t at = buffer_.size();
  buffer_.resize(at + kPageBytes);
  page_.pack(header_.run, header_.pages++, PageBytes(buffer_.data() + at, kPageBytes));
  page_.clear();
  return buffer_.size() == kBufferBytes ? flush() : ok();
}

Status RunWriter::flush() {
  FRESHET_TRY_STATUS(file_->write(run_format::page_offset(written_pages_), buffer_));
  written_pages_ += buffer_.size() / kPageBytes;
  buffer_.clear();
  if (written_pages_ - synced_pages_ < kSyncPages) return ok();
  synced_pages_ = written_pages_;
  return file_->sync();
}

Result<std::shared_ptr<RunFile>> RunWriter::finish() {
  FRESHET_CHECK(header_.entries > 0);
  FRESHET_TRY_STATUS(end_page());
  if (!buffer_.empty()) FRESHET_TRY_STATUS(flush());
  auto directory = std::as_bytes(std::span(directory_));
  header_.directory_crc = crc32c(0, directory);
  FRESHET_TRY_STATUS(file_->write(run_format::page_offset(header_.pages), directory));
  header_.crc = crc32c(0, std::as_bytes(std::span(&header_, 1)));
  FRESHET_TRY_STATUS(file_->write(0, std::as_bytes(std::span(&header_, 1))));
  FRESHET_TRY_STATUS(file_->sync());
  FRESHET_TRY_STATUS(place_.disk->sync_directory(place_.directory));
  directory_.shrink_to_fit();
  return std::make_shared<RunFile>(place_.path(header_.run), std::move(file_), header_,
                                   std::move(directory_));
}

}  // namespace freshet::dedup
