#include "os/user_namespace.h"

#include <fcntl.h>
#include <pwd.h>
#include <sched.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <optional>
#include <span>

#include "base/text.h"
#include "sys/file.h"
#include "sys/process.h"
#include "sys/unix_socket.h"

namespace ak::os {

namespace {

std::string mapText(const std::vector<IdExtent>& extents) {
  std::string text;
  for (const IdExtent& extent : extents) {
    text += cat(extent.inside, " ", extent.outside, " ", extent.count, "\n");
  }
  return text;
}

Status writeProcFile(int proc_dir, const std::string& name, std::string_view text) {
  const sys::OwnedFd file = AK_TRY(sys::openAt(proc_dir, name, O_WRONLY));
  // One write: the kernel takes a map whole or not at all.
  if (::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    return failErrno(cat("writing ", name));
  }
  return {};
}

int sleepForever(void*) {
  for (;;) {
    ::pause();
  }
}

// A child in a new user namespace that does nothing until it is killed. It shares our memory and
// descriptors: nothing is copied for a process that will never use them.
Result<pid_t> sleepingChild(std::span<char> stack) {
  const pid_t pid = ::clone(sleepForever, stack.data() + stack.size(),
                            CLONE_NEWUSER | CLONE_VM | CLONE_FILES | SIGCHLD, nullptr);
  if (pid < 0) {
    return failErrno("making a user namespace");
  }
  return pid;
}

void endChild(pid_t pid) {
  ::kill(pid, SIGKILL);
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
}

Result<int> runTool(const std::string& tool, pid_t pid, const std::vector<IdExtent>& extents) {
  std::vector<std::string> words{tool, cat(pid)};
  for (const IdExtent& extent : extents) {
    words.insert(words.end(), {cat(extent.inside), cat(extent.outside), cat(extent.count)});
  }
  std::vector<char*> argv;
  for (std::string& word : words) {
    argv.push_back(word.data());
  }
  argv.push_back(nullptr);
  char* environment[] = {nullptr};
  pid_t child = 0;
  const int error = ::posix_spawn(&child, tool.c_str(), nullptr, nullptr, argv.data(), environment);
  if (error != 0) {
    return failErrno(error, tool);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) {
      return failErrno("waitpid");
    }
  }
  return status;
}

std::string userName(uid_t uid) {
  // Not getpwuid: it would load NSS modules into a static program.
  const Result<std::string> users = sys::readFile("/etc/passwd", 4 * 1024 * 1024);
  if (users) {
    for (const std::string_view line : split(*users, '\n')) {
      const auto fields = split(line, ':');
      if (fields.size() > 2 && parseNumber<uid_t>(fields[2]) == uid) {
        return std::string(fields[0]);
      }
    }
  }
  return {};
}

constexpr const char* kUserTool = "/usr/bin/newuidmap";
constexpr const char* kGroupTool = "/usr/bin/newgidmap";

std::vector<IdExtent> extentsIn(const char* file, uid_t uid) {
  const Result<std::string> text = sys::readFile(file, 4 * 1024 * 1024);
  return text ? subordinateIds(*text, userName(uid), uid) : std::vector<IdExtent>{};
}

struct RootlessMaps {
  IdMaps maps;
  std::uint32_t count = 1;
};

// Our id as 0, then subordinate ids as 1..65535; nothing when this machine gives us none.
std::optional<RootlessMaps> fullMaps(uid_t uid, gid_t gid) {
  const auto take = [&](const char* file, std::uint32_t own) -> std::vector<IdExtent> {
    std::vector<IdExtent> extents{{0, own, 1}};
    std::uint32_t next = 1;
    for (IdExtent extent : extentsIn(file, uid)) {
      extent.inside = next;
      extent.count = std::min(extent.count, 65536U - next);
      if (extent.count > 0) {
        extents.push_back(extent);
        next += extent.count;
      }
    }
    return next == 65536 ? extents : std::vector<IdExtent>{};
  };
  RootlessMaps full{{take("/etc/subuid", uid), take("/etc/subgid", gid)}, 65536};
  if (full.maps.users.empty() || full.maps.groups.empty()) {
    return std::nullopt;
  }
  return full;
}

// Runs outside the namespace on behalf of `target`, which waits: only a set-uid tool of the old
// namespace may map more than our own id.
[[noreturn]] void mapFromOutside(int start_fd, int answer_fd, pid_t target, const IdMaps& maps) {
  char byte = 0;
  bool good = ::read(start_fd, &byte, 1) == 1;
  if (good) {
    const Result<int> users = runTool(kUserTool, target, maps.users);
    const Result<int> groups = runTool(kGroupTool, target, maps.groups);
    good = users && *users == 0 && groups && *groups == 0;
  }
  byte = good ? '1' : '0';
  (void)!::write(answer_fd, &byte, 1);
  ::_exit(0);
}

}  // namespace

Status writeIdMaps(int proc_dir, const IdMaps& maps) {
  AK_TRY(writeProcFile(proc_dir, "uid_map", mapText(maps.users)));
  return writeProcFile(proc_dir, "gid_map", mapText(maps.groups));
}

