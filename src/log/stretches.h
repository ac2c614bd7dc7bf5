// From what recovery decided to what readers are shown.
#pragma once

#include <cstdint>
#include <vector>

#include "common/result.h"
#include "io/disk.h"
#include "log/readable_log.h"
#include "log/recovery.h"

namespace freshet::log {

// One stretch for each extent, its blocks behind `last_sequence` left out (extents of nothing else
// give no stretch). Reads the blocks around a cut again, to learn its exact place.
Result<std::vector<Stretch>> stretches_of(io::Disk& disk, const std::vector<SegmentScan>& scans,
                                          const std::vector<Extent>& extents,
                                          std::uint64_t last_sequence);

// FRS-3118: bytes that were good a moment ago are not any more.
Error changed_bytes(const std::string& path, std::uint64_t offset);

}  // namespace freshet::log
