#include <fmt/format.h>

#include "app/config_reference.h"
#include "cli/commands.h"
#include "cli/config_sources.h"
#include "cli/json.h"

namespace freshet::cli {

Result<ExitCode> run_config_show(const Invocation& invocation) {
  Output& output = invocation.output();
  FRESHET_TRY(app::LoadedConfig loaded, load_config_of(invocation));
  bool with_origin = invocation.has("origin");
  if (output.json()) {
    std::string items;
    for (const app::Setting& setting : loaded.settings) {
      items += fmt::format("{}{{\"key\":{},\"value\":{},\"origin\":{}}}", items.empty() ? "" : ",",
                           json_string(setting.key), json_string(setting.value),
                           json_string(setting.origin));
    }
    output.write_line(fmt::format("{{\"api\":\"v1\",\"settings\":[{}]}}", items));
    return ExitCode::kOk;
  }
  std::size_t width = 0;
  std::vector<std::string> lines;
  for (const app::Setting& setting : loaded.settings) {
    if (output.plain()) {
      output.write_line(fmt::format("{}\t{}\t{}", setting.key, setting.value, setting.origin));
      continue;
    }
    bool is_closed = setting.value.empty();
    lines.push_back(is_closed ? fmt::format("# {} is not set", setting.key)
                              : fmt::format("{} = {}", setting.key, setting.value));
    if (lines.back().size() <= 60) width = std::max(width, lines.back().size());
  }
  for (std::size_t i = 0; i < lines.size(); ++i) {
    output.write_line(with_origin
                          ? fmt::format("{:<{}}  # {}", lines[i], width, loaded.settings[i].origin)
                          : lines[i]);
  }
  return ExitCode::kOk;
}

Result<ExitCode> run_config_check(const Invocation& invocation) {
  Output& output = invocation.output();
  FRESHET_TRY(app::LoadedConfig loaded, load_config_of(invocation));
  if (output.json()) {
    std::string warnings;
    for (const std::string& warning : loaded.warnings) {
      warnings += (warnings.empty() ? "" : ",") + json_string(warning);
    }
    output.write_line(fmt::format("{{\"api\":\"v1\",\"ok\":true,\"warnings\":[{}]}}", warnings));
    return ExitCode::kOk;
  }
  output.note("the configuration is sound");
  return ExitCode::kOk;
}

Result<ExitCode> run_config_schema(const Invocation& invocation) {
  Output& output = invocation.output();
  if (invocation.has("markdown")) {
    output.write(app::configuration_reference());
  } else if (output.json()) {
    output.write_line(app::configuration_schema_json());
  } else {
    output.write(app::configuration_schema_plain());
  }
  return ExitCode::kOk;
}

}  // namespace freshet::cli
