#include <fmt/format.h>

#include <atomic>

#include "app/server.h"
#include "cli/commands.h"
#include "cli/config_sources.h"
#include "cli/interrupt.h"
#include "common/logging.h"

namespace freshet::cli {

Result<ExitCode> run_serve(const Invocation& invocation) {
  Output& output = invocation.output();
  if (output.quiet()) set_log_level(LogLevel::kWarning);
  if (output.verbose()) set_log_level(LogLevel::kDebug);
  FRESHET_TRY(app::LoadedConfig loaded, load_config_of(invocation));
  if (invocation.has("check")) {
    FRESHET_TRY_STATUS(app::check_server(loaded.config));
    output.note("the configuration, its reference files and its SQL are sound");
    return ExitCode::kOk;
  }
  std::atomic<bool> begin_again{false};
  auto ask = [&] {
    begin_again.store(true);
    wake_waiting();
  };
  FRESHET_TRY(auto server, app::Server::start(loaded.config, ask));
  std::string report = server->start_report();
  while (report.ends_with('\n')) report.pop_back();
  output.note(report);
  // For whoever waits for a line rather than for DIR/addresses.json.
  const app::Addresses& addresses = server->addresses();
  output.write_line(fmt::format("listening aws={} http={}",
                                addresses.aws.empty() ? "closed" : addresses.aws,
                                addresses.http.empty() ? "closed" : addresses.http));
  output.flush();
  // Whoever knows the addresses finds the server there again.
  if (!addresses.aws.empty()) loaded.config.listen.aws = addresses.aws;
  if (!addresses.http.empty()) loaded.config.listen.http = addresses.http;
  while (!wait_for_interrupt_us(kForever)) {
    if (!begin_again.exchange(false)) continue;
    log_info("the server starts anew, for what was asked of it", {});
    server.reset();
    FRESHET_TRY(server, app::Server::start(loaded.config, ask));
  }
  log_info("stopping", {});
  server->stop();
  return ExitCode::kOk;
}

}  // namespace freshet::cli
