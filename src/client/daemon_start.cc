#include "client/daemon_start.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include <climits>

#include "base/text.h"
#include "client/daemon_spawn.h"
#include "client/own_directory.h"
#include "sys/file.h"

namespace ak::client {

namespace {

// What the daemon and the tools that it runs may look at.
constexpr std::array<const char*, 15> kDaemonVariables = {"HOME",
                                                          "PATH",
                                                          "USER",
                                                          "LOGNAME",
                                                          "LANG",
                                                          "LC_ALL",
                                                          "TZ",
                                                          "TMPDIR",
                                                          "XDG_RUNTIME_DIR",
                                                          "XDG_DATA_HOME",
                                                          "XDG_CONFIG_HOME",
                                                          "XDG_CACHE_HOME",
                                                          "DBUS_SESSION_BUS_ADDRESS",
                                                          "AGENTKERNEL_CONFIG",
                                                          "AGENTKERNEL_STATE_DIR"};

constexpr int kRetryMs = 25;

bool nobodyListens(const Error& error) {
  return error.sys_errno == ENOENT || error.sys_errno == ECONNREFUSED;
}

Result<std::string> ownDirectory() {
  char path[PATH_MAX];
  const ssize_t size = ::readlink("/proc/self/exe", path, sizeof path);
  if (size < 0) {
    return failErrno("read /proc/self/exe");
  }
  const std::string_view self(path, static_cast<std::size_t>(size));
  return std::string(self.substr(0, self.rfind('/')));
}

// The socket that the lock file names; empty when there is none. The file is ours (the state
// directory is private), yet what is in it may be half of something.
std::string recordedSocket(const env::Paths& paths) {
  const auto text = sys::readFile(cat(paths.state, kLockFile), 4096);
  if (!text) {
    return {};
  }
  for (const std::string_view line : split(*text, '\n')) {
    const std::string_view path = trim(line);
    if (path.starts_with('/') && path.size() <= env::kMaxSocketPath) {
      return std::string(path);
    }
  }
  return {};
}

// Does a living daemon hold the state directory?
bool isHeld(const env::Paths& paths) {
  const auto lock = sys::openPath(cat(paths.state, kLockFile), O_RDONLY | O_NOFOLLOW);
  return lock && ::flock(lock->get(), LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

Result<sys::OwnedFd> takeStartLock(const env::Paths& paths) {
  const sys::OwnedFd directory = AK_TRY(makeOwnDirectory(
      paths.runtime, "XDG_RUNTIME_DIR says where it is; unset, agentkernel finds a place."));
  sys::OwnedFd lock =
      AK_TRY(sys::openAt(directory.get(), "start.lock", O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
  while (::flock(lock.get(), LOCK_EX) != 0) {
    if (errno != EINTR) {
      return failErrno("lock the daemon's start");
    }
  }
  return lock;
}

}  // namespace

Result<DaemonPlace> findDaemonPlace(const env::Environment& environment) {
  DaemonPlace place;
  place.paths = AK_TRY(env::findPaths());
  if (auto program = env::nonEmpty(environment, "AGENTKERNEL_DAEMON")) {
    place.program = *std::move(program);
  } else {
    place.program = AK_TRY(ownDirectory()) + "/agentkerneld";
  }
  for (const char* name : kDaemonVariables) {
    if (const auto value = environment(name)) {
      place.environment.push_back(cat(name, "=", *value));
    }
  }
  return place;
}

Result<Client> connectRunning(const env::Paths& paths) {
  auto client = Client::connect(paths.daemonSocket());
  if (client || !nobodyListens(client.error())) {
    return client;
  }
  const std::string recorded = recordedSocket(paths);
  if (recorded.empty() || recorded == paths.daemonSocket()) {
    return client;
  }
  return Client::connect(recorded);
}

Result<Client> connectOrStart(const DaemonPlace& place) {
  auto client = connectRunning(place.paths);
  if (client || !nobodyListens(client.error())) {
    return client;
  }
  const sys::OwnedFd lock = AK_TRY(takeStartLock(place.paths));
  // Whoever held the lock before us may have started it.
  client = connectRunning(place.paths);
  if (client || !nobodyListens(client.error())) {
    return client;
  }
  const auto deadline = std::chrono::steady_clock::now() + place.start_deadline;
  for (;;) {
    const Status started = spawnDaemon(place);
    client = connectRunning(place.paths);
    if (client || started || !nobodyListens(client.error())) {
      return client;
    }
    // Only when nobody can be reached is the failed start the news. Another daemon may hold the
    // state directory without being reachable: it is on its way in, with another runtime directory,
    // or on its way out.
    if (!isHeld(place.paths) || std::chrono::steady_clock::now() >= deadline) {
      return std::unexpected(started.error());
    }
    ::poll(nullptr, 0, kRetryMs);
  }
}

}  // namespace ak::client
