#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "guest/processes.h"
#include "sys/owned_fd.h"

namespace ak::guest {

// All processes that one exec started, however they tried to get away (setsid, double fork).
class ExecGroup {
 public:
  virtual ~ExecGroup() = default;

  // Open cgroup.procs that the first process joins; -1: the group needs none.
  virtual int procs() const { return -1; }

  // To each member alive now, once.
  virtual void signal(int number) = 0;
  // SIGKILL to each member alive now. To be repeated until empty(): members may be forking.
  virtual void kill() = 0;
  virtual bool empty() = 0;
};

// A child cgroup (v1 or v2) beneath `parent`. Removed on destruction, when empty.
Result<std::unique_ptr<ExecGroup>> makeCgroupGroup(int parent, std::string name);
// The whole pid namespace: for the exec that has the sandbox for itself. Only for PID 1.
std::unique_ptr<ExecGroup> makeNamespaceGroup(const Processes& processes);
// Everything below a supervisor (supervisor.h): being a subreaper, it keeps all orphans beneath it.
std::unique_ptr<ExecGroup> makeTreeGroup(const Processes& processes, pid_t supervisor);
// Our own children that nobody expects, and what is below them: orphans whose supervisor the guest
// has killed. Only where execs have supervisors: elsewhere such orphans are legitimate.
std::unique_ptr<ExecGroup> makeStrayGroup(const Processes& processes,
                                          std::function<bool(pid_t)> expected);

}  // namespace ak::guest
