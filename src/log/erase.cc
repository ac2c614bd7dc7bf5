#include "log/erase.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "common/bytes.h"
#include "log/block_builder.h"
#include "log/block_cursor.h"

namespace freshet::log {
namespace {

constexpr std::size_t kCopyBytes = 4u << 20;

bool all_zeros(std::span<const std::byte> bytes) {
  if (bytes.empty()) return true;
  // Each byte is the one before it: the library compares many at once.
  return bytes[0] == std::byte{} &&
         std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0;
}

struct SegmentFile {
  std::string path;
  SegmentName name;
};

struct JournalFiles {
  std::vector<SegmentFile> segments;  // by rising id
  std::vector<std::string> others;    // paths of files that wait for reuse, or were not finished
};

Result<JournalFiles> list_files(io::Disk& disk, const std::string& directory) {
  FRESHET_TRY(std::vector<std::string> names, disk.list(directory));
  JournalFiles files;
  for (const std::string& name : names) {
    std::string path = directory + "/" + name;
    if (auto segment = parse_segment_file_name(name)) {
      files.segments.push_back({path, *segment});
    } else if (parse_free_file_name(name) || is_preparing_file_name(name)) {
      files.others.push_back(path);
    }
  }
  std::sort(files.segments.begin(), files.segments.end(),
            [](const auto& a, const auto& b) { return a.name.segment_id < b.name.segment_id; });
  return files;
}

Result<SegmentIdentity> read_identity(io::File& file, const std::string& path) {
  AlignedBuffer pages(kSegmentDataOffset);
  FRESHET_TRY(std::size_t got, file.read(0, {pages.data(), kSegmentDataOffset}));
  std::optional<SegmentHeader> header;
  if (got == kSegmentDataOffset) header = decode_segment_header({pages.data(), kSegmentDataOffset});
  if (header && header->format_version == kFormatVersion) return identity_of(*header);
  return Error(Code::kCorruption, 3130,
               path +
                   ": its header is lost, so nobody can tell which records it holds, and nothing "
                   "can be erased from it; move the file away and start again");
}

// One segment: what stands in it, and how it shall be.
class SegmentErasure {
 public:
  SegmentErasure(io::Disk& disk, const std::string& path, const RecordEraser& eraser,
                 LogErasure& report)
      : disk_(disk), path_(path), eraser_(eraser), report_(report) {}

  // `copy` is the path of the file that takes the segment's place.
  Status run(const std::string& directory, const std::string& copy) {
    FRESHET_TRY(file_, disk_.open(path_, io::OpenMode::kRead));
    FRESHET_TRY(identity_, read_identity(*file_, path_));
    FRESHET_TRY(file_bytes_, file_->size());
    ++report_.segments;
    report_.bytes_read += file_bytes_;
    FRESHET_TRY(bool is_clean, walk(nullptr));
    if (is_clean) return ok();
    FRESHET_TRY_STATUS(io::remove_if_there(disk_, copy));
    {
      FRESHET_TRY(auto to, disk_.open(copy, io::OpenMode::kCreate));
      FRESHET_TRY_STATUS(copy_header(*to));
      FRESHET_TRY([[maybe_unused]] bool ignored, walk(to.get()));
      FRESHET_TRY_STATUS(to->sync());
    }
    FRESHET_TRY_STATUS(disk_.rename(copy, path_));
    FRESHET_TRY_STATUS(disk_.sync_directory(directory));
    ++report_.segments_rewritten;
    report_.records_erased += erased_;
    return ok();
  }

 private:
  Status copy_header(io::File& to) {
    AlignedBuffer pages(kSegmentDataOffset);
    FRESHET_TRY(std::size_t got, file_->read(0, {pages.data(), kSegmentDataOffset}));
    if (got < kSegmentDataOffset) return Error(Code::kIo, path_ + " was cut while it was read");
    return to.write(0, {pages.data(), kSegmentDataOffset});
  }