Result<sys::OwnedFd> makeUserNamespace(const IdMaps& maps) {
  alignas(16) char stack[4096];  // of a child that only pauses, and ends before we return
  const pid_t pid = AK_TRY(sleepingChild(stack));
  const auto build = [&]() -> Result<sys::OwnedFd> {
    const sys::OwnedFd proc = AK_TRY(sys::openPath(cat("/proc/", pid), O_PATH | O_DIRECTORY));
    AK_TRY(writeIdMaps(proc.get(), maps));
    return sys::openAt(proc.get(), "ns/user", O_RDONLY);
  };
  Result<sys::OwnedFd> ns = build();
  endChild(pid);
  return ns;
}

std::vector<IdExtent> sameIds(std::string_view map, std::uint32_t count) {
  std::vector<IdExtent> extents;
  for (const std::string_view line : split(map, '\n')) {
    std::vector<std::uint32_t> numbers;
    for (const std::string_view word : split(line, ' ')) {
      if (const auto number = parseNumber<std::uint32_t>(word)) {
        numbers.push_back(*number);
      }
    }
    if (numbers.size() == 3 && numbers[0] < count) {
      extents.push_back({numbers[0], numbers[0], std::min(numbers[2], count - numbers[0])});
    }
  }
  return extents;
}

Result<IdMaps> ownIds(std::uint32_t count) {
  const std::string users = AK_TRY(sys::readFile("/proc/self/uid_map", 64 * 1024));
  const std::string groups = AK_TRY(sys::readFile("/proc/self/gid_map", 64 * 1024));
  return IdMaps{sameIds(users, count), sameIds(groups, count)};
}

std::vector<IdExtent> subordinateIds(std::string_view text,
                                     std::string_view user,
                                     std::uint32_t uid) {
  std::vector<IdExtent> extents;
  const std::string number = cat(uid);
  for (const std::string_view line : split(text, '\n')) {
    const auto fields = split(trim(line), ':');
    if (fields.size() != 3 || (fields[0] != number && (user.empty() || fields[0] != user))) {
      continue;
    }
    const auto first = parseNumber<std::uint32_t>(fields[1]);
    const auto count = parseNumber<std::uint32_t>(fields[2]);
    if (first && count && *count > 0) {
      extents.push_back({0, *first, *count});
    }
  }
  return extents;
}

SubordinateIds subordinateIdsOf(std::uint32_t uid) {
  const auto sum = [uid](const char* file) {
    std::uint64_t count = 0;
    for (const IdExtent& extent : extentsIn(file, uid)) {
      count += extent.count;
    }
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(count, UINT32_MAX));
  };
  return {::access(kUserTool, X_OK) == 0 && ::access(kGroupTool, X_OK) == 0, sum("/etc/subuid"),
          sum("/etc/subgid")};
}

Error namespacesRefused(int error, std::string_view what) {
  if (error != EPERM && error != ENOSPC && error != EUSERS) {
    return Error::fromErrno(error, std::string(what));
  }
  return Error::make(
      ErrorCode::Unsupported,
      cat(what, ": this system does not let us make namespaces (", errnoText(error), ")"),
      "Allow user namespaces (sysctl user.max_user_namespaces, "
      "kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns). "
      "A chroot has none, whatever is allowed: make it the root by pivot_root(2).");
}

Result<std::uint32_t> enterUserNamespace() {
  const uid_t uid = ::geteuid();
  const gid_t gid = ::getegid();
  const std::optional<RootlessMaps> full = fullMaps(uid, gid);
  auto [start, helper_start] = AK_TRY(sys::socketPair(sys::SocketKind::Stream));
  pid_t helper = -1;
  if (full) {
    const pid_t self = ::getpid();
    helper = ::fork();
    if (helper < 0) {
      return failErrno("fork");
    }
    if (helper == 0) {
      start.reset();
      mapFromOutside(helper_start.get(), helper_start.get(), self, full->maps);
    }
  }
  helper_start.reset();
  if (::unshare(CLONE_NEWUSER) != 0) {
    const int error = errno;
    return std::unexpected(namespacesRefused(error, "making the rootless user namespace"));
  }
  bool mapped = false;
  if (full) {
    char answer = '0';
    mapped =
        ::write(start.get(), "g", 1) == 1 && ::read(start.get(), &answer, 1) == 1 && answer == '1';
    while (::waitpid(helper, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  if (!mapped) {
    const sys::OwnedFd proc = AK_TRY(sys::openPath("/proc/self", O_PATH | O_DIRECTORY));
    AK_TRY(writeProcFile(proc.get(), "setgroups", "deny"));
    AK_TRY(writeIdMaps(proc.get(), {{{0, uid, 1}}, {{0, gid, 1}}}));
  }
  if (::setresgid(0, 0, 0) != 0 || ::setresuid(0, 0, 0) != 0) {
    return failErrno("becoming root of the rootless namespace");
  }
  return mapped ? 65536U : 1U;
}

}  // namespace ak::os
