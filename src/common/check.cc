#include "common/check.h"

#include <cstdio>
#include <cstdlib>

namespace freshet {

void check_failed(const char* file, int line, const char* condition) {
  std::fprintf(stderr,
               "FRS-9001 %s:%d: check failed: %s. This is a bug in Freshet; please report it.\n",
               file, line, condition);
  std::abort();
}

void check_failed_with(const char* what, std::string_view detail) {
  std::fprintf(stderr, "FRS-9001 %s: %.*s. This is a bug in Freshet; please report it.\n", what,
               static_cast<int>(detail.size()), detail.data());
  std::abort();
}

}  // namespace freshet
