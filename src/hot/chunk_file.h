// A closed chunk on disk (docs/formats/chunk_file.md): its bytes at their own offsets, so that the
// file can be mapped as it is; holes where nothing was taken; behind them a trailer that says which
// stretches there are, with their checksums.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "common/result.h"
#include "hot/chunk.h"
#include "io/disk.h"

namespace freshet::hot {

// What is remembered of a chunk's file elsewhere, so that no other file can take its place.
struct ChunkFile {
  std::string name;  // in the folder of its checkpoint
  RowNumber first_row = 0;
  std::uint32_t row_count = 0;
  std::uint64_t chunk_bytes = 0;    // up to the last byte taken; the trailer's offset
  std::uint64_t trailer_bytes = 0;  // in whole pages
  std::uint32_t trailer_crc = 0;    // CRC32C; it covers the checksums of all stretches
  std::uint64_t disk_bytes = 0;     // without the holes
};

// Any thread, while the chunk lives: nothing in a closed chunk changes. On stable storage when it
// returns, but for the file's name. Replaces what has the name.
Result<ChunkFile> write_chunk_file(io::Disk& disk, const std::string& folder,
                                   const std::string& name, const Chunk& chunk);

// Any thread. Reads the whole file, around the page cache, and compares. kCorruption FRS-3304,
// naming file and offset.
Status verify_chunk_file(io::Disk& disk, const std::string& folder, const ChunkFile& file);

// The chunk again, without its rows in memory: the file is mapped, and its name may go. Where the
// disk is simulated its stretches are read into the arena instead. The file must have been
// verified.
Result<std::shared_ptr<Chunk>> open_chunk_file(io::Disk& disk, const std::string& folder,
                                               const ChunkFile& file, std::shared_ptr<Arena> arena,
                                               const ChunkLayout& layout);

}  // namespace freshet::hot
