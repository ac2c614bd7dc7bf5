// Looks for ids in bytes, whatever the bytes are of: the proof behind an erasure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "io/disk.h"
#include "pipeline/erasure.h"

namespace freshet::app {

struct ScanReport {
  std::uint64_t files = 0, bytes = 0;
  std::vector<std::string> found_in;  // files that hold an id
};

enum class ScanForms : std::uint8_t {
  kTexts,   // a UUID as it is written, with dashes or without, in any case
  kFiles,   // its 16 bytes too, as other programs' files have them
  kMemory,  // and as our own memory has them, which checkpoints are written from
};

bool holds_an_id(std::string_view bytes, const pipeline::ErasedIds& ids, ScanForms forms);

// Every file of the folder and of those in it. What is below `texts_alone` is looked through for
// texts alone: a log is JSON.
Status scan_folder(io::Disk& disk, const std::string& folder, const pipeline::ErasedIds& ids,
                   const std::string& texts_alone, ScanReport& report);

}  // namespace freshet::app
