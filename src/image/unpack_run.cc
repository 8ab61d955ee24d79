#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>

#include "base/text.h"
#include "image/unpack.h"
#include "sys/file.h"
#include "sys/resolve.h"

namespace ak::image {

namespace {

constexpr std::size_t kMaxOutcome = std::size_t{320} << 20U;  // 65,536 names of 4 KiB, and notes

struct SpawnSetup {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;

  SpawnSetup() {
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
  }

  SpawnSetup(const SpawnSetup&) = delete;
  SpawnSetup& operator=(const SpawnSetup&) = delete;

  ~SpawnSetup() {
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
  }
};

// A duplicate out of the way of the numbers that the child is given.
Result<sys::OwnedFd> liftFd(int fd) {
  constexpr int kFirstFree = 10;
  sys::OwnedFd lifted(::fcntl(fd, F_DUPFD_CLOEXEC, kFirstFree));
  if (!lifted.valid()) {
    return failErrno("duplicating a descriptor");
  }
  return lifted;
}

Result<pid_t> spawnChild(const UnpackRequest& request, int result_fd) {
  const sys::OwnedFd archive = AK_TRY(liftFd(request.archive));
  const sys::OwnedFd target = AK_TRY(liftFd(request.target));
  const sys::OwnedFd lock = AK_TRY(liftFd(request.lock));
  const sys::OwnedFd result = AK_TRY(liftFd(result_fd));
  SpawnSetup setup;
  ::posix_spawn_file_actions_adddup2(&setup.actions, archive.get(), 0);
  ::posix_spawn_file_actions_adddup2(&setup.actions, result.get(), 3);
  ::posix_spawn_file_actions_adddup2(&setup.actions, lock.get(), 4);
  ::posix_spawn_file_actions_adddup2(&setup.actions, target.get(), 5);
  sigset_t none;
  sigset_t all;
  ::sigemptyset(&none);
  ::sigfillset(&all);
  ::posix_spawnattr_setsigmask(&setup.attributes, &none);
  ::posix_spawnattr_setsigdefault(&setup.attributes, &all);
  ::posix_spawnattr_setflags(&setup.attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);

  std::string program = request.program;
  std::string verb = "--unpack";
  std::string bytes = cat(request.max_bytes);
  std::string entries = cat(request.max_entries);
  std::array<char*, 5> argv = {program.data(), verb.data(), bytes.data(), entries.data(), nullptr};
  std::array<char*, 1> environment = {nullptr};
  pid_t pid = 0;
  const int error = ::posix_spawn(&pid, program.c_str(), &setup.actions, &setup.attributes,
                                  argv.data(), environment.data());
  if (error != 0) {
    return failErrno(error, cat("starting the unpack helper ", program));
  }
  return pid;
}

Result<int> waitFor(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) {
      return failErrno("waiting for the unpack helper");
    }
  }
  return status;
}

// The attribute that overlayfs reads: trusted.* when the launcher mounts as root, user.* (mount
// option userxattr) when it mounts in a user namespace, where nobody may set the other.
Status markOpaque(int target, const std::string& path) {
  const auto directory =
      sys::openAt(target, path.empty() ? "." : path, O_RDONLY | O_DIRECTORY, 0, sys::kBeneath);
  if (!directory) {
    const int error = directory.error().sys_errno;
    if (error == ENOENT || error == ENOTDIR || error == ELOOP) {
      return {};  // a later member took its place
    }
    return std::unexpected(directory.error());
  }
  if (::fsetxattr(directory->get(), "trusted.overlay.opaque", "y", 1, 0) == 0) {
    return {};
  }
  if (errno == EPERM && ::fsetxattr(directory->get(), "user.overlay.opaque", "y", 1, 0) == 0) {
    return {};
  }
  return failErrno("marking an opaque directory");
}

}  // namespace

Result<UnpackResult> unpackArchive(const UnpackRequest& request) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return failErrno("pipe");
  }
  const sys::OwnedFd reader(ends[0]);
  sys::OwnedFd writer(ends[1]);
  const pid_t pid = AK_TRY(spawnChild(request, writer.get()));
  writer.reset();
  const Result<std::string> text = sys::readAll(reader.get(), kMaxOutcome);
  if (!text) {
    ::kill(pid, SIGKILL);
  }
  const int status = AK_TRY(waitFor(pid));
  const std::string outcome = AK_TRY(text);
  if (outcome.empty()) {
    return fail(ErrorCode::Internal,
                cat("the unpack helper ended without an answer (wait status ", status, ")"),
                "It may have run out of memory; the kernel's log knows.");
  }
  UnpackResult result = AK_TRY(decodeUnpackOutcome(outcome));
  for (const std::string& path : result.opaque) {
    AK_TRY(markOpaque(request.target, path));
  }
  return result;
}

}  // namespace ak::image
