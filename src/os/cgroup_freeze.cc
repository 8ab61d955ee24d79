// Stopping all processes of a box where they are.
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <set>

#include "base/text.h"
#include "os/cgroup.h"
#include "os/cgroup_files.h"
#include "sys/file.h"

namespace ak::os {

namespace {

using std::chrono::steady_clock;

constexpr int kMaxDepth = 32;
constexpr int kPauseMs = 1;  // nothing to wait on tells of the last process that stops

std::unexpected<Error> tooSlow() {
  return fail(ErrorCode::Timeout, "some of the sandbox's processes could not be frozen in time",
              "Stop the sandbox first: agentkernel stop NAME");
}

void processesIn(int dir, int depth, std::set<std::string>& pids) {
  for (const std::string_view line : split(readControl(dir, "cgroup.procs"), '\n')) {
    if (!line.empty()) {
      pids.emplace(line);
    }
  }
  if (depth < kMaxDepth) {
    eachChildGroup(dir, [&](const std::string& name) {
      const Result<sys::OwnedFd> child =
          sys::openAt(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
      if (child) {
        processesIn(child->get(), depth + 1, pids);
      }
    });
  }
}

}  // namespace

Status BoxCgroup::freeze(std::chrono::milliseconds limit) {
  const auto end = steady_clock::now() + limit;
  const bool can =
      version_ == CgroupVersion::V2
          ? dirs_[0].valid() && ::faccessat(dirs_[0].get(), "cgroup.freeze", W_OK, AT_EACCESS) == 0
          : freezer_.valid() && dir(Controller::Pids) != nullptr;
  if (!can) {
    return fail(ErrorCode::Unsupported, "a running sandbox cannot be frozen without a cgroup",
                "Stop the sandbox first (agentkernel stop NAME), or run agentkernel in a delegated "
                "scope (systemd-run --user --scope -p Delegate=yes).");
  }
  frozen_ = true;
  Status frozen = version_ == CgroupVersion::V2 ? freezeTogether(end) : freezeOneByOne(end);
  if (!frozen) {
    thaw();
  }
  return frozen;
}

Status BoxCgroup::freezeTogether(steady_clock::time_point end) {
  AK_TRY(writeControl(dirs_[0].get(), "cgroup.freeze", "1"));
  while (!readControl(dirs_[0].get(), "cgroup.events").contains("frozen 1")) {
    if (steady_clock::now() > end) {
      return tooSlow();
    }
    ::poll(nullptr, 0, kPauseMs);
  }
  return {};
}

// A process that is moved into a frozen group stops there and forks no more; so at some time no
// process is left outside.
Status BoxCgroup::freezeOneByOne(steady_clock::time_point end) {
  if (::mkdirat(freezer_.get(), id_.c_str(), 0755) != 0 && errno != EEXIST) {
    return failErrno("a cgroup to freeze a sandbox in");
  }
  const sys::OwnedFd group =
      AK_TRY(sys::openAt(freezer_.get(), id_, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  AK_TRY(writeControl(group.get(), "freezer.state", "FROZEN"));
  std::set<std::string> inside;
  for (bool all = false; !all;) {
    std::set<std::string> pids;
    processesIn(dir(Controller::Pids)->get(), 0, pids);
    all = true;
    for (const std::string& pid : pids) {
      if (inside.contains(pid)) {
        continue;
      }
      const Status moved = writeControl(group.get(), "cgroup.procs", pid);
      if (!moved && moved.error().sys_errno != ESRCH) {
        return moved;
      }
      inside.insert(pid);
      all = false;
    }
    if (steady_clock::now() > end) {
      return tooSlow();
    }
  }
  while (trim(readControl(group.get(), "freezer.state")) != "FROZEN") {
    if (steady_clock::now() > end) {
      return tooSlow();
    }
    ::poll(nullptr, 0, kPauseMs);
  }
  return {};
}

void BoxCgroup::thaw() {
  if (!frozen_) {
    return;
  }
  frozen_ = false;
  // It cannot be that this fails and the box goes on: then it is ended by whoever wants that.
  if (version_ == CgroupVersion::V2) {
    (void)writeControl(dirs_[0].get(), "cgroup.freeze", "0");
  } else {
    (void)writeControl(freezer_.get(), cat(id_, "/freezer.state"), "THAWED");
  }
}

}  // namespace ak::os
