// The judge of strangers' SQL: no crash, and what it lets through is a query that ends with an
// answer or an error, never with anything written.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "common/check.h"
#include "sql/query_database.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace freshet::sql;  // NOLINT: one function
  static const auto kDatabase = [] {
    auto opened = QueryDatabase::open({.memory_bytes = 64u << 20, .threads = 1});
    FRESHET_CHECK(opened.has_value());
    return *std::move(opened);
  }();
  std::string_view text(reinterpret_cast<const char*>(data), size);
  auto judged = kDatabase->judge(text);
  if (!judged) return 0;
  QueryLimits limits{.time_us = 100'000, .rows_max = 1'000, .bytes_max = 1u << 20};
  (void)kDatabase->run(*judged, {}, {}, limits, AnswerFormat::kJson);
  return 0;
}
