// How far the publishing of a file got, in a small file beside it.
#pragma once

#include <cstdint>
#include <string>

#include "common/result.h"

namespace freshet::cli {

struct IngestProgress {
  std::uint64_t offset = 0;  // bytes of the file that the server has answered for
  std::uint64_t events = 0, accepted = 0, duplicate = 0, refused = 0, filtered = 0;
  // CRC32C of the file's first bytes, so that another file under the old name is seen.
  std::uint32_t head_crc = 0;
};

// Empty progress where the file is not there.
Result<IngestProgress> load_progress(const std::string& path);
// Replaces the file whole (written beside it, then renamed).
Status save_progress(const std::string& path, const IngestProgress& progress);
// Of the first 4 KiB.
Result<std::uint32_t> crc_of_head(const std::string& path);

}  // namespace freshet::cli
