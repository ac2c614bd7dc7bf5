// A checkpoint: what a shard has made of the log up to a position, so that a start need not make it
// again. A plain value and its bytes (docs/formats/checkpoint.md); a core.
//
// It is no truth of its own: a start without one, or with a bad one, reads the log from its
// beginning and comes to the same state.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "event/position.h"
#include "hot/chunk_file.h"
#include "pipeline/ledger.h"

namespace freshet::pipeline {

struct TableCheckpoint {
  hot::RowNumber begin = 0, end = 0;
  std::vector<hot::ChunkFile> chunks;  // ascending; together they hold all of these rows
};

// A place in a stream: retention by bytes.
struct ByteSample {
  Position position;
  std::int64_t arrival_us = 0;
  std::uint64_t bytes_before = 0;
};

// What dedup knows: runs on disk, and the entries that were in memory, in a file of their own.
struct IdsCheckpoint {
  std::vector<std::vector<std::uint64_t>> runs;  // their numbers, group by group
  std::string file;
  std::uint64_t entries = 0;
  std::uint32_t crc = 0;  // CRC32C of the file
};

struct StreamCheckpoint {
  StreamId stream = 0;
  std::int64_t visible_from_us = 0;
  std::uint64_t bytes = 0;
  std::vector<ByteSample> samples;

  // Of its pipeline; plan 0: it has none.
  std::uint64_t plan = 0;  // StreamPipeline::plan_hash()
  std::uint32_t ref_version = 0;
  std::array<TableCheckpoint, 3> tables;  // rows, $dead, $dupes
  std::vector<LedgerRow> ledger;
  IdsCheckpoint ids;
};

struct ReferenceInForce {
  std::uint32_t version = 0;
  Position position;  // of its control record
};

struct Checkpoint {
  std::uint64_t data_directory_id = 0;
  std::uint32_t journal = 0;
  Position position;                         // all records up to it are in, none behind it
  std::int64_t arrival_us = 0;               // of that record
  std::vector<ReferenceInForce> references;  // by version
  std::vector<StreamCheckpoint> streams;
};

std::string checkpoint_bytes(const Checkpoint& checkpoint);
// kCorruption FRS-3501 where they are not what checkpoint_bytes() wrote, kUnsupported FRS-3502
// where another version of Freshet wrote them. `where` is named in the error.
Result<Checkpoint> read_checkpoint(std::string_view bytes, const std::string& where);

}  // namespace freshet::pipeline
