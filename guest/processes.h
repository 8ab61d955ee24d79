#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "base/result.h"
#include "sys/owned_fd.h"

namespace ak::guest {

struct ProcessSample {
  pid_t pid = 0;
  pid_t parent = 0;
  std::uint64_t cpu_ticks = 0;
  std::uint64_t resident_pages = 0;
  bool zombie = false;
};

// The processes of our pid namespace, read through a /proc that was opened before any guest
// process existed.
class Processes {
 public:
  static Result<Processes> open();

  // Those that end meanwhile are left out.
  Result<std::vector<ProcessSample>> list() const;
  // Children, grandchildren, ... of `root`, without zombies and without `root`.
  Result<std::vector<pid_t>> descendants(pid_t root) const;

 private:
  explicit Processes(sys::OwnedFd proc) : proc_(std::move(proc)) {}

  sys::OwnedFd proc_;
};

// We are PID 1 of a pid namespace: all other processes in it are ours.
bool isInit();
// SIGKILL to every process of the namespace but us. Only for PID 1: aborts otherwise, since from
// anywhere else kill(-1) would reach the host. True when none is left.
bool killNamespace();

}  // namespace ak::guest
