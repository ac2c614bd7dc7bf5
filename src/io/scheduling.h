// What a thread asks of the system's scheduler.
#pragma once

namespace freshet::io {

// The calling thread gives way within a tenth of a millisecond to a thread that wakes up beside it,
// instead of keeping the processor for its whole slice of 3 ms and more.
//
// For the thread that submits writes and goes on working: a synced write around the page cache is
// finished by a thread of the kernel's on the processor that took the disk's interrupt, which may
// be ours. Linux 6.12 and later (sched_attr.sched_runtime); earlier ones ignore it.
void ask_for_short_slices();

}  // namespace freshet::io
