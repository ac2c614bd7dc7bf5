// Any bytes as a stored reference table, with and without a right checksum: no crash, and what is
// read is written back as the same bytes.
#include <cstddef>
#include <cstdint>
#include <string>

#include "common/bytes.h"
#include "common/check.h"
#include "common/crc32c.h"
#include "pipeline/reference_format.h"
#include "pipeline/reference_table.h"

namespace {

void read(const std::string& bytes) {
  auto table = freshet::pipeline::ReferenceTable::from_bytes(bytes);
  if (!table) return;
  FRESHET_CHECK((*table)->to_bytes() == bytes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace format = freshet::pipeline::reference_format;
  std::string bytes(reinterpret_cast<const char*>(data), size);
  read(bytes);
  if (bytes.size() < format::kHeaderBytes) return 0;
  // The content hash cannot be guessed, so a table that fails only by it is as far as this goes;
  // the checks before it are what is fuzzed.
  bytes.replace(format::kMagicAt, format::kMagic.size(), format::kMagic);
  freshet::store_le(bytes.data() + format::kBodyBytesAt,
                    static_cast<std::uint64_t>(bytes.size() - format::kHeaderBytes));
  std::string_view all = bytes;
  std::uint32_t crc = freshet::crc32c(0, freshet::as_bytes_of(all.substr(format::kVersionAt, 4)));
  crc = freshet::crc32c(crc, freshet::as_bytes_of(all.substr(format::kBodyBytesAt)));
  freshet::store_le(bytes.data() + format::kCrcAt, crc);
  read(bytes);
  return 0;
}
