// What the HTTP API asks of the pipeline: one event's fate, and reference tables.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "app/config.h"
#include "io/clock.h"
#include "io/random.h"
#include "pipeline/runner.h"
#include "server/console/services.h"

namespace freshet::app {

class PipelineExplain : public console::ExplainService {
 public:
  explicit PipelineExplain(pipeline::Tables& tables) : tables_(tables) {}
  Result<std::vector<console::EventFate>> explain(std::string_view id) override;

 private:
  pipeline::Tables& tables_;
};

class PipelineReferences : public console::ReferenceService {
 public:
  // `folder` takes the bytes of put() while they are read; it is made where it is missing.
  PipelineReferences(const std::vector<ReferenceConfig>& configs, std::string folder,
                     pipeline::References& references, io::Clock& clock, io::Random& random);
  std::vector<std::string> names() override;
  Result<std::vector<console::ReferenceVersionInfo>> versions(std::string_view name) override;
  Result<std::shared_ptr<const pipeline::ReferenceTable>> load(std::string_view name,
                                                               std::uint32_t version) override;
  Result<console::ReferenceChange> put(std::string_view name, std::string_view file_name,
                                       const std::string& bytes, bool only_compare) override;

 private:
  Result<std::string> key_of(std::string_view name) const;

  std::map<std::string, std::string, std::less<>> keys_;  // by table name
  std::string folder_;
  pipeline::References& references_;
  io::Clock& clock_;
  io::Random& random_;
};

}  // namespace freshet::app
