#include "backend/spawn.h"

#include <fcntl.h>
#include <spawn.h>

#include <csignal>
#include <memory>

#include "base/text.h"
#include "net/async_fd.h"

namespace ak::backend {

namespace {

constexpr int kAboveTargets = 16;

// posix_spawn's two objects, destroyed on every path.
class SpawnSettings {
 public:
  SpawnSettings() {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawnattr_init(&attributes_);
  }

  ~SpawnSettings() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }

  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;

  int fill(const SpawnRequest& request, const std::vector<sys::OwnedFd>& descriptors) {
    sigset_t none;
    sigset_t all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setsigdefault(&attributes_, &all);
    int error = ::posix_spawnattr_setflags(
        &attributes_, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    for (std::size_t i = 0; error == 0 && i < descriptors.size(); ++i) {
      error = ::posix_spawn_file_actions_adddup2(&actions_, descriptors[i].get(),
                                                 3 + static_cast<int>(i));
    }
    if (error == 0) {
      error = ::posix_spawn_file_actions_addopen(&actions_, 0, "/dev/null", O_RDONLY, 0);
    }
    if (error == 0) {
      error = ::posix_spawn_file_actions_addopen(&actions_, 1, "/dev/null", O_WRONLY, 0);
    }
    if (error == 0) {
      error = ::posix_spawn_file_actions_addchdir_np(&actions_, request.directory.c_str());
    }
    return error;
  }

  const posix_spawn_file_actions_t* actions() const { return &actions_; }

  const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (const std::string& text : texts) {
    out.push_back(const_cast<char*>(text.c_str()));  // posix_spawn(3) does not write to them
  }
  out.push_back(nullptr);
  return out;
}

}  // namespace

Result<Spawned> spawnProgram(const SpawnRequest& request) {
  // Copies out of the way of the numbers that they are to get, which may be taken by one another.
  std::vector<sys::OwnedFd> descriptors;
  for (const int fd : request.descriptors) {
    descriptors.emplace_back(::fcntl(fd, F_DUPFD_CLOEXEC, kAboveTargets));
    if (!descriptors.back().valid()) {
      return failErrno("copying a descriptor for a program");
    }
  }
  SpawnSettings settings;
  if (const int error = settings.fill(request, descriptors); error != 0) {
    return failErrno(error, "preparing to start a program");
  }
  Spawned spawned;
  if (const int error = ::posix_spawn(&spawned.pid, request.argv.at(0).c_str(), settings.actions(),
                                      settings.attributes(), pointers(request.argv).data(),
                                      pointers(request.environment).data());
      error != 0) {
    return failErrno(error, cat("starting ", request.argv[0]));
  }
  // Ours and not reaped: the pid can not have been given to another process.
  spawned.process = AK_TRY(sys::openPidFd(spawned.pid));
  return spawned;
}

net::Task<Result<sys::ExitStatus>> runProgram(net::Executor executor, const SpawnRequest& request) {
  Spawned spawned = AK_CO_TRY(spawnProgram(request));
  const auto process = std::make_shared<net::AsyncFd>(executor, std::move(spawned.process));
  co_await process->readable();
  co_return sys::waitPidFd(process->get());
}

}  // namespace ak::backend
