# Language, warnings, sanitizers, linker: everything that holds for each target of ours.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
# libduckdb.so is found where it was linked from, and beside the binary where both were copied elsewhere.
set(CMAKE_BUILD_RPATH "$ORIGIN")
set(CMAKE_INSTALL_RPATH "$ORIGIN")

set(FRESHET_SANITIZE "" CACHE STRING "Sanitizers for every target, e.g. address,undefined or thread")
option(FRESHET_FUZZ "Build the fuzz targets (needs clang; preset fuzz)" OFF)

# -O1 in Debug: the simulation runs thousands of seeds, and -O0 would make that minutes.
set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g1")
set(CMAKE_CXX_FLAGS_RELEASE "-O3 -g1")

add_library(freshet_options INTERFACE)
target_include_directories(freshet_options INTERFACE "${CMAKE_SOURCE_DIR}/src" "${CMAKE_BINARY_DIR}/generated")
target_compile_options(freshet_options INTERFACE -Wall -Wextra -Wshadow -Wnon-virtual-dtor
  -Woverloaded-virtual -Werror -fno-omit-frame-pointer)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  # SSE4.2 carries CRC32C; every x86 server since 2009 has it. Wider code paths are chosen at run time.
  target_compile_options(freshet_options INTERFACE -march=x86-64-v2)
endif()
if(FRESHET_SANITIZE)
  target_compile_options(freshet_options INTERFACE -fsanitize=${FRESHET_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(freshet_options INTERFACE -fsanitize=${FRESHET_SANITIZE})
  if(FRESHET_SANITIZE MATCHES "thread")
    target_compile_options(freshet_options INTERFACE -Wno-tsan)
  else()
    # GCC 12 reports false positives through the sanitizers' extra branches.
    target_compile_options(freshet_options INTERFACE -Wno-maybe-uninitialized)
  endif()
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 warns falsely about std::string and std::vector moved through inlined code (GCC bugs 105329, 105651).
  target_compile_options(freshet_options INTERFACE -Wno-restrict -Wno-stringop-overflow -Wno-stringop-overread
    -Wno-array-bounds -Wno-maybe-uninitialized -Wno-free-nonheap-object)
endif()

if(FRESHET_FUZZ)
  # GCC 12 is the compiler whose warnings stop a build; clang only carries the fuzzers.
  target_compile_options(freshet_options INTERFACE -Wno-error -Wno-unknown-warning-option)
endif()

find_program(FRESHET_CCACHE ccache)
if(FRESHET_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${FRESHET_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${FRESHET_CCACHE})
endif()
find_program(FRESHET_MOLD mold)
if(FRESHET_MOLD)
  add_link_options(-fuse-ld=mold)
endif()