  // Without `to` it only looks: true where nothing is to be changed. With it, everything that shall
  // stand behind the header is written there.
  Result<bool> walk(io::File* to) {
    erased_ = 0;
    old_crc_ = new_crc_ = 0;
    BlockCursor cursor(*file_, identity_, kSegmentDataOffset, file_bytes_, kCopyBytes);
    std::uint64_t written = kSegmentDataOffset;
    for (;;) {
      switch (cursor.next()) {
        case BlockCursor::Found::kBlock: {
          FRESHET_TRY(bool changed, take_block(cursor));
          if (changed && to == nullptr) return false;
          if (to == nullptr) continue;
          FRESHET_TRY_STATUS(write_zeros(*to, written, cursor.block_offset()));
          FRESHET_TRY_STATUS(
              to->write(cursor.block_offset(), {block_->data(), cursor.header().block_bytes}));
          written = cursor.block_offset() + cursor.header().block_bytes;
          continue;
        }
        case BlockCursor::Found::kNoHeader:
          if (to == nullptr && !all_zeros(cursor.page())) return false;
          cursor.skip(kPageBytes);
          continue;
        case BlockCursor::Found::kBadBody:
          FRESHET_TRY_STATUS(check_readable(cursor.offset(), cursor.header().block_bytes));
          if (to == nullptr) return false;
          cursor.skip(cursor.header().block_bytes);
          continue;
        case BlockCursor::Found::kUnreadable:
          return unreadable(cursor.offset());
        case BlockCursor::Found::kEnd:
          if (to != nullptr) FRESHET_TRY_STATUS(write_zeros(*to, written, file_bytes_));
          return true;
      }
    }
  }

  Error unreadable(std::uint64_t offset) const {
    return {Code::kIo, 3112,
            path_ + " cannot be read at offset " + std::to_string(offset) +
                ": check the disk and start again"};
  }

  // What the disk refuses to give today may be whole tomorrow: only what it gives, and does not
  // check, is worth nothing.
  Status check_readable(std::uint64_t offset, std::uint64_t bytes) const {
    AlignedBuffer body(bytes);
    Result<std::size_t> got = file_->read(offset, {body.data(), bytes});
    return got ? ok() : Status(unreadable(offset));
  }

  // Really written: what a start takes for reuse must not have to grow.
  Status write_zeros(io::File& to, std::uint64_t from, std::uint64_t until) {
    static const std::vector<std::byte> zeros(kCopyBytes);
    while (from < until) {
      std::uint64_t bytes = std::min<std::uint64_t>(until - from, zeros.size());
      FRESHET_TRY_STATUS(to.write(from, {zeros.data(), bytes}));
      from += bytes;
    }
    return ok();
  }

  // Leaves the block as it shall be in block_; true where a record of it is erased. The blocks
  // behind it in the segment name its checksum, so they are sealed anew too.
  Result<bool> take_block(const BlockCursor& cursor) {
    BlockHeader header = cursor.header();
    std::span<const std::byte> stored = cursor.stored_block();
    FRESHET_TRY(std::uint64_t erased, build(cursor.block(), header));
    if (erased == 0) {
      block_ = std::make_shared<AlignedBuffer>(header.block_bytes);
      std::memcpy(block_->data(), stored.data(), header.block_bytes);
    }
    bool follows = old_crc_ != 0 && header.previous_crc == old_crc_;
    old_crc_ = cursor.header().header_crc;
    if (follows) header.previous_crc = new_crc_;
    if (erased > 0 || follows)
      header = seal_block(header, {block_->data(), header.block_bytes}, identity_.crc_seed());
    new_crc_ = header.header_crc;
    erased_ += erased;
    return erased > 0;
  }

  // How many records are erased; where there are any, block_ has the body without them, in as many
  // bytes as before, and `header` its sizes.
  Result<std::uint64_t> build(const BlockView& block, BlockHeader& header) {
    BlockBuilder builder;
    builder.begin(std::make_shared<AlignedBuffer>(header.block_bytes), block.first(),
                  header.arrival_max_us);
    std::uint64_t erased = 0;
    FRESHET_TRY_STATUS(visit_block(block, [&](const Record& record) -> Status {
      std::optional<ErasedRecord> instead;
      if (record.kind == RecordKind::kData || record.kind == RecordKind::kPartlyErased)
        instead = eraser_(record);
      if (instead) ++erased;
      builder.append(record.stream, record.partition, instead ? instead->kind : record.kind,
                     instead ? instead->partition_key : record.partition_key,
                     instead ? instead->data : record.data);
      return ok();
    }));
    if (erased == 0) return std::uint64_t{0};
    BlockBody body = builder.finish();
    if (header.codec == static_cast<std::uint8_t>(Codec::kLz4)) {
      // The records' text was compressed with that of those that go: now and then the quick way
      // would take a page more than both together.
      for (auto effort : {CompressionEffort::kQuick, CompressionEffort::kBest}) {
        auto to = std::make_shared<AlignedBuffer>(body.block_bytes);
        auto smaller = compress_body(body, std::move(to), effort);
        if (!smaller ||
            (effort == CompressionEffort::kQuick && smaller->block_bytes > header.block_bytes))
          continue;
        body = *std::move(smaller);
        break;
      }
    }
    if (body.block_bytes > header.block_bytes) {
      return Error(Code::kInternal, 3131,
                   path_ + ": the block at offset " + std::to_string(header.segment_offset) +
                       " would need more room without the erased records than with them");
    }
    body.buffer->grow(header.block_bytes, body.block_bytes);
    std::memset(body.buffer->data() + body.block_bytes, 0, header.block_bytes - body.block_bytes);
    header.stored_bytes = body.stored_bytes;
    header.raw_bytes = body.raw_bytes;
    header.directory_count = body.directory_count;
    header.codec = static_cast<std::uint8_t>(body.codec);
    block_ = std::move(body.buffer);
    return erased;
  }

