// Any bytes as a reference table of the catalog: no crash, and what is read survives being written.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "common/check.h"
#include "pipeline/reference_table.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  auto table = freshet::pipeline::ReferenceTable::from_bytes(bytes);
  if (!table) {
    FRESHET_CHECK(!table.error().message().empty());
    return 0;
  }
  auto again = freshet::pipeline::ReferenceTable::from_bytes((*table)->to_bytes());
  FRESHET_CHECK(again.has_value());
  FRESHET_CHECK((*again)->content_hash() == (*table)->content_hash());
  FRESHET_CHECK((*again)->row_count() == (*table)->row_count());
  return 0;
}
