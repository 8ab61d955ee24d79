#include "os/probe.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <functional>

#include "base/text.h"
#include "os/mount.h"
#include "os/user_namespace.h"
#include "sys/file.h"

namespace ak::os {

namespace {

constexpr const char* kAllow =
    "Allow user namespaces: sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone and "
    "kernel.apparmor_restrict_unprivileged_userns.";

// The errno that `attempt` ended with in a child, 0 for success. The child leaves by _exit.
int inChild(const std::function<int()>& attempt) {
  const pid_t child = ::fork();
  if (child < 0) {
    return errno;
  }
  if (child == 0) {
    ::_exit(attempt());
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) {
      return errno;
    }
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
}

int errnoOf(const Error& error) {
  return error.sys_errno != 0 ? error.sys_errno : EINVAL;
}

Ability ability(std::string name, int error, std::string good, std::string remedy) {
  return {std::move(name), error == 0, error == 0 ? std::move(good) : errnoText(error),
          error == 0 ? "" : std::move(remedy)};
}

bool writableGroup(const std::string& mount) {
  const std::string ours = mount + "/agentkernel";
  const bool there = ::access(ours.c_str(), F_OK) == 0;
  return ::access(there ? ours.c_str() : mount.c_str(), W_OK) == 0;
}

bool delegatedV2(const std::string& mount) {
  if (::geteuid() == 0) {
    return ::access((mount + "/cgroup.procs").c_str(), W_OK) == 0;
  }
  const Result<std::string> own = sys::readFile("/proc/self/cgroup", 64 * 1024);
  for (const std::string_view line : split(own ? *own : std::string(), '\n')) {
    if (line.starts_with("0::/")) {
      return ::access((mount + std::string(line.substr(3)) + "/cgroup.subtree_control").c_str(),
                      W_OK) == 0;
    }
  }
  return false;
}

}  // namespace

Ability probeUserNamespaces() {
  constexpr int kFlags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC |
                         CLONE_NEWUTS | CLONE_NEWCGROUP;
  const int error = inChild([] { return ::unshare(kFlags) == 0 ? 0 : errno; });
  return ability("user-namespaces", error, "all namespaces of a box can be made", kAllow);
}

Ability probeOverlay() {
  const int error = inChild([] {
    auto xattr = Overlay::Xattr::Trusted;
    if (::geteuid() != 0) {
      const Result<std::uint32_t> entered = enterUserNamespace();
      if (!entered) {
        return errnoOf(entered.error());
      }
      xattr = Overlay::Xattr::User;
    }
    if (::unshare(CLONE_NEWNS) != 0 ||
        ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("tmpfs", "/tmp", "tmpfs", 0, nullptr) != 0) {
      return errno;
    }
    for (const char* name : {"/tmp/place", "/tmp/lower", "/tmp/upper", "/tmp/work"}) {
      if (::mkdir(name, 0700) != 0) {
        return errno;
      }
    }
    const Result<sys::OwnedFd> place = sys::openPath("/tmp/place", O_RDONLY | O_DIRECTORY);
    const Result<sys::OwnedFd> lower = sys::openPath("/tmp/lower", O_PATH);
    const Result<sys::OwnedFd> upper = sys::openPath("/tmp/upper", O_PATH);
    const Result<sys::OwnedFd> work = sys::openPath("/tmp/work", O_PATH);
    const Result<sys::OwnedFd> layer =
        lower ? cloneTree(lower->get(), Access::ReadOnly) : fail(ErrorCode::Internal, "no layer");
    if (!place || !upper || !work || !layer) {
      return EIO;
    }
    Overlay overlay{{layer->get()},
                    upper->get(),
                    work->get(),
                    xattr,
                    Overlay::Sync::Volatile,
                    Overlay::Layers::Attached,
                    place->get()};
    const Result<sys::OwnedFd> mount = makeOverlay(overlay);
    return mount ? 0 : errnoOf(mount.error());
  });
  return ability("overlay", error, "overlays can be mounted",
                 "Load the overlay module (modprobe overlay); rootless needs a kernel of 5.11 or "
                 "newer.");
}

Ability probeCgroups() {
  const Result<std::string> info = sys::readFile("/proc/self/mountinfo", 4 * 1024 * 1024);
  const CgroupMounts mounts = parseCgroupMounts(info ? *info : std::string());
  std::vector<std::string> missing;
  constexpr std::string_view kWanted[] = {"memory", "pids", "cpu"};
  bool v1 = false;
  for (std::size_t i = 0; i < 3; ++i) {
    v1 = v1 || !mounts.v1[i].empty();
    if (mounts.v1[i].empty() || !writableGroup(mounts.v1[i])) {
      missing.emplace_back(kWanted[i]);
    }
  }
  const bool good = v1 ? missing.empty() : !mounts.v2.empty() && delegatedV2(mounts.v2);
  Ability found{"cgroups", good, v1 ? "version 1" : "version 2", ""};
  if (!good) {
    found.detail = v1 ? cat("version 1, not writable: ", join(missing, ", "))
                      : std::string("no delegated control group");
    found.remedy =
        "Run agentkernel in a delegated scope (systemd-run --user --scope -p Delegate=yes), or as "
        "root.";
  }
  return found;
}

Ability probeIdmap(const std::string& path) {
  if (::geteuid() != 0) {
    return {"idmapped-mounts", true, "not needed without root", ""};
  }
  const int error = inChild([&] {
    const Result<sys::OwnedFd> ns = makeUserNamespace({{{0, 100000, 65536}}, {{0, 100000, 65536}}});
    const Result<sys::OwnedFd> dir = sys::openPath(path, O_PATH | O_DIRECTORY);
    if (!ns || !dir) {
      return errnoOf(ns ? dir.error() : ns.error());
    }
    const Result<sys::OwnedFd> tree = cloneTree(dir->get(), Access::ReadOnly);
    if (!tree) {
      return errnoOf(tree.error());
    }
    return idmap(tree->get(), ns->get()) ? 0 : EOPNOTSUPP;
  });
  return ability("idmapped-mounts", error, cat("works below ", path),
                 cat("Put ", path, " on ext4, xfs or btrfs."));
}

Ability probeSubordinateIds() {
  if (::geteuid() == 0) {
    return {"subordinate-ids", true, "not needed by root", ""};
  }
  const bool tools =
      ::access("/usr/bin/newuidmap", X_OK) == 0 && ::access("/usr/bin/newgidmap", X_OK) == 0;
  std::uint32_t ids = 1;
  const int error = inChild([&] {
    const Result<std::uint32_t> entered = enterUserNamespace();
    return !entered ? errnoOf(entered.error()) : *entered == 65536 ? 0 : ENOENT;
  });
  ids = error == 0 ? 65536 : ids;
  return {"subordinate-ids", error == 0, cat(ids, " ids in a sandbox"),
          error == 0 ? ""
          : tools    ? "Give your user a range: usermod --add-subuids 100000-165535 "
                       "--add-subgids 100000-165535 USER"
                     : "Install the package uidmap and give your user a range in /etc/subuid and "
                       "/etc/subgid."};
}

Ability probePasta() {
  const bool there = ::access("/usr/bin/pasta", X_OK) == 0;
  return {"pasta", there, there ? "/usr/bin/pasta" : "not installed",
          there ? "" : "Install it: apt install passt"};
}

std::vector<Ability> probeAll(const std::string& path) {
  return {probeUserNamespaces(), probeOverlay(),        probeCgroups(),
          probeIdmap(path),      probeSubordinateIds(), probePasta()};
}

}  // namespace ak::os
