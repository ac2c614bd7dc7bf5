#include "sql/cancel_watch.h"

#include <chrono>
#include <utility>

namespace freshet::sql {
namespace {

constexpr std::chrono::milliseconds kBetweenQuestions{10};

}  // namespace

CancelWatch::CancelWatch(std::function<bool()> is_cancelled,
                         std::vector<duckdb_connection> connections)
    : is_cancelled_(std::move(is_cancelled)), connections_(std::move(connections)) {
  if (is_cancelled_) thread_ = std::thread([this] { run(); });
}

CancelWatch::~CancelWatch() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void CancelWatch::run() {
  MutexLock lock(mutex_);
  while (!stopping_) {
    if (is_cancelled_()) {
      for (duckdb_connection connection : connections_) duckdb_interrupt(connection);
    }
    changed_.wait_for(mutex_, kBetweenQuestions);
  }
}

}  // namespace freshet::sql
