#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/text.h"
#include "os/cgroup.h"
#include "os/cgroup_files.h"
#include "sys/file.h"

namespace ak::os {

namespace {

constexpr const char* kOurs = "agentkernel";
constexpr std::string_view kLeaf = "/agentkernel-daemon";
constexpr std::array<std::string_view, kControllers> kNames{"memory", "pids", "cpu", "cpuacct"};
constexpr std::string_view kDelegate =
    "Run agentkernel in a delegated scope (systemd-run --user --scope -p Delegate=yes), or as "
    "root.";

Result<sys::OwnedFd> makeDirectory(int parent, const std::string& name) {
  if (::mkdirat(parent, name.c_str(), 0755) != 0 && errno != EEXIST) {
    return failErrno(cat("cgroup ", name));
  }
  return sys::openAt(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

// The group that is ours to divide. A launcher that was started by what an earlier one has moved
// takes the same one, where the earlier one's boxes are.
std::string ownGroup() {
  const Result<std::string> text = sys::readFile("/proc/self/cgroup", 64 * 1024);
  for (const std::string_view line : split(text ? *text : std::string(), '\n')) {
    if (line.starts_with("0::/")) {
      const std::string_view group = line.substr(3);
      return std::string(group.ends_with(kLeaf) ? group.substr(0, group.size() - kLeaf.size())
                                                : group);
    }
  }
  return "/";
}

// A group with controllers enabled for its children may hold no process itself: ours move down.
// Meanwhile the neighbours, such as the shell that we come from, fork and end: until none is left.
Status makeRoomBelow(int group) {
  constexpr int kRounds = 1000;
  const sys::OwnedFd leaf = AK_TRY(makeDirectory(group, std::string(kLeaf.substr(1))));
  for (int round = 0; round < kRounds; ++round) {
    const std::string pids = AK_TRY(readControlFile(group, "cgroup.procs"));
    if (pids.empty()) {
      break;
    }
    if (round > 1) {
      // One that is ending cannot be moved, and counts until it has; nothing tells when.
      ::poll(nullptr, 0, 1);
    }
    for (const std::string_view pid : split(trim(pids), '\n')) {
      const Status moved = writeControl(leaf.get(), "cgroup.procs", pid);
      if (!moved && moved.error().sys_errno != ESRCH) {
        return moved;
      }
    }
  }
  return {};
}

struct V2Root {
  sys::OwnedFd dir;
  std::array<bool, kControllers> has{};
};

Result<V2Root> openV2(const std::string& mount) {
  // Root may use the top; others only what was delegated to them: their own group.
  const bool root = ::geteuid() == 0 && ::access((mount + "/cgroup.procs").c_str(), W_OK) == 0;
  const sys::OwnedFd group =
      AK_TRY(sys::openPath(root ? mount : mount + ownGroup(), O_RDONLY | O_DIRECTORY));
  const std::string available = AK_TRY(readControlFile(group.get(), "cgroup.controllers"));
  if (!root) {
    AK_TRY(makeRoomBelow(group.get()));
  }
  V2Root found{AK_TRY(makeDirectory(group.get(), kOurs)), {}};
  const auto words = split(trim(available), ' ');
  for (std::size_t i = 0; i < 3; ++i) {
    if (std::ranges::find(words, kNames[i]) == words.end()) {
      continue;
    }
    const std::string enable = cat("+", kNames[i]);
    found.has[i] = writeControl(group.get(), "cgroup.subtree_control", enable).has_value() &&
                   writeControl(found.dir.get(), "cgroup.subtree_control", enable).has_value();
  }
  found.has[static_cast<std::size_t>(Controller::CpuAccount)] = true;  // cpu.stat is always there
  return found;
}

}  // namespace

CgroupMounts parseCgroupMounts(std::string_view mountinfo) {
  CgroupMounts mounts;
  for (const std::string_view line : split(mountinfo, '\n')) {
    const std::size_t dash = line.find(" - ");
    const auto left = split(line.substr(0, dash), ' ');
    if (dash == std::string_view::npos || left.size() < 5) {
      continue;
    }
    const auto right = split(line.substr(dash + 3), ' ');
    if (right.size() == 3 && right[0] == "cgroup2" && mounts.v2.empty()) {
      mounts.v2 = left[4];
    }
    if (right.size() != 3 || right[0] != "cgroup") {
      continue;
    }
    const auto options = split(right[2], ',');
    if (mounts.freezer.empty() && std::ranges::find(options, "freezer") != options.end()) {
      mounts.freezer = left[4];
    }
    for (std::size_t i = 0; i < kControllers; ++i) {
      if (mounts.v1[i].empty() && std::ranges::find(options, kNames[i]) != options.end()) {
        mounts.v1[i] = left[4];
      }
    }
  }
  return mounts;
}

CgroupTree CgroupTree::discover() {
  CgroupTree tree;
  const Result<std::string> info = sys::readFile("/proc/self/mountinfo", 4 * 1024 * 1024);
  if (!info) {
    return tree;
  }
  const CgroupMounts mounts = parseCgroupMounts(*info);
  const bool hybrid = std::ranges::any_of(mounts.v1, [](const auto& at) { return !at.empty(); });
  if (hybrid) {
    // Hybrid hosts keep the controllers in version 1; the version 2 tree there holds none of ours.
    for (std::size_t i = 0; i < kControllers; ++i) {
      const auto first = std::ranges::find(mounts.v1, mounts.v1[i]);
      tree.same_as_[i] = static_cast<std::size_t>(first - mounts.v1.begin());
      if (!mounts.v1[i].empty() && tree.same_as_[i] != i) {
        tree.has_[i] = tree.has_[tree.same_as_[i]];
        continue;
      }
      const Result<sys::OwnedFd> top = mounts.v1[i].empty()
                                           ? fail(ErrorCode::NotFound, "no hierarchy")
                                           : sys::openPath(mounts.v1[i], O_RDONLY | O_DIRECTORY);
      Result<sys::OwnedFd> dir = top ? makeDirectory(top->get(), kOurs)
                                     : Result<sys::OwnedFd>(std::unexpected(top.error()));
      if (dir && ::faccessat(dir->get(), ".", W_OK, AT_EACCESS) == 0) {
        tree.roots_[i] = std::move(*dir);
        tree.has_[i] = true;
        tree.version_ = CgroupVersion::V1;
      }
    }
    if (tree.version_ == CgroupVersion::V1 && !mounts.freezer.empty()) {
      const Result<sys::OwnedFd> top = sys::openPath(mounts.freezer, O_RDONLY | O_DIRECTORY);
      if (Result<sys::OwnedFd> dir = top ? makeDirectory(top->get(), kOurs)
                                         : Result<sys::OwnedFd>(std::unexpected(top.error()))) {
        tree.freezer_ = std::move(*dir);
      }
    }
    return tree;
  }
  Result<V2Root> found =
      mounts.v2.empty() ? fail(ErrorCode::NotFound, "no cgroup file system") : openV2(mounts.v2);
  if (found) {
    tree.roots_[0] = std::move(found->dir);
    tree.has_ = found->has;
    tree.version_ = CgroupVersion::V2;
  }
  return tree;
}

bool CgroupTree::has(Controller controller) const {
  return has_[static_cast<std::size_t>(controller)];
}

Result<std::vector<model::EnforcedLimit>> CgroupTree::judge(const model::Limits& limits) const {
  std::vector<model::EnforcedLimit> held;

  struct Row {
    Controller controller;
    std::string_view name;
    bool wanted;
    bool asked;
    std::string_view otherwise;
  };

  const Row rows[] = {
      {Controller::Memory, "memory", limits.memory_bytes != 0, limits.explicit_memory,
       "unenforced"},
      {Controller::Cpu, "cpu", limits.cpu_percent != 0, limits.explicit_cpu, "unenforced"},
      {Controller::Pids, "pids", limits.pids != 0, limits.explicit_pids, "rlimit"}};
  for (const Row& row : rows) {
    if (!row.wanted) {
      continue;
    }
    if (has(row.controller)) {
      held.push_back(
          {std::string(row.name), version_ == CgroupVersion::V1 ? "cgroup-v1" : "cgroup-v2", ""});
      continue;
    }
    if (row.asked) {
      return fail(ErrorCode::Unsupported,
                  cat("the ", row.name, " limit cannot be enforced: no writable cgroup"),
                  std::string(kDelegate));
    }
    held.push_back({std::string(row.name), std::string(row.otherwise), std::string(kDelegate)});
  }
  return held;
}

Result<BoxCgroup> CgroupTree::open(const std::string& id, bool create) {
  BoxCgroup group;
  group.version_ = version_;
  group.id_ = id;
  if (freezer_.valid()) {
    group.freezer_ = AK_TRY(freezer_.duplicate());
  }
  for (std::size_t i = 0; i < kControllers; ++i) {
    if (has_[i] && same_as_[i] != i && group.dirs_[same_as_[i]].valid()) {
      group.dirs_[i] = AK_TRY(group.dirs_[same_as_[i]].duplicate());
    }
    if (!roots_[i].valid()) {
      continue;
    }
    if (create && ::mkdirat(roots_[i].get(), id.c_str(), 0755) != 0) {
      const int error = errno;
      (void)group.remove();
      return failErrno(error, cat("cgroup ", id));
    }
    Result<sys::OwnedFd> parent = roots_[i].duplicate();
    Result<sys::OwnedFd> dir =
        sys::openAt(roots_[i].get(), id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!parent || !dir) {
      if (create) {
        (void)::unlinkat(roots_[i].get(), id.c_str(), AT_REMOVEDIR);
        (void)group.remove();
        return std::unexpected(!parent ? parent.error() : dir.error());
      }
      continue;
    }
    group.parents_[i] = std::move(*parent);
    group.dirs_[i] = std::move(*dir);
  }
  return group;
}

Result<BoxCgroup> CgroupTree::make(const std::string& id, const model::Limits& limits) {
  AK_TRY(judge(limits));
  BoxCgroup group = AK_TRY(open(id, true));
  Status set = group.setLimits(limits);
  if (!set) {
    (void)group.remove();
    return std::unexpected(std::move(set).error());
  }
  return group;
}

void CgroupTree::thaw(const std::string& id) {
  // Few boxes have such a group in version 1.
  if (version_ == CgroupVersion::V1 && freezer_.valid()) {
    (void)writeControl(freezer_.get(), cat(id, "/freezer.state"), "THAWED");
  } else if (version_ == CgroupVersion::V2 && roots_[0].valid()) {
    (void)writeControl(roots_[0].get(), cat(id, "/cgroup.freeze"), "0");
  }
}

bool CgroupTree::sweep(const std::string& id) {
  Result<BoxCgroup> group = open(id, false);
  if (!group) {
    return false;
  }
  group->killAll();
  return group->remove();
}

}  // namespace ak::os
