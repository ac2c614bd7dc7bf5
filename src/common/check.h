// FRESHET_CHECK: what only a mistake of ours can make false. On in release too: a process that
// stops loses nothing acknowledged, one that goes on with a broken state might.
#pragma once

#include <string_view>

namespace freshet {

[[noreturn]] void check_failed(const char* file, int line, const char* condition);
[[noreturn]] void check_failed_with(const char* what, std::string_view detail);

}  // namespace freshet

#define FRESHET_CHECK(condition)                               \
  do {                                                         \
    if (!(condition)) [[unlikely]]                             \
      ::freshet::check_failed(__FILE__, __LINE__, #condition); \
  } while (false)
