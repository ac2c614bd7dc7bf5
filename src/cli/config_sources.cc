#include "cli/config_sources.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>

namespace freshet::cli {
namespace {

std::string config_file_of(const Invocation& invocation) {
  if (auto file = invocation.value("config")) return *file;
  if (!invocation.arguments().empty()) return invocation.arguments().front();
  const char* variable = std::getenv("FRESHET_CONFIG");
  return variable == nullptr ? "" : variable;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> freshet_environment() {
  std::vector<std::pair<std::string, std::string>> found;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    std::string_view text(*variable);
    std::size_t equals = text.find('=');
    if (!text.starts_with("FRESHET_") || equals == std::string_view::npos) continue;
    found.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return found;
}

Result<app::LoadedConfig> load_config_of(const Invocation& invocation) {
  app::ConfigSources sources;
  sources.file = config_file_of(invocation);
  sources.environment = freshet_environment();
  if (auto directory = invocation.value("data")) sources.flags.emplace_back("data", *directory);
  for (const std::string& assignment : invocation.values("set")) {
    std::size_t equals = assignment.find('=');
    if (equals == std::string::npos || equals == 0) {
      return usage_error(fmt::format("--set takes KEY=VALUE, not \"{}\"", assignment));
    }
    sources.flags.emplace_back(assignment.substr(0, equals), assignment.substr(equals + 1));
  }
  FRESHET_TRY(app::LoadedConfig loaded, app::load_config(sources));
  for (const std::string& warning : loaded.warnings) invocation.output().warn(warning);
  return loaded;
}

}  // namespace freshet::cli
