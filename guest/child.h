#pragma once

#include <linux/filter.h>
#include <sys/resource.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>

namespace ak::guest {

// The steps between clone and exec, in their order. Each names what an error message says.
enum class ChildStep : std::uint8_t {
  None,
  Session,
  Terminal,
  Descriptors,
  Cgroup,
  Limits,
  Bounding,
  Groups,
  Ids,
  Directory,
  Capabilities,
  NoNewPrivileges,
  Filter,
  Exec,
};

struct ChildLimit {
  int resource;
  struct rlimit value;
};

// How a child ended that did not get to exec; a failed clone has an error only.
struct ChildFailure {
  ChildStep step = ChildStep::None;
  int error = 0;
};

// Everything that the child needs, made before the clone: between clone and exec there is only
// memory that exists already.
struct ChildPlan {
  int fds[3] = {-1, -1, -1};  // become 0, 1, 2; all above 2
  bool terminal = false;      // 0 is a tty that becomes the controlling one
  int cgroup_procs = -1;      // open cgroup.procs of the exec's group
  const ChildLimit* limits = nullptr;
  std::size_t limit_count = 0;
  bool change_ids = false;
  uid_t uid = 0;
  gid_t gid = 0;
  const gid_t* groups = nullptr;
  std::size_t group_count = 0;
  bool drop_bounding = false;      // we hold CAP_SETPCAP
  std::uint64_t capabilities = 0;  // what the child may keep of ours
  const char* directory = "/";
  sock_fprog filter{};
  const char* const* candidates = nullptr;  // paths to try, null-terminated
  char* const* argv = nullptr;
  char* const* environment = nullptr;

  ChildFailure failure;  // set by cloneChild()
};

// A new process that carries out `plan`. Returns its pid; plan.failure tells whether it got to exec
// (if not, the child ends by itself and must be reaped). -1: the clone itself failed.
pid_t cloneChild(ChildPlan& plan);

// Sleeps until our new child closes or writes its end of `pipe`. Until then a guest process of its
// user can stop it: SIGSTOP cannot be blocked, and kill(-1) reaches whatever exists. So a stopped
// child is told to go on. False when that happens again and again (two seconds in all), or when the
// child is dead although somebody else holds the pipe's end: the caller is to kill what there is.
// vfork(2), which waits without end, would let a guest stop its agent, though nothing in a pid
// namespace can stop process 1 itself.
bool awaitStart(pid_t child, int pipe);

}  // namespace ak::guest
