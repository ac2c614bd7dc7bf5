#include "app/http_services.h"

#include <fmt/format.h>

#include <filesystem>

#include "app/reference_source.h"
#include "app/temporary_file.h"
#include "pipeline/explain.h"

namespace freshet::app {
namespace {

Error no_such_table(std::string_view name) {
  return Error(
      Code::kNotFound, 1330,
      fmt::format("there is no reference table \"{}\"; declare it in [reference.{}]", name, name));
}

}  // namespace

Result<std::vector<console::EventFate>> PipelineExplain::explain(std::string_view id) {
  std::vector<console::EventFate> fates;
  for (const pipeline::TableInfo& table : tables_.tables()) {
    if (table.name.find('$') != std::string::npos) continue;
    auto pipeline = tables_.pipeline_of(table.name);
    if (!pipeline) continue;
    FRESHET_TRY(pipeline::Fate fate, pipeline::explain(*pipeline, id));
    if (!fate.known) continue;
    console::EventFate out{.table = fate.table, .steps = {}};
    for (const pipeline::FateStep& step : fate.steps) {
      out.steps.push_back({step.outcome, step.position, step.sub, step.arrival_us, step.partition,
                           step.reason, step.detail});
    }
    fates.push_back(std::move(out));
  }
  return fates;
}

PipelineReferences::PipelineReferences(const std::vector<ReferenceConfig>& configs,
                                       std::string folder, pipeline::References& references,
                                       io::Clock& clock, io::Random& random)
    : folder_(std::move(folder)), references_(references), clock_(clock), random_(random) {
  for (const ReferenceConfig& config : configs) keys_[config.name] = config.key;
  std::error_code ignored;  // what matters is whether put() can write there, and it says so
  std::filesystem::remove_all(folder_, ignored);
  std::filesystem::create_directories(folder_, ignored);
}

std::vector<std::string> PipelineReferences::names() {
  std::vector<std::string> names;
  for (const auto& [name, key] : keys_) names.push_back(name);
  return names;
}

Result<std::string> PipelineReferences::key_of(std::string_view name) const {
  auto found = keys_.find(name);
  if (found == keys_.end()) return no_such_table(name);
  return found->second;
}

Result<std::vector<console::ReferenceVersionInfo>> PipelineReferences::versions(
    std::string_view name) {
  FRESHET_TRY([[maybe_unused]] auto key, key_of(name));
  FRESHET_TRY(auto rows, references_.versions());
  std::uint32_t active = references_.active(name).version;
  std::vector<console::ReferenceVersionInfo> infos;
  for (const catalog::ReferenceVersion& row : rows) {
    if (row.table != name) continue;
    infos.push_back({row.version, row.content_hash, row.source, row.loaded_us, row.rows,
                     row.version == active});
  }
  return infos;
}

Result<std::shared_ptr<const pipeline::ReferenceTable>> PipelineReferences::load(
    std::string_view name, std::uint32_t version) {
  FRESHET_TRY([[maybe_unused]] auto key, key_of(name));
  auto active = references_.active(name);
  if (version == 0 || version == active.version) {
    if (!active.table)
      return Error(Code::kNotFound, 1331,
                   fmt::format("no version of \"{}\" is in force yet", name));
    return active.table;
  }
  FRESHET_TRY(auto table, references_.load(version));
  if (table->name() != name) {
    return Error(Code::kNotFound, 1332,
                 fmt::format("version {} is of the table \"{}\", not of \"{}\"", version,
                             table->name(), name));
  }
  return table;
}

Result<console::ReferenceChange> PipelineReferences::put(std::string_view name,
                                                         std::string_view file_name,
                                                         const std::string& bytes,
                                                         bool only_compare) {
  FRESHET_TRY(std::string key, key_of(name));
  auto ending = std::filesystem::path(file_name).extension().string();
  std::string path = fmt::format("{}/{:016x}{}", folder_, random_.next_u64(), ending);
  FRESHET_TRY(TemporaryFile file, TemporaryFile::make(path));
  FRESHET_TRY_STATUS(file.append(bytes));
  auto table = load_reference_file(std::string(name), path, key);
  if (!table) return file.about(table.error(), file_name);
  auto before = references_.active(name);
  console::ReferenceChange change{
      .version = before.version, .switched = false, .rows = (*table)->row_count(), .diff = {}};
  if (before.table) {
    change.diff = pipeline::diff(*before.table, **table);
  } else {
    std::size_t key_column = *(*table)->schema().find(key);
    for (std::size_t row = 0; row < (*table)->row_count(); ++row) {
      change.diff.added.emplace_back(
          (*table)->rows().columns[key_column].get<std::string_view>(row));
    }
  }
  if (only_compare) return change;
  FRESHET_TRY(auto version,
              references_.switch_to(*table, std::string(file_name), clock_.wall_us()));
  change.switched = version.version != before.version;
  change.version = version.version;
  return change;
}

}  // namespace freshet::app
