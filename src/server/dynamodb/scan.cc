#include <fmt/format.h>

#include "server/dynamodb/page.h"

namespace freshet::dynamodb {
namespace {

struct ScanParameters {
  ReadParameters read;
  std::uint64_t segment = 0;
  std::uint64_t total_segments = 1;
};

Result<ScanParameters> parse_scan(const Call& call) {
  constexpr std::int64_t kSegmentsMax = 1'000'000;
  Input input(call.body);
  FRESHET_TRY(auto placeholders,
              parse_placeholders(input, {"FilterExpression", "ProjectionExpression"}));
  ScanParameters to;
  FRESHET_TRY(to.read, parse_read_parameters(input, placeholders));
  FRESHET_TRY_STATUS(placeholders.all_used());
  FRESHET_TRY(auto segment, input.integer("Segment", 0, kSegmentsMax - 1));
  FRESHET_TRY(auto total, input.integer("TotalSegments", 1, kSegmentsMax));
  if (segment && !total)
    return Error(Code::kInvalid,
                 "The TotalSegments parameter is required but was not present in "
                 "the request when Segment parameter is present");
  if (total && !segment)
    return Error(Code::kInvalid,
                 "The Segment parameter is required but was not present in the "
                 "request when parameter TotalSegments is present");
  if (segment && *segment >= *total)
    return Error(Code::kInvalid, fmt::format("The Segment parameter is zero-based and must be less "
                                             "than parameter TotalSegments: Segment: {} is not "
                                             "less than TotalSegments: {}",
                                             *segment, *total));
  if (segment) to.segment = static_cast<std::uint64_t>(*segment);
  if (total) to.total_segments = static_cast<std::uint64_t>(*total);
  return to;
}

// The segment of an id depends on nothing else, so that no row changes its segment while rows come
// and go between two pages. Ids may be alike in any of their bits, hence the mixing (MurmurHash3's
// finaliser).
std::uint64_t segment_of(EventId id, std::uint64_t total) {
  std::uint64_t hash = id.high ^ (id.low * 0x9E3779B97F4A7C15);
  hash = (hash ^ hash >> 33) * 0xFF51AFD7ED558CCD;
  hash = (hash ^ hash >> 33) * 0xC4CEB9FE1A85EC53;
  hash ^= hash >> 33;
  return static_cast<std::uint64_t>((static_cast<unsigned __int128>(hash) * total) >> 64);
}

// Rows of one chunk. False where the page is full.
bool scan_chunk(const ScanParameters& parameters, const TableShape& shape, const TableIndex* index,
                const hot::ChunkView& chunk, hot::RowNumber first, Page& page) {
  const auto* ids = chunk.values_as<EventId>(shape.key_column);
  std::uint32_t row = chunk.begin();
  if (first > chunk.first_row() + row) row = static_cast<std::uint32_t>(first - chunk.first_row());
  for (; row < chunk.row_count(); ++row) {
    if (parameters.total_segments > 1 &&
        segment_of(ids[row], parameters.total_segments) != parameters.segment)
      continue;
    Item item(shape, chunk, row);
    // A row without the index's keys is not in the index.
    if (index && !(item.has(index->hash_column) && item.has(shape.time_column()))) continue;
    if (!page.add(item) || page.reached_limit()) return false;
  }
  return true;
}

}  // namespace

Answer scan(const Call& call) {
  FRESHET_TRY(ScanParameters parameters, parse_scan(call));
  ReadParameters& read = parameters.read;
  FRESHET_TRY_STATUS(authorize(call, "Scan", read.table));
  FRESHET_TRY(TableShape shape, find_table(call, read.table));
  FRESHET_TRY(const TableIndex* index, find_index(read, shape));
  if (read.filter) normalise_times(*read.filter, shape);
  // In the order of rows. Where the start key's row has left the table, so have all before it.
  hot::RowNumber first = 0;
  if (read.start_key) {
    FRESHET_TRY(StartKey start, parse_start_key(*read.start_key, shape, index));
    FRESHET_TRY(auto row, call.tables.find_row(read.table, start.id));
    if (row) first = *row + 1;
  }
  auto snapshot = call.tables.snapshot(read.table);
  if (!snapshot) return Error(Code::kNotFound, "Requested resource not found");
  Page page(read, shape, index);
  for (const hot::ChunkView& chunk : snapshot->chunks()) {
    if (chunk.first_row() + chunk.row_count() <= first) continue;
    if (!scan_chunk(parameters, shape, index, chunk, first, page))
      return std::move(page).finish(true);
  }
  return std::move(page).finish(false);
}

}  // namespace freshet::dynamodb
