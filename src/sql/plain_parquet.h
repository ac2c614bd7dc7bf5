// Parquet files as DuckDB reads them by itself, with nothing of ours in between: what a bench
// compares our answers with.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/result.h"

namespace freshet::sql {

// One thread.
class PlainParquet {
 public:
  // `threads` and memory are DuckDB's.
  static Result<std::unique_ptr<PlainParquet>> open(const std::vector<std::string>& paths,
                                                    std::uint32_t threads,
                                                    std::uint64_t memory_bytes);
  ~PlainParquet();

  // Runs a statement over the view `files`; how many rows it gave.
  Result<std::uint64_t> ask(const std::string& statement);

 private:
  struct State;
  explicit PlainParquet(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace freshet::sql
