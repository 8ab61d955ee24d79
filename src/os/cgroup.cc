#include "os/cgroup.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "base/text.h"
#include "os/cgroup_files.h"
#include "sys/file.h"

namespace ak::os {

namespace {

constexpr std::uint64_t kPeriodUsec = 100'000;
constexpr int kMaxDepth = 32;

std::uint64_t readNumber(int dir, const std::string& name) {
  return parseNumber<std::uint64_t>(trim(readControl(dir, name))).value_or(0);
}

// The value behind `key ` in a flat keyed file.
std::uint64_t readKeyed(int dir, const std::string& name, std::string_view key) {
  const std::string text = readControl(dir, name);
  for (const std::string_view line : split(text, '\n')) {
    const auto words = split(line, ' ');
    if (words.size() == 2 && words[0] == key) {
      return parseNumber<std::uint64_t>(words[1]).value_or(0);
    }
  }
  return 0;
}

// Groups below are the agent's, one per exec; a group goes when it is empty and childless.
bool removeGroup(int parent, const std::string& name, int depth) {
  if (::unlinkat(parent, name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) {
    return true;
  }
  const Result<sys::OwnedFd> dir = sys::openAt(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!dir || depth >= kMaxDepth) {
    return false;
  }
  eachChildGroup(dir->get(),
                 [&](const std::string& child) { removeGroup(dir->get(), child, depth + 1); });
  return ::unlinkat(parent, name.c_str(), AT_REMOVEDIR) == 0;
}

void killIn(int dir, int depth) {
  for (const std::string_view line : split(readControl(dir, "cgroup.procs"), '\n')) {
    const auto pid = parseNumber<pid_t>(line);
    if (pid && *pid > 1) {
      ::kill(*pid, SIGKILL);
    }
  }
  if (depth < kMaxDepth) {
    eachChildGroup(dir, [&](const std::string& name) {
      const Result<sys::OwnedFd> child =
          sys::openAt(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
      if (child) {
        killIn(child->get(), depth + 1);
      }
    });
  }
}

}  // namespace

const sys::OwnedFd* BoxCgroup::dir(Controller controller) const {
  const sys::OwnedFd& found =
      version_ == CgroupVersion::V1 ? dirs_[static_cast<std::size_t>(controller)] : dirs_[0];
  return found.valid() ? &found : nullptr;
}

Result<std::vector<sys::OwnedFd>> BoxCgroup::entrances() const {
  std::vector<sys::OwnedFd> files;
  for (std::size_t i = 0; i < kControllers; ++i) {
    if (version_ == CgroupVersion::V1 && parents_[i].valid()) {
      files.push_back(AK_TRY(sys::openAt(dirs_[i].get(), "tasks", O_WRONLY)));
    }
  }
  return files;
}

int BoxCgroup::cloneFd() const {
  return version_ == CgroupVersion::V2 ? dirs_[0].get() : -1;
}

Result<sys::OwnedFd> BoxCgroup::helperGroup() {
  if (version_ != CgroupVersion::V2) {
    return sys::OwnedFd();
  }
  if (::mkdirat(dirs_[0].get(), "helper", 0755) != 0 && errno != EEXIST) {
    return failErrno("a cgroup for the box's helper");
  }
  return sys::openAt(dirs_[0].get(), "helper", O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

Result<sys::OwnedFd> BoxCgroup::delegate(uid_t uid, gid_t gid) {
  const sys::OwnedFd* group = dir(Controller::Pids);
  if (group == nullptr) {
    return sys::OwnedFd();
  }
  if (::fchown(group->get(), uid, gid) != 0) {
    return failErrno("handing over the box's cgroup");
  }
  if (version_ == CgroupVersion::V2) {
    // Moving a process needs the right to write cgroup.procs of the common ancestor.
    for (const char* name : {"cgroup.procs", "cgroup.threads", "cgroup.subtree_control"}) {
      if (::fchownat(group->get(), name, uid, gid, AT_SYMLINK_NOFOLLOW) != 0) {
        return failErrno(cat("handing over ", name));
      }
    }
  }
  return group->duplicate();
}

Result<sys::OwnedFd> BoxCgroup::killCount() const {
  const sys::OwnedFd* memory = dir(Controller::Memory);
  if (memory == nullptr) {
    return sys::OwnedFd();
  }
  if (version_ == CgroupVersion::V1) {
    return sys::openAt(memory->get(), "memory.oom_control", O_RDONLY);
  }
  // Groups below this one have no count of their own: where a process lives (the agent), the memory
  // controller cannot be handed down. The file is missing where it was not handed to us.
  auto events = AK_TRY(sys::openAtIfExists(memory->get(), "memory.events", O_RDONLY));
  return events ? std::move(*events) : sys::OwnedFd();
}

namespace {

// Of the memory limit: what TCP may hold beside it on version 1. Plenty for a fast connection,
// little for a box that only wants to fill the machine's.
constexpr std::uint64_t kTcpShare = 4;

}  // namespace

Status BoxCgroup::setLimits(const model::Limits& limits) {
  const bool v1 = version_ == CgroupVersion::V1;
  const sys::OwnedFd* memory = dir(Controller::Memory);
  if (memory != nullptr && limits.memory_bytes != 0) {
    const std::string bytes = cat(limits.memory_bytes);
    if (v1) {
      // A limit that shrinks below memsw's, or grows above it, must go in the right order: memsw is
      // opened wide first. The file is missing without swap accounting, and then there is no swap.
      (void)writeControl(memory->get(), "memory.memsw.limit_in_bytes", "-1");
      AK_TRY(writeControl(memory->get(), "memory.limit_in_bytes", bytes));
      const Status swap = writeControl(memory->get(), "memory.memsw.limit_in_bytes", bytes);
      if (!swap && swap.error().code != ErrorCode::NotFound) {
        return swap;
      }
      // What TCP holds for a box is not among its memory here, and all boxes together could take
      // all that the machine has (net.ipv4.tcp_mem). Missing where the kernel counts it otherwise.
      (void)writeControl(memory->get(), "memory.kmem.tcp.limit_in_bytes",
                         cat(limits.memory_bytes / kTcpShare));
    } else if (::faccessat(memory->get(), "memory.max", F_OK, 0) == 0) {
      AK_TRY(writeControl(memory->get(), "memory.max", bytes));
      (void)writeControl(memory->get(), "memory.swap.max", "0");
    }
  }
  const sys::OwnedFd* pids = dir(Controller::Pids);
  if (pids != nullptr && limits.pids != 0 && ::faccessat(pids->get(), "pids.max", F_OK, 0) == 0) {
    AK_TRY(writeControl(pids->get(), "pids.max", cat(limits.pids)));
  }
  const sys::OwnedFd* cpu = dir(Controller::Cpu);
  if (cpu != nullptr && limits.cpu_percent != 0) {
    const std::uint64_t quota = limits.cpu_percent * (kPeriodUsec / 100);
    if (v1) {
      AK_TRY(writeControl(cpu->get(), "cpu.cfs_quota_us", cat(quota)));
    } else if (::faccessat(cpu->get(), "cpu.max", F_OK, 0) == 0) {
      AK_TRY(writeControl(cpu->get(), "cpu.max", cat(quota, " ", kPeriodUsec)));
    }
  }
  return {};
}

namespace {

// Version 2 makes room for a lower memory.max by killing: what can be dropped or written back is
// told from what cannot first (Documentation/admin-guide/cgroup-v2.rst, memory.stat). A guest that
// takes memory in between meets its limit as always.
std::uint64_t heldMemory(int dir) {
  const std::uint64_t all = readNumber(dir, "memory.current");
  const std::uint64_t files = readKeyed(dir, "memory.stat", "file");
  const std::uint64_t shared = readKeyed(dir, "memory.stat", "shmem");
  const std::uint64_t given_back =
      files - std::min(files, shared) + readKeyed(dir, "memory.stat", "slab_reclaimable");
  return all - std::min(all, given_back);
}

std::unexpected<Error> memoryInUse() {
  return fail(ErrorCode::Conflict, "more memory than that is in use",
              "End something in the sandbox, or stop it first: then the limit is there from its "
              "next start.");
}

}  // namespace

Status BoxCgroup::changeLimits(const model::Limits& limits, const model::Limits& before) {
  const sys::OwnedFd* memory = dir(Controller::Memory);
  if (version_ == CgroupVersion::V2 && memory != nullptr && limits.memory_bytes != 0 &&
      heldMemory(memory->get()) >= limits.memory_bytes) {
    return memoryInUse();
  }
  const Status set = setLimits(limits);
  if (!set) {
    AK_TRY(setLimits(before));
    return set.error().sys_errno == EBUSY ? memoryInUse() : set;
  }
  return {};
}

model::BoxStats BoxCgroup::stats() const {
  const bool v1 = version_ == CgroupVersion::V1;
  model::BoxStats stats;
  if (const sys::OwnedFd* memory = dir(Controller::Memory)) {
    stats.memory_bytes = readNumber(memory->get(), v1 ? "memory.usage_in_bytes" : "memory.current");
  }
  if (const sys::OwnedFd* pids = dir(Controller::Pids)) {
    stats.pids = static_cast<std::uint32_t>(readNumber(pids->get(), "pids.current"));
  }
  if (const sys::OwnedFd* cpu = dir(Controller::CpuAccount)) {
    stats.cpu_usec = v1 ? readNumber(cpu->get(), "cpuacct.usage") / 1000
                        : readKeyed(cpu->get(), "cpu.stat", "usage_usec");
  }
  return stats;
}

bool BoxCgroup::outOfMemory() const {
  const sys::OwnedFd* memory = dir(Controller::Memory);
  return memory != nullptr &&
         readKeyed(memory->get(),
                   version_ == CgroupVersion::V1 ? "memory.oom_control" : "memory.events",
                   "oom_kill") > 0;
}

void BoxCgroup::killAll() {
  if (version_ == CgroupVersion::V2 && dirs_[0].valid() &&
      writeControl(dirs_[0].get(), "cgroup.kill", "1")) {
    return;
  }
  for (const sys::OwnedFd& dir : dirs_) {
    if (dir.valid()) {
      killIn(dir.get(), 0);
    }
  }
}

bool BoxCgroup::remove() {
  bool gone = true;
  if (freezer_.valid()) {
    gone = ::unlinkat(freezer_.get(), id_.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT;
  }
  for (std::size_t i = 0; i < kControllers; ++i) {
    if (parents_[i].valid() && removeGroup(parents_[i].get(), id_, 0)) {
      parents_[i].reset();
      dirs_[i].reset();
    }
    gone = gone && !parents_[i].valid();
  }
  return gone;
}

}  // namespace ak::os
