#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "sys/owned_fd.h"

namespace ak::sys {

// How a process ended: exactly one of the two.
struct ExitStatus {
  int code = 0;
  int signal = 0;
  bool operator==(const ExitStatus&) const = default;
};

// Identity of a process that survives pid reuse and our own restart: pid plus start time
// (/proc/PID/stat field 22), valid within one boot.
struct ProcessId {
  pid_t pid = 0;
  std::uint64_t start_ticks = 0;
  bool operator==(const ProcessId&) const = default;
};

Result<OwnedFd> openPidFd(pid_t pid);
Status signalPidFd(int pid_fd, int signal);
// NotFound when there is no such process.
Result<ProcessId> processId(pid_t pid);
// A pidfd only if the process is still the very one; NotFound otherwise.
Result<OwnedFd> openProcess(const ProcessId& process);
// Reaps our own child behind the pidfd; blocks.
Result<ExitStatus> waitPidFd(int pid_fd);
// /proc/sys/kernel/random/boot_id
Result<std::string> bootId();

}  // namespace ak::sys
