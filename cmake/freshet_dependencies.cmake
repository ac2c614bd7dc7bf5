# Every library that is not ours, each with a record in docs/decisions/. Nothing is downloaded here:
# tools/setup has put all of it in place.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(ZLIB REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(GTest REQUIRED)
find_package(Boost 1.81 REQUIRED)
pkg_check_modules(nghttp2 REQUIRED IMPORTED_TARGET libnghttp2)
pkg_check_modules(uring REQUIRED IMPORTED_TARGET liburing)
pkg_check_modules(zstd REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(lz4 REQUIRED IMPORTED_TARGET liblz4)
pkg_check_modules(xxhash REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(curl REQUIRED IMPORTED_TARGET libcurl)
pkg_check_modules(simdjson REQUIRED IMPORTED_TARGET simdjson)
find_package(CLI11 REQUIRED)
find_path(TOMLPLUSPLUS_INCLUDE_DIR toml++/toml.h REQUIRED)
add_library(freshet_tomlplusplus INTERFACE)
target_include_directories(freshet_tomlplusplus SYSTEM INTERFACE ${TOMLPLUSPLUS_INCLUDE_DIR})

set(DUCKDB_ROOT "${CMAKE_SOURCE_DIR}/third_party/duckdb" CACHE PATH
  "Folder with duckdb.h and libduckdb.so 1.5.6 (tools/setup fills the default)")
find_library(DUCKDB_LIBRARY duckdb PATHS ${DUCKDB_ROOT} ${DUCKDB_ROOT}/lib NO_DEFAULT_PATH)
find_path(DUCKDB_INCLUDE_DIR duckdb.h PATHS ${DUCKDB_ROOT} ${DUCKDB_ROOT}/include NO_DEFAULT_PATH)
if(NOT DUCKDB_LIBRARY OR NOT DUCKDB_INCLUDE_DIR)
  message(FATAL_ERROR "DuckDB is missing in ${DUCKDB_ROOT}. Run tools/setup, or give -DDUCKDB_ROOT=FOLDER "
    "with duckdb.h and libduckdb.so of version 1.5.6.")
endif()
add_library(freshet_duckdb SHARED IMPORTED)
set_target_properties(freshet_duckdb PROPERTIES IMPORTED_LOCATION ${DUCKDB_LIBRARY}
  INTERFACE_SYSTEM_INCLUDE_DIRECTORIES ${DUCKDB_INCLUDE_DIR} INTERFACE_INCLUDE_DIRECTORIES ${DUCKDB_INCLUDE_DIR})
