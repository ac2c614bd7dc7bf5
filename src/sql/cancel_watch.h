// Ends statements of DuckDB when their caller no longer wants them.
#pragma once

#include <functional>
#include <thread>
#include <vector>

#include "common/mutex.h"
#include "sql/duckdb_handles.h"

namespace freshet::sql {

// Asks on a thread of its own, and interrupts the connections as long as the answer is yes: an
// interruption between two statements is forgotten. The connections must outlive it.
class CancelWatch {
 public:
  CancelWatch(std::function<bool()> is_cancelled, std::vector<duckdb_connection> connections);
  ~CancelWatch();
  CancelWatch(const CancelWatch&) = delete;
  CancelWatch& operator=(const CancelWatch&) = delete;

 private:
  void run();

  std::function<bool()> is_cancelled_;
  std::vector<duckdb_connection> connections_;
  Mutex mutex_;
  ConditionVariable changed_;
  bool stopping_ FRESHET_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace freshet::sql
