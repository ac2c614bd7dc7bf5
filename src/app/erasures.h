// Erasures: asked for while the server runs, done while it starts.
//
// An erasure is first a row of the catalog. Then the server starts itself anew, and before a door
// opens: the log is rewritten, checkpoints and runs of ids are dropped (the log makes them again),
// the archive's files are rewritten, and every byte is looked at. Each step is noted and can be
// made again, so a start after a crash goes on where the last one was.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "app/config.h"
#include "archive/archive.h"
#include "catalog/catalog.h"
#include "io/clock.h"
#include "io/disk.h"
#include "pipeline/erasure.h"
#include "pipeline/runner.h"
#include "query/engine.h"
#include "server/console/services.h"

namespace freshet::app {

// What a start has to do. One thread.
class ErasureWork {
 public:
  ErasureWork(const Config& config, io::Disk& disk, io::Clock& clock);
  // Before anything reads the log, or a checkpoint.
  Status before_log(catalog::Catalog& catalog);
  // Behind the log's replay, before a door opens. `archive` may be null: none is configured.
  Status behind_log(catalog::Catalog& catalog, archive::Archive* archive);

 private:
  Status collect(catalog::Catalog& catalog, catalog::ErasureRow& row);
  Status erase_from_log(catalog::Catalog& catalog, catalog::ErasureRow& row);
  Status finish(catalog::Catalog& catalog, archive::Archive* archive, catalog::ErasureRow& row);
  Result<std::vector<std::string>> journals() const;
  pipeline::ErasureRules rules_of(catalog::Catalog& catalog, const catalog::ErasureRow& row) const;
  pipeline::DecodeConfig decode_config(catalog::Catalog& catalog) const;
  bool lies_in_data_directory(archive::Archive& archive) const;
  Status note(catalog::Catalog& catalog, catalog::ErasureRow& row, const char* state);

  const Config& config_;
  io::Disk& disk_;
  io::Clock& clock_;
};

// What the doors ask. Any thread; waits for queries and the catalog.
class Erasures : public console::ErasureService {
 public:
  // `begin_again` starts the server anew; where it is empty, erasures are refused.
  Erasures(const Config& config, pipeline::Runner& runner, query::Engine& engine,
           archive::Archive* archive, io::Disk& disk, io::Clock& clock,
           std::function<void()> begin_again);
  Result<console::ErasurePlan> plan(const console::EventSelection& selection) override;
  Result<console::ErasureInfo> begin(const console::EventSelection& selection,
                                     const std::string& by) override;
  Result<std::vector<console::ErasureInfo>> erasures() override;
  Result<std::vector<console::HoldInfo>> holds() override;
  Result<console::HoldInfo> place_hold(const std::string& name,
                                       const console::EventSelection& selection,
                                       const std::string& by) override;
  Status lift_hold(const std::string& name, const std::string& by) override;

 private:
  struct Found;
  Result<Found> find(const console::EventSelection& selection);
  EventId id_of(const std::string& text) const;

  const Config& config_;
  pipeline::Runner& runner_;
  query::Engine& engine_;
  archive::Archive* archive_;
  io::Disk& disk_;
  io::Clock& clock_;
  std::function<void()> begin_again_;
};

}  // namespace freshet::app
