#pragma once

// How the launcher execs ak-agent. guest/README.md says the same in prose.
//   argv         {"ak-agent"}
//   environment  empty
//   directory    "/"
//   descriptors  kListenerFd, kCgroupFd if SandboxRules::can_group, perhaps kKillCountFd; nothing
//                else is needed, 0 to 2 may be closed
namespace ak::guest {

// A listening unix stream socket that no path in the sandbox leads to.
inline constexpr int kListenerFd = 3;
// A directory of cgroupfs (v1 pids or v2) that the agent's user may make children in: the agent's
// own cgroup or one above it in the delegated subtree.
inline constexpr int kCgroupFd = 4;
// To read: memory.oom_control (v1) or memory.events (v2) of the group that all of the sandbox is
// in.
inline constexpr int kKillCountFd = 5;

// Exit codes of the agent itself.
inline constexpr int kExitClean = 0;       // shutdown, the last exec's end, or the lease ran out
inline constexpr int kExitBadStart = 120;  // the contract was not kept; a line on stderr says how

}  // namespace ak::guest
