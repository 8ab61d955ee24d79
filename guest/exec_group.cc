#include "guest/exec_group.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <vector>

#include "base/text.h"
#include "sys/file.h"

namespace ak::guest {

namespace {

constexpr std::size_t kMaxProcs = 1024 * 1024;

class CgroupGroup final : public ExecGroup {
 public:
  CgroupGroup(sys::OwnedFd parent, std::string name, sys::OwnedFd directory, sys::OwnedFd procs)
      : parent_(std::move(parent)),
        name_(std::move(name)),
        directory_(std::move(directory)),
        procs_(std::move(procs)) {}

  ~CgroupGroup() override { (void)::unlinkat(parent_.get(), name_.c_str(), AT_REMOVEDIR); }

  int procs() const override { return procs_.get(); }

  void kill() override {
    // v2, Linux 5.14 and later: atomic against forks. Elsewhere the caller repeats until empty.
    const auto all = sys::openAt(directory_.get(), "cgroup.kill", O_WRONLY);
    if (all && ::write(all->get(), "1", 1) == 1) {
      return;
    }
    signal(SIGKILL);
  }

  void signal(int number) override {
    for (const std::string_view line : split(members(), '\n')) {
      const auto pid = parseNumber<pid_t>(line);
      if (pid && *pid > 0 && *pid != ::getpid()) {
        ::kill(*pid, number);
      }
    }
  }

  bool empty() override { return trim(members()).empty(); }

 private:
  const std::string& members() {
    const auto file = sys::openAt(directory_.get(), "cgroup.procs", O_RDONLY);
    auto text = file ? sys::readAll(file->get(), kMaxProcs) : Result<std::string>(std::string());
    // Unreadable means that the kernel has no such group any more.
    members_ = text ? std::move(*text) : std::string();
    return members_;
  }

  sys::OwnedFd parent_;
  std::string name_;
  sys::OwnedFd directory_;
  sys::OwnedFd procs_;
  std::string members_;
};

void signalAll(const std::vector<pid_t>& members, int number) {
  for (const pid_t pid : members) {
    ::kill(pid, number);
  }
}

void signalBelow(const Processes& processes, pid_t root, int number) {
  if (const auto members = processes.descendants(root)) {
    signalAll(*members, number);
  }
}

class NamespaceGroup final : public ExecGroup {
 public:
  explicit NamespaceGroup(const Processes& processes) : processes_(processes) {}

  void signal(int number) override { signalBelow(processes_, ::getpid(), number); }

  void kill() override { (void)killNamespace(); }

  bool empty() override {
    const auto others = processes_.descendants(::getpid());
    return others && others->empty();
  }

 private:
  const Processes& processes_;
};

// Stopped first, so that none forks while its neighbours are being killed.
void stopAndKill(const std::vector<pid_t>& members) {
  signalAll(members, SIGSTOP);
  signalAll(members, SIGKILL);
}

class TreeGroup final : public ExecGroup {
 public:
  TreeGroup(const Processes& processes, pid_t supervisor)
      : processes_(processes), supervisor_(supervisor) {}

  void signal(int number) override { signalBelow(processes_, supervisor_, number); }

  void kill() override {
    const auto members = processes_.descendants(supervisor_);
    if (members) {
      stopAndKill(*members);
    }
  }

  bool empty() override {
    const auto members = processes_.descendants(supervisor_);
    return members && members->empty();
  }

 private:
  const Processes& processes_;
  const pid_t supervisor_;
};

class StrayGroup final : public ExecGroup {
 public:
  StrayGroup(const Processes& processes, std::function<bool(pid_t)> expected)
      : processes_(processes), expected_(std::move(expected)) {}

  void signal(int number) override { signalAll(members(), number); }

  void kill() override { stopAndKill(members()); }

  bool empty() override { return members().empty(); }

 private:
  std::vector<pid_t> members() const {
    std::vector<pid_t> strays;
    for (const ProcessSample& sample : processes_.list().value_or(std::vector<ProcessSample>())) {
      if (sample.parent == ::getpid() && !sample.zombie && !expected_(sample.pid)) {
        strays.push_back(sample.pid);
        const auto below = processes_.descendants(sample.pid);
        if (below) {
          strays.insert(strays.end(), below->begin(), below->end());
        }
      }
    }
    return strays;
  }

  const Processes& processes_;
  std::function<bool(pid_t)> expected_;
};

}  // namespace

Result<std::unique_ptr<ExecGroup>> makeCgroupGroup(int parent, std::string name) {
  if (::mkdirat(parent, name.c_str(), 0755) != 0) {
    return failErrno("make a cgroup for the command");
  }
  sys::OwnedFd keep(::fcntl(parent, F_DUPFD_CLOEXEC, 5));
  auto directory = sys::openAt(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  // Version 1 takes single threads through `tasks`; a whole process through `cgroup.procs` makes
  // the kernel wait for every CPU first (cgroup_threadgroup_rwsem), which can take 60 ms.
  auto procs = directory ? sys::openAt(directory->get(), "tasks", O_WRONLY)
                         : Result<sys::OwnedFd>(std::unexpected(directory.error()));
  if (directory && !procs) {
    procs = sys::openAt(directory->get(), "cgroup.procs", O_WRONLY);
  }
  if (!keep.valid() || !procs) {
    ::unlinkat(parent, name.c_str(), AT_REMOVEDIR);
    return keep.valid() ? std::unexpected(std::move(procs).error()) : failErrno("cgroup");
  }
  return std::make_unique<CgroupGroup>(std::move(keep), std::move(name), std::move(*directory),
                                       std::move(*procs));
}

std::unique_ptr<ExecGroup> makeNamespaceGroup(const Processes& processes) {
  return std::make_unique<NamespaceGroup>(processes);
}

std::unique_ptr<ExecGroup> makeTreeGroup(const Processes& processes, pid_t supervisor) {
  return std::make_unique<TreeGroup>(processes, supervisor);
}

std::unique_ptr<ExecGroup> makeStrayGroup(const Processes& processes,
                                          std::function<bool(pid_t)> expected) {
  return std::make_unique<StrayGroup>(processes, std::move(expected));
}

}  // namespace ak::guest
