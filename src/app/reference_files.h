// Reference tables from files: read whole, checked, and looked at again for changes.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "app/config.h"
#include "common/result.h"
#include "io/clock.h"
#include "pipeline/reference_table.h"
#include "pipeline/references.h"

namespace freshet::app {

// Errors name file and line.
Result<std::shared_ptr<const pipeline::ReferenceTable>> load_reference_file(
    const ReferenceConfig& config);

// Reads each file again at its interval and switches where its content changed. A bad file is said
// once and the version in force stays. Has a thread of its own.
class ReferenceReloader {
 public:
  ReferenceReloader(std::vector<ReferenceConfig> configs, pipeline::References& references,
                    io::Clock& clock);
  ~ReferenceReloader();  // stop()
  void stop();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace freshet::app
