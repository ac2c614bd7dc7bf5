// Ctrl-C (SIGINT) and SIGTERM: the first asks to stop, the second ends the process at once.
#pragma once

#include <cstdint>

namespace freshet::cli {

// Once per process, before threads are made. SIGPIPE is ignored from here on.
void handle_interrupts();
bool interrupted();
// Waits until interrupted() or for that long; true where interrupted.
bool wait_for_interrupt_us(std::int64_t us);
inline constexpr std::int64_t kForever = -1;

}  // namespace freshet::cli
