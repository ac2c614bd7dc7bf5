// Ctrl-C (SIGINT) and SIGTERM: the first asks to stop, the second ends the process at once.
#pragma once

#include <cstdint>

namespace freshet::cli {

// Once per process, before threads are made. SIGPIPE is ignored from here on.
void handle_interrupts();
bool interrupted();
// Waits until interrupted(), wake_waiting() or for that long; true where interrupted.
bool wait_for_interrupt_us(std::int64_t us);
inline constexpr std::int64_t kForever = -1;
// Any thread: ends the wait that is under way, or the next one.
void wake_waiting();

}  // namespace freshet::cli
