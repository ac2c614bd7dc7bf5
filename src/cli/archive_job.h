// A job of the server's archive, as its caller waits for it.
#pragma once

#include <string>
#include <string_view>

#include "cli/json.h"
#include "cli/output.h"
#include "cli/server_client.h"
#include "common/result.h"

namespace freshet::cli {

// One thread. Both outlive it.
class ArchiveJob {
 public:
  ArchiveJob(Output& output, ServerClient& client) : output_(output), client_(client) {}

  // `work` is "verify" or "compact"; all tables where `table` is "". Shows how far it is, and gives
  // what the server says in the end, or after Ctrl-C.
  Result<JsonValue> run(std::string_view work, std::string_view table);

 private:
  Status ask(const std::string& target, JsonValue& job);
  Result<JsonValue> stop(const std::string& target);
  void show_progress(const JsonValue& job);

  Output& output_;
  ServerClient& client_;
  std::string shown_table_;
};

}  // namespace freshet::cli
