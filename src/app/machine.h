// What this machine has: for defaults that depend on it.
#pragma once

#include <cstdint>
#include <string>

namespace freshet::app {

// Physical memory, or the control group's limit where that is lower.
std::uint64_t machine_memory_bytes();

// What is free on the file system of `directory` (or of its nearest parent that exists), and what
// the files below `directory` take already. 0 where nobody can say.
std::uint64_t disk_room_bytes(const std::string& directory);

}  // namespace freshet::app
