#pragma once

#include <cstdint>

namespace ak::guest {

// The kernel's count of processes that it killed for lack of memory, from an open file that has it
// as a line "oom_kill N" (memory.events, or memory.oom_control of version 1). 0 for -1, and where
// the kernel does not count (version 1 before Linux 4.13).
std::uint64_t memoryKills(int file);

}  // namespace ak::guest
