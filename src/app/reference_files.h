// Reference tables from where the configuration says: read at the start, and again for changes.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "app/config.h"
#include "app/reference_source.h"
#include "common/result.h"
#include "io/clock.h"
#include "pipeline/references.h"

namespace freshet::app {

struct SourcedReference {
  ReferenceConfig config;
  std::unique_ptr<ReferenceSource> source;
};

// A refusal in log and metric: the version in force stays.
void report_refused_reference(const std::string& table, std::uint32_t version, const Error& error);

// Reads each source again at its interval and switches where its content changed. A bad one is said
// once and the version in force stays. Has a thread of its own.
class ReferenceReloader {
 public:
  ReferenceReloader(std::vector<SourcedReference> sourced, pipeline::References& references,
                    io::Clock& clock);
  ~ReferenceReloader();  // stop()
  void stop();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace freshet::app