  io::Disk& disk_;
  const std::string& path_;
  const RecordEraser& eraser_;
  LogErasure& report_;
  std::unique_ptr<io::File> file_;
  SegmentIdentity identity_;
  std::uint64_t file_bytes_ = 0;
  std::shared_ptr<AlignedBuffer> block_;
  std::uint64_t erased_ = 0;
  std::uint32_t old_crc_ = 0, new_crc_ = 0;  // of the block before, as it was and as it is now
};

// A file that waits for reuse: nothing in it is needed, what it held in its former life least.
Status overwrite_with_zeros(io::Disk& disk, const std::string& path) {
  FRESHET_TRY(auto file, disk.open(path, io::OpenMode::kWrite));
  FRESHET_TRY(std::uint64_t bytes, file->size());
  static const std::vector<std::byte> zeros(kCopyBytes);
  std::vector<std::byte> found(std::min<std::uint64_t>(bytes, kCopyBytes));
  bool changed = false;
  for (std::uint64_t offset = 0; offset < bytes; offset += found.size()) {
    std::uint64_t part = std::min<std::uint64_t>(found.size(), bytes - offset);
    FRESHET_TRY(std::size_t got, file->read(offset, {found.data(), part}));
    if (all_zeros({found.data(), got})) continue;
    changed = true;
    FRESHET_TRY_STATUS(file->write(offset, {zeros.data(), part}));
  }
  return changed ? file->sync() : ok();
}

}  // namespace

Status visit_journal_files(io::Disk& disk, const std::string& directory,
                           const RecordVisitor& visit) {
  FRESHET_TRY(JournalFiles files, list_files(disk, directory));
  for (const SegmentFile& segment : files.segments) {
    auto opened = disk.open(segment.path, io::OpenMode::kRead);
    // Let go by retention meanwhile: nothing of it counts any more.
    if (!opened && opened.error().code() == Code::kNotFound) continue;
    FRESHET_TRY(auto file, std::move(opened));
    FRESHET_TRY(SegmentIdentity identity, read_identity(*file, segment.path));
    FRESHET_TRY(std::uint64_t bytes, file->size());
    BlockCursor cursor(*file, identity, kSegmentDataOffset, bytes, kCopyBytes);
    for (;;) {
      BlockCursor::Found found = cursor.next();
      if (found == BlockCursor::Found::kEnd) break;
      if (found == BlockCursor::Found::kBlock) {
        FRESHET_TRY_STATUS(visit_block(cursor.block(), visit));
      } else {
        cursor.skip(kPageBytes);
      }
    }
  }
  return ok();
}

Result<LogErasure> erase_records(io::Disk& disk, const std::string& directory,
                                 const RecordEraser& eraser) {
  FRESHET_TRY(JournalFiles files, list_files(disk, directory));
  LogErasure report;
  for (const SegmentFile& segment : files.segments) {
    // A name that the journal's start removes.
    std::string copy = directory + "/" + preparing_file_name(segment.name.segment_id);
    SegmentErasure erasure(disk, segment.path, eraser, report);
    FRESHET_TRY_STATUS(erasure.run(directory, copy));
  }
  // Listed again: what an earlier attempt left under a segment copy's name is gone by now, or is
  // worthless.
  FRESHET_TRY(files, list_files(disk, directory));
  for (const std::string& path : files.others) FRESHET_TRY_STATUS(overwrite_with_zeros(disk, path));
  return report;
}

}  // namespace freshet::log
