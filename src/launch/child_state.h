#pragma once

#include "launch/child.h"

// Steps of the child, one file per kernel facility. Each returns 0 or an errno; only child-safe
// calls (os/child_safe.h).
namespace ak::launch {

// Fixed places while the child sets up; everything above is closed at once.
inline constexpr int kControlFd = 3;
inline constexpr int kAgentFd = 4;
// And at the end, when 3 to 5 are the agent's.
inline constexpr int kFinalControlFd = 6;
inline constexpr int kFinalAgentFd = 7;

struct ChildState {
  const ChildPlan& plan;
  int control = kControlFd;
  int root = -1;  // mount of the new root
  int dev = -1;
  int proc = -1;
  int binds[kMaxBinds] = {};
  int listener = -1;
  int cgroup = -1;
  int kill_count = -1;
  int workspace = -1;
  int volumes[kMaxVolumes] = {};
  ClaimPacket claim{};
};

// child_process.cc
int enterCgroup(ChildState& child);
int closeDescriptors(ChildState& child);
int becomeRoot(ChildState& child);
int newSession(ChildState& child);
int cgroupNamespace(ChildState& child);
int loopback(ChildState& child);
int limits(ChildState& child);
int hostname(ChildState& child);
int placeDescriptors(ChildState& child);
// child_root.cc
int attachRoot(ChildState& child);
int attachBinds(ChildState& child);
int mountDevice(ChildState& child);
int mountScratch(ChildState& child);
int leaveHost(ChildState& child);
int readOnlyRoot(ChildState& child);
// child_network.cc
int network(ChildState& child);
// child_proc.cc
int makeProc(ChildState& child);
int maskProc(ChildState& child);
int attachProc(ChildState& child);
// child_workspace.cc
int mountWorkspace(ChildState& child);
int mountVolumes(ChildState& child);
int protectPaths(ChildState& child);
// child_drop.cc
int boundingSet(ChildState& child);
int noNewPrivileges(ChildState& child);
int capabilities(ChildState& child);
int installFilter(ChildState& child);
int execute(ChildState& child);

}  // namespace ak::launch
