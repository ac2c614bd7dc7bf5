// What the program tells its shell. `freshet help exit-codes` lists them;
// test/e2e/test_cli.py holds them.
#pragma once

#include "common/result.h"

namespace freshet::cli {

enum class ExitCode : int {
  kOk = 0,
  kFailed = 1,
  kUsage = 2,
  kNotFound = 3,
  kDenied = 4,
  kUnavailable = 5,  // or timed out
  kPartly = 6,       // some rows were refused, or an answer lacks some
  kInterrupted = 130,
};

constexpr ExitCode exit_code_of(Code code) {
  switch (code) {
    case Code::kNotFound:
      return ExitCode::kNotFound;
    case Code::kDenied:
      return ExitCode::kDenied;
    case Code::kThrottled:
    case Code::kUnavailable:
    case Code::kTimeout:
      return ExitCode::kUnavailable;
    default:
      return ExitCode::kFailed;
  }
}

}  // namespace freshet::cli
