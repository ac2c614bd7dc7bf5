// Writes a run, streaming: entries come in order, and nobody sees the file before finish().
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "common/result.h"
#include "dedup/run_file.h"
#include "dedup/run_page.h"

namespace freshet::dedup {

// One thread. A run that was not finished leaves a file without a header; whoever opens the folder
// removes what is not named in what it restores.
class RunWriter {
 public:
  static Result<std::unique_ptr<RunWriter>> create(const RunPlace& place, std::uint64_t run);
  // Hashes ascend; where they are equal, ids do.
  Status add(const HashedId& id, const DedupEntry& entry);
  std::uint64_t entries() const { return header_.entries; }
  // On stable storage, its name too. Not for a run without entries.
  Result<std::shared_ptr<RunFile>> finish();

 private:
  RunWriter(const RunPlace& place, std::uint64_t run, std::unique_ptr<io::File> file);
  Status end_page();
  Status flush();

  RunPlace place_;
  run_format::Header header_;
  std::unique_ptr<io::File> file_;
  PageBuilder page_;
  std::uint64_t first_hash_ = 0;  // of page_
  std::vector<std::uint32_t> directory_;
  std::vector<std::byte> buffer_;  // whole pages, not written yet
  std::uint64_t written_pages_ = 0, synced_pages_ = 0;
};

}  // namespace freshet::dedup
