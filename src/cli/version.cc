#include "cli/version.h"

#include <fmt/format.h>

#include "cli/build_info.h"
#include "cli/commands.h"
#include "cli/json.h"

namespace freshet::cli {

std::string_view version_number() {
  return FRESHET_BUILD_VERSION;
}
std::string_view version_commit() {
  return FRESHET_BUILD_COMMIT;
}

Result<ExitCode> run_version(const Invocation& invocation) {
  Output& output = invocation.output();
  if (!output.json()) {
    output.write_line(fmt::format("freshet {} ({})", version_number(), version_commit()));
    return ExitCode::kOk;
  }
  output.write_line(fmt::format(
      "{{\"api\":\"v1\",\"version\":{},\"commit\":{},\"build\":{{\"type\":{},\"compiler\":{},"
      "\"flags\":{},\"sanitize\":{}}},\"features\":[\"kinesis\",\"dynamodb-read\",\"sql\",\"http\"]"
      "}}",
      json_string(version_number()), json_string(version_commit()), json_string(FRESHET_BUILD_TYPE),
      json_string(FRESHET_BUILD_COMPILER), json_string(FRESHET_BUILD_FLAGS),
      json_string(FRESHET_BUILD_SANITIZE)));
  return ExitCode::kOk;
}

}  // namespace freshet::cli
