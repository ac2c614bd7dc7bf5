# Writes the header that `freshet --version` prints from. Runs at every build, and touches the file only
# where something changed, so that nothing is compiled again for it. Without git: "unknown".
set(commit "unknown")
find_program(git git)
if(git)
  execute_process(COMMAND ${git} -C "${SOURCE_DIR}" rev-parse --short=12 HEAD OUTPUT_VARIABLE found
    OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
  if(NOT failed)
    set(commit "${found}")
    execute_process(COMMAND ${git} -C "${SOURCE_DIR}" diff-index --quiet HEAD -- RESULT_VARIABLE changed
      ERROR_QUIET)
    if(changed)
      string(APPEND commit "+")
    endif()
  endif()
endif()
file(CONFIGURE OUTPUT "${HEADER}" CONTENT "// Made by cmake/build_info.cmake.
#pragma once

#define FRESHET_BUILD_VERSION \"@VERSION@\"
#define FRESHET_BUILD_COMMIT \"@commit@\"
#define FRESHET_BUILD_TYPE \"@BUILD_TYPE@\"
#define FRESHET_BUILD_COMPILER \"@COMPILER@\"
#define FRESHET_BUILD_FLAGS \"@FLAGS@\"
#define FRESHET_BUILD_SANITIZE \"@SANITIZE@\"
" @ONLY)
