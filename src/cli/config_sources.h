// From a command's flags and the environment to the server's configuration.
#pragma once

#include "app/config.h"
#include "cli/command.h"

namespace freshet::cli {

// --config (or the first argument, or FRESHET_CONFIG), --data, --set; warnings are printed.
Result<app::LoadedConfig> load_config_of(const Invocation& invocation);
// Every FRESHET_… variable of this process.
std::vector<std::pair<std::string, std::string>> freshet_environment();

}  // namespace freshet::cli
