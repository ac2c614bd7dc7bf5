#include "hot/chunk_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "common/bytes.h"
#include "common/crc32c.h"
#include "io/page_memory.h"

namespace freshet::hot {
namespace {

constexpr std::uint64_t kTrailerMagic = 0x3130464354485246;  // "FRHTCF01" in memory order
constexpr std::size_t kPieceBytes = 1u << 20;                // written and checked at once

// The trailer: this, then the stretches, then zeros to the end of the page.
struct TrailerHeader {
  std::uint64_t magic = kTrailerMagic;
  std::uint64_t chunk_bytes = 0;
  std::uint64_t first_row = 0;
  std::uint32_t row_count = 0;
  std::uint32_t stretch_count = 0;
};
static_assert(sizeof(TrailerHeader) == 32);

struct Stretch {
  std::uint64_t offset = 0;
  std::uint32_t bytes = 0;
  std::uint32_t crc = 0;
};
static_assert(sizeof(Stretch) == 16);

Error damaged(const std::string& path, std::uint64_t offset, const char* what) {
  return Error(Code::kCorruption, 3304,
               fmt::format("{} is damaged at offset {}: {}; its rows are made again from the log",
                           path, offset, what));
}

// Whole pages, cut into pieces.
std::vector<Stretch> stretches_of(const Chunk& chunk) {
  std::vector<Stretch> stretches;
  for (auto [offset, bytes] : chunk.taken_stretches()) {
    for (std::uint64_t done = 0; done < bytes; done += kPieceBytes) {
      std::uint64_t piece = std::min<std::uint64_t>(kPieceBytes, bytes - done);
      stretches.push_back({offset + done, static_cast<std::uint32_t>(piece), 0});
    }
  }
  return stretches;
}

io::PageMemory trailer_of(const TrailerHeader& header, const std::vector<Stretch>& stretches,
                          std::uint64_t trailer_bytes) {
  io::PageMemory trailer(trailer_bytes);
  std::memcpy(trailer.data(), &header, sizeof(header));
  std::memcpy(trailer.data() + sizeof(header), stretches.data(),
              stretches.size() * sizeof(Stretch));
  return trailer;
}

Status write_stretches(io::File& file, const Chunk& chunk, std::vector<Stretch>& stretches) {
  for (Stretch& stretch : stretches) {
    std::span<const std::byte> bytes{chunk.base() + stretch.offset, stretch.bytes};
    stretch.crc = crc32c(0, bytes);
    FRESHET_TRY_STATUS(file.write(stretch.offset, bytes));
  }
  return ok();
}

Result<std::vector<Stretch>> read_trailer(io::File& file, const std::string& path,
                                          const ChunkFile& expected) {
  io::PageMemory trailer(expected.trailer_bytes);
  std::span<std::byte> bytes{trailer.data(), expected.trailer_bytes};
  FRESHET_TRY(std::size_t got, file.read(expected.chunk_bytes, bytes));
  if (got != bytes.size()) return damaged(path, expected.chunk_bytes, "the file is cut");
  if (crc32c(0, bytes) != expected.trailer_crc)
    return damaged(path, expected.chunk_bytes, "the trailer is not the one that was written");
  auto header = load_le<TrailerHeader>(bytes.data());
  // The checksum is right, so these are ours.
  FRESHET_CHECK(header.magic == kTrailerMagic);
  std::vector<Stretch> stretches(header.stretch_count);
  std::memcpy(stretches.data(), bytes.data() + sizeof(header), stretches.size() * sizeof(Stretch));
  return stretches;
}

Result<std::shared_ptr<Chunk>> copy_into_arena(io::File& file, const std::string& path,
                                               const ChunkFile& known,
                                               const std::shared_ptr<Arena>& arena,
                                               const ChunkLayout& layout) {
  FRESHET_TRY(auto stretches, read_trailer(file, path, known));
  FRESHET_TRY(Arena::Range range, arena->map(known.chunk_bytes));
  for (const Stretch& stretch : stretches) {
    FRESHET_TRY([[maybe_unused]] std::size_t got,
                file.read(stretch.offset, {range.base + stretch.offset, stretch.bytes}));
  }
  return Chunk::of_memory(arena, layout, range, known.first_row, known.row_count);
}

}  // namespace

Result<ChunkFile> write_chunk_file(io::Disk& disk, const std::string& folder,
                                   const std::string& name, const Chunk& chunk) {
  std::string path = folder + "/" + name;
  FRESHET_TRY_STATUS(io::remove_if_there(disk, path));
  FRESHET_TRY(auto file, disk.open(path, io::OpenMode::kDirectCreate));
  std::vector<Stretch> stretches = stretches_of(chunk);
  FRESHET_TRY_STATUS(write_stretches(*file, chunk, stretches));

  ChunkFile known{.name = name,
                  .first_row = chunk.first_row(),
                  .row_count = chunk.row_count(),
                  .chunk_bytes = stretches.back().offset + stretches.back().bytes};
  known.trailer_bytes =
      round_up(sizeof(TrailerHeader) + stretches.size() * sizeof(Stretch), kPageBytes);
  TrailerHeader header{.chunk_bytes = known.chunk_bytes,
                       .first_row = known.first_row,
                       .row_count = known.row_count,
                       .stretch_count = static_cast<std::uint32_t>(stretches.size())};
  io::PageMemory trailer = trailer_of(header, stretches, known.trailer_bytes);
  std::span<const std::byte> bytes{trailer.data(), known.trailer_bytes};
  known.trailer_crc = crc32c(0, bytes);
  FRESHET_TRY_STATUS(file->write(known.chunk_bytes, bytes));
  FRESHET_TRY_STATUS(file->sync());
  known.disk_bytes = known.trailer_bytes;
  for (const Stretch& stretch : stretches) known.disk_bytes += stretch.bytes;
  return known;
}

Status verify_chunk_file(io::Disk& disk, const std::string& folder, const ChunkFile& file) {
  std::string path = folder + "/" + file.name;
  FRESHET_TRY(auto opened, disk.open(path, io::OpenMode::kDirectRead));
  FRESHET_TRY(auto stretches, read_trailer(*opened, path, file));
  io::PageMemory piece(kPieceBytes);
  for (const Stretch& stretch : stretches) {
    std::span<std::byte> bytes{piece.data(), stretch.bytes};
    FRESHET_TRY(std::size_t got, opened->read(stretch.offset, bytes));
    if (got != bytes.size()) return damaged(path, stretch.offset, "the file is cut");
    if (crc32c(0, bytes) != stretch.crc)
      return damaged(path, stretch.offset, "the bytes are not those that were written");
  }
  return ok();
}

Result<std::shared_ptr<Chunk>> open_chunk_file(io::Disk& disk, const std::string& folder,
                                               const ChunkFile& file, std::shared_ptr<Arena> arena,
                                               const ChunkLayout& layout) {
  std::string path = folder + "/" + file.name;
  FRESHET_TRY(auto opened, disk.open(path, io::OpenMode::kRead));
  if (opened->descriptor() < 0) return copy_into_arena(*opened, path, file, arena, layout);
  FRESHET_TRY(Arena::Range range, arena->map_file(opened->descriptor(), file.chunk_bytes));
  return Chunk::of_file(std::move(arena), layout, range, file.first_row, file.row_count);
}

}  // namespace freshet::hot
