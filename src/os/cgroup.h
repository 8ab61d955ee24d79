#pragma once

#include <sys/types.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/box.h"
#include "model/box_codec.h"
#include "sys/owned_fd.h"

// Control groups of boxes, version 1 (one hierarchy per controller) and version 2, behind one face
// (cgroups(7), Documentation/admin-guide/cgroup-v2.rst). Every box has a directory `<id>` below
// `agentkernel` in each hierarchy in use.
namespace ak::os {

enum class Controller : std::uint8_t { Memory, Pids, Cpu, CpuAccount };
inline constexpr std::size_t kControllers = 4;

enum class CgroupVersion : std::uint8_t { None, V1, V2 };

class BoxCgroup {
 public:
  BoxCgroup() = default;

  // Version 1: files to which a single-threaded process writes "0" to put itself in. `cgroup.procs`
  // would take a kernel-wide lock and a grace period of several milliseconds. The right to is
  // checked against whoever opened them. Empty in version 2.
  Result<std::vector<sys::OwnedFd>> entrances() const;
  // Version 2: for CLONE_INTO_CGROUP. -1 otherwise.
  int cloneFd() const;
  // Version 2: a group below, for a process of ours in the box's limits that its agent cannot
  // move (groups that have children with limits hold no processes themselves). Invalid otherwise.
  Result<sys::OwnedFd> helperGroup();
  // Hands the directory, in which child groups for execs are made, to the box's root: it may make
  // children and move its own processes among them. Limit files stay ours. Invalid without cgroups.
  Result<sys::OwnedFd> delegate(uid_t uid, gid_t gid);
  // Sets the limits that are not 0 and that a controller is there for.
  Status setLimits(const model::Limits& limits);
  // Other limits for a group in use; `before` are put back when that fails. Conflict when its
  // memory is in use above the new limit and cannot be given back.
  Status changeLimits(const model::Limits& limits, const model::Limits& before);
  // The file with the count of its out-of-memory kills, for its agent to read. Invalid without the
  // controller.
  Result<sys::OwnedFd> killCount() const;
  model::BoxStats stats() const;
  bool outOfMemory() const;
  // Stops all its processes where they are, until thaw(): when this returns, none runs. Unsupported
  // without a freezer; Timeout when some cannot be stopped within `limit`, and then none is.
  // Version 1: in a group of the freezer's hierarchy that is made for it, so that boxes that are
  // never frozen pay nothing.
  Status freeze(std::chrono::milliseconds limit);
  void thaw();

  // SIGKILL to every process in it and below.
  void killAll();
  // False while it still holds processes.
  bool remove();

 private:
  friend class CgroupTree;
  Status freezeTogether(std::chrono::steady_clock::time_point end);
  Status freezeOneByOne(std::chrono::steady_clock::time_point end);
  const sys::OwnedFd* dir(Controller controller) const;

  CgroupVersion version_ = CgroupVersion::None;
  std::string id_;
  // Version 2 uses only the first; in version 1 one per controller. `parents_` are agentkernel/,
  // once per hierarchy.
  std::array<sys::OwnedFd, kControllers> dirs_;
  std::array<sys::OwnedFd, kControllers> parents_;
  sys::OwnedFd freezer_;  // version 1: agentkernel/ of that hierarchy
  bool frozen_ = false;
};

class CgroupTree {
 public:
  // Finds the hierarchies that we may write and makes `agentkernel` there. Never fails: what is not
  // usable is not there, and has() says so.
  static CgroupTree discover();

  CgroupVersion version() const { return version_; }

  bool has(Controller controller) const;
  // The group of one box with the limits that can be held. An explicit limit that cannot is
  // Unsupported, before anything is made.
  Result<BoxCgroup> make(const std::string& id, const model::Limits& limits);
  // What make() holds of these limits and by what means; disk is not its business.
  Result<std::vector<model::EnforcedLimit>> judge(const model::Limits& limits) const;
  // Kills and removes the group of a box that nobody owns any more. False while it still dies.
  bool sweep(const std::string& id);
  // Lets a box go on that an earlier launcher may have frozen and not lived to thaw.
  void thaw(const std::string& id);

 private:
  Result<BoxCgroup> open(const std::string& id, bool create);

  CgroupVersion version_ = CgroupVersion::None;
  std::array<sys::OwnedFd, kControllers> roots_;  // agentkernel/; version 2: only the first
  sys::OwnedFd freezer_;                          // likewise; version 1 only
  std::array<bool, kControllers> has_{};
  // Hosts mount cpu and cpuacct as one hierarchy: which controller's directory serves.
  std::array<std::size_t, kControllers> same_as_{0, 1, 2, 3};
};

// Where cgroup file systems are mounted, from the text of /proc/self/mountinfo.
struct CgroupMounts {
  std::array<std::string, kControllers> v1;
  std::string v2;
  std::string freezer;
  bool operator==(const CgroupMounts&) const = default;
};

CgroupMounts parseCgroupMounts(std::string_view mountinfo);

}  // namespace ak::os
