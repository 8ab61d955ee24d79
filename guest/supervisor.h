#pragma once

#include <sys/types.h>

#include "base/result.h"
#include "guest/child.h"
#include "guest/processes.h"
#include "sys/owned_fd.h"

namespace ak::guest {

// Where there is no cgroup for an exec, a small process of ours stands between agent and command:
// as a subreaper (prctl(2)) it inherits every orphan of the command, so that all of them stay
// beneath it and can be found. It ends by itself after its last descendant, and ends them itself
// when the agent has ended.
struct Supervised {
  pid_t supervisor = 0;
  pid_t main = 0;
  // Yields the main process' wait status (an int), once; end of file: the supervisor is gone.
  // Non-blocking.
  sys::OwnedFd status;
};

// plan.failure says whether the command got to exec, as with cloneChild; then there is no process
// left but a supervisor about to end, which is the reaper's.
Result<Supervised> cloneSupervised(ChildPlan& plan, const Processes& processes);

}  // namespace ak::guest
