// Reference tables: versions kept in the catalog, switched by a control record in every journal.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "catalog/catalog.h"
#include "common/mutex.h"
#include "pipeline/reference_table.h"
#include "pipeline/shard.h"

namespace freshet::pipeline {

// Thread-safe. Everything but active() waits for the catalog or a shard: never on a net thread.
class References {
 public:
  References(catalog::Catalog& catalog, std::vector<Shard*> shards) : catalog_(catalog), shards_(std::move(shards)) {}

  // Keeps the table as a new version and switches every shard to it; returns when it is in force everywhere.
  // Where the content is that of the version in force, nothing happens and that version is given.
  Result<catalog::ReferenceVersion> switch_to(const std::shared_ptr<const ReferenceTable>& table,
                                              const std::string& source, std::int64_t now_us);
  Result<std::vector<catalog::ReferenceVersion>> versions() { return catalog_.reference_versions(); }
  Result<std::shared_ptr<const ReferenceTable>> load(std::uint32_t version);
  // The version in force, or null.
  std::shared_ptr<const ReferenceTable> active(std::string_view table);
  std::uint32_t active_version(std::string_view table);

  // At start, after replay: what the log says is in force.
  Status restore(const std::map<std::string, std::uint32_t>& active);

 private:
  struct Active {
    std::uint32_t version = 0;
    std::shared_ptr<const ReferenceTable> table;
  };
  catalog::Catalog& catalog_;
  std::vector<Shard*> shards_;
  Mutex change_mutex_;  // one switch at a time
  Mutex mutex_;
  std::map<std::string, Active, std::less<>> active_ FRESHET_GUARDED_BY(mutex_);
};

}  // namespace freshet::pipeline
