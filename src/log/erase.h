// Takes the content of records out of a journal's files. Positions, sequences and arrival times
// stay as they are: an erased record goes on to stand where it stood, and says that it is one.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "common/result.h"
#include "io/disk.h"
#include "log/record.h"

namespace freshet::log {

// What stands in a record's place from now on.
struct ErasedRecord {
  RecordKind kind = RecordKind::kErased;
  std::string partition_key;
  std::string data;
};

// Asked once a record; nothing: the record stays as it is.
using RecordEraser = std::function<std::optional<ErasedRecord>(const Record&)>;

struct LogErasure {
  std::uint64_t segments = 0;            // that were looked at
  std::uint64_t segments_rewritten = 0;  // of them
  std::uint64_t bytes_read = 0;
  std::uint64_t records_erased = 0;
};

// Hands every record that stands in any segment of the folder to `visit`, those too that a later
// epoch has made void. The journal may be open. kCorruption FRS-3130 where a segment's header is
// lost: nobody can say what is in it.
Status visit_journal_files(io::Disk& disk, const std::string& directory,
                           const RecordVisitor& visit);

// Nobody may have the journal open. A segment that holds something to erase is written anew and
// takes the old one's name in one rename; whatever else stands in the folder's files but is no
// block that checks (the unused rest of a segment, files that wait for reuse, a torn tail) is
// overwritten with zeros. A crash leaves each segment as it was or as it shall be; the same call
// again finishes. kCorruption FRS-3130, kInternal FRS-3131 (a block has no room for what replaces
// its records: nothing of that segment is changed).
Result<LogErasure> erase_records(io::Disk& disk, const std::string& directory,
                                 const RecordEraser& eraser);

}  // namespace freshet::log
