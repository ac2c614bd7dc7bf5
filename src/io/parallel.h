// One loop on several threads.
#pragma once

#include <cstddef>
#include <functional>

#include "io/executor.h"

namespace freshet::io {

// Calls `work(i)` once for each i below `count`, in no order, on this thread and, as far as they
// are free, on `helpers` of the executor; returns when all calls have returned. Without an executor
// on this thread alone, in order. What the calls share is their own business.
void parallel_for(Executor* executor, std::size_t helpers, std::size_t count,
                  const std::function<void(std::size_t)>& work);

}  // namespace freshet::io
