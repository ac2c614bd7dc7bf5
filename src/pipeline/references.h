// Reference tables: versions kept in the catalog, switched by a control record in every journal.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "catalog/catalog.h"
#include "common/mutex.h"
#include "pipeline/reference_table.h"
#include "pipeline/shard.h"
#include "pipeline/tables.h"

namespace freshet::pipeline {

// Thread-safe. Everything but active() waits for the catalog or a shard: never on a net thread.
class References {
 public:
  struct Active {
    std::uint32_t version = 0;
    std::shared_ptr<const ReferenceTable> table;  // null: no version is in force
  };

  // `shards` in the order of their journals. All outlive this object.
  References(catalog::Catalog& catalog, std::vector<Shard*> shards, Tables& tables)
      : catalog_(catalog), shards_(std::move(shards)), tables_(tables) {}

  // At start. Puts in force what was so before the first record that the journal still has, …
  Status prepare_replay(std::uint32_t journal);
  // … then, where replay begins at a checkpoint, what was so there …
  Status restore(std::uint32_t journal, const std::vector<ReferenceInForce>& in_force);
  // … and, after replay, remembers the switches that it met.
  Status finish_replay(std::uint32_t journal);

  // The versions in force just before that position of a journal, in the order in which they came
  // into force. Waits for a switch that is under way.
  Result<std::vector<ReferenceInForce>> in_force_before(std::uint32_t journal, Position position);

  // Keeps the table as a new version and switches every shard to it; returns when it is in force
  // everywhere. Where the content is that of the version in force, nothing happens and that version
  // is given.
  Result<catalog::ReferenceVersion> switch_to(const std::shared_ptr<const ReferenceTable>& table,
                                              const std::string& source, std::int64_t now_us);
  // The same for a file that the configuration names, read again: only a file that changed since it
  // was last taken switches anything, so that a version put by hand outlives restarts and reloads.
  Result<catalog::ReferenceVersion> switch_to_file(
      const std::shared_ptr<const ReferenceTable>& table, std::int64_t now_us);
  Result<std::vector<catalog::ReferenceVersion>> versions() {
    return catalog_.reference_versions();
  }
  Result<std::shared_ptr<const ReferenceTable>> load(std::uint32_t version);
  Active active(std::string_view table);

 private:
  Status put_in_force(std::uint32_t journal, const ReferenceInForce& reference);
  void set_active(std::uint32_t version, std::shared_ptr<const ReferenceTable> table);

  catalog::Catalog& catalog_;
  std::vector<Shard*> shards_;
  Tables& tables_;
  Mutex change_mutex_;  // one switch at a time
  Mutex mutex_;
  std::map<std::string, Active, std::less<>> active_ FRESHET_GUARDED_BY(mutex_);
};

}  // namespace freshet::pipeline
