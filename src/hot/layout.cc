#include "hot/layout.h"

#include <algorithm>
#include <bit>

#include "common/bytes.h"

namespace freshet::hot {
namespace {

constexpr std::uint64_t kSliceRows = 4096;
constexpr std::uint64_t kHeapStep = 64 << 10;

class RegionList {
 public:
  explicit RegionList(std::vector<Region>& regions) : regions_(regions) {}
  // An array of `count` elements, of which at least a page is taken at a time.
  int add(std::uint64_t count, std::uint64_t element_bytes) {
    Region region;
    region.offset = end_;
    region.bytes = round_up(count * element_bytes, kPageBytes);
    region.step = std::max<std::uint64_t>(kPageBytes, kSliceRows * element_bytes);
    end_ += region.bytes;
    regions_.push_back(region);
    return static_cast<int>(regions_.size()) - 1;
  }
  std::uint64_t end() const { return end_; }

 private:
  std::vector<Region>& regions_;
  std::uint64_t end_ = 0;
};

}  // namespace

std::uint64_t Region::taken_bytes(std::uint64_t used) const {
  if (used == 0) return 0;
  std::uint64_t taken =
      used <= step ? std::max(kPageBytes, std::bit_ceil(used)) : round_up(used, step);
  return std::min(taken, bytes);
}

std::uint32_t slots_for(std::uint32_t size) {
  std::uint32_t slots = kSlotsMin;
  while (std::uint64_t{size} * 4 > std::uint64_t{slots} * 3) slots *= 2;
  return slots;
}

ChunkLayout::ChunkLayout(const TableConfig& config) : rows_max(config.chunk_rows) {
  FRESHET_CHECK(rows_max > 0);
  FRESHET_CHECK(rows_max <= (1u << 24));
  RegionList list(regions);
  list.add(sizeof(ChunkHeader) + config.schema.columns.size() * sizeof(ColumnHeader), 1);
  std::uint32_t codes_max = rows_max + 1;  // code 0, the empty text, is there from the start
  for (std::size_t c = 0; c < config.schema.columns.size(); ++c) {
    ColumnType type = config.schema.columns[c].type;
    bool text = is_text(type);
    bool key = std::find(config.key_columns.begin(), config.key_columns.end(), c) !=
               config.key_columns.end();
    FRESHET_CHECK(!key || text);
    std::size_t width = text ? sizeof(std::uint32_t) : column_type_bytes(type);
    ColumnRegions at;
    at.values = list.add(rows_max, width);
    at.validity = list.add(round_up(rows_max, 64) / 64, sizeof(std::uint64_t));
    if (text) at.entries = list.add(codes_max, sizeof(DictionaryEntry));
    if (text) at.tables = list.add(tables_bytes(slots_for(codes_max)), 1);
    if (key) at.chain_last = list.add(codes_max, sizeof(std::uint32_t));
    if (key) at.chain_previous = list.add(rows_max, sizeof(std::uint32_t));
    columns.push_back(at);

    auto offset = [&](int region) {
      return region < 0 ? 0 : regions[static_cast<std::size_t>(region)].offset;
    };
    ColumnHeader header{};
    header.values_offset = offset(at.values);
    header.validity_offset = offset(at.validity);
    header.entries_offset = offset(at.entries);
    header.tables_offset = offset(at.tables);
    header.chain_last_offset = offset(at.chain_last);
    header.chain_previous_offset = offset(at.chain_previous);
    header.slot_count = text ? kSlotsMin : 0;
    header.type = static_cast<std::uint8_t>(type);
    header.width = static_cast<std::uint8_t>(width);
    header.is_key = key ? 1 : 0;
    column_headers.push_back(header);
  }
  heap_offset = list.end();
}

Region ChunkLayout::heap(std::uint64_t heap_bytes) const {
  return {heap_offset, heap_bytes, kHeapStep};
}

}  // namespace freshet::hot
