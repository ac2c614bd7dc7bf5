// Where a reference table comes from: a file of this machine, or an object of an S3. Read whole and
// checked; what is wrong with it is said under the name that the configuration gives it.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "app/config.h"
#include "common/result.h"
#include "io/random.h"
#include "object_store/object_store.h"
#include "pipeline/reference_table.h"

namespace freshet::app {

// Of one thread. Waits for a disk or a network: never on a net or shard thread.
class ReferenceSource {
 public:
  using Table = std::shared_ptr<const pipeline::ReferenceTable>;

  virtual ~ReferenceSource() = default;
  // Null where nothing changed since the last read that was settled: its table is in force, or was
  // refused for what it holds. Errors name file or URL, and the line where it has one.
  virtual Result<Table> read() = 0;
  // The table that read() gave is in force.
  virtual void settle() = 0;
};

// `folder` takes objects while they are read. `is_cancelled` is asked before each retry, by the
// thread that reads.
Result<std::unique_ptr<ReferenceSource>> open_reference_source(const ReferenceConfig& config,
                                                               const std::string& folder,
                                                               std::function<bool()> is_cancelled);
// The same for an object of a store: a changed ETag has it read again. FRS-1333 above `bytes_max`.
std::unique_ptr<ReferenceSource> make_object_source(
    const ReferenceConfig& config, std::unique_ptr<object_store::ObjectStore> store,
    std::string object, std::string folder, std::uint64_t bytes_max);

// A file at `path`. Errors name it and the line.
Result<ReferenceSource::Table> load_reference_file(const std::string& name, const std::string& path,
                                                   const std::string& key);

bool is_s3_url(std::string_view text);

}  // namespace freshet::app
