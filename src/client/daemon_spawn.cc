#include "client/daemon_spawn.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <initializer_list>

#include "base/text.h"
#include "client/own_directory.h"
#include "sys/file.h"

namespace ak::client {

namespace {

using SteadyClock = std::chrono::steady_clock;

// The child's number of the ready pipe: the first after the standard three.
constexpr int kReadyFd = 3;
constexpr std::size_t kMaxReason = 8 * 1024;
constexpr std::size_t kMaxReport = 256 * 1024;

std::unexpected<Error> cannotStart(const DaemonPlace& place, std::string_view why) {
  return fail(ErrorCode::Unavailable, cat("the daemon could not be started: ", why),
              cat("See ", place.paths.state, kLogFile, ", and: agentkernel doctor"));
}

// posix_spawn's attributes and file actions, destroyed together.
class SpawnPlan {
 public:
  SpawnPlan() {
    ::posix_spawnattr_init(&attributes_);
    ::posix_spawn_file_actions_init(&actions_);
  }

  ~SpawnPlan() {
    ::posix_spawnattr_destroy(&attributes_);
    ::posix_spawn_file_actions_destroy(&actions_);
  }

  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;

  // The terminal's Ctrl-C and hang-up must not reach the daemon, nor what our caller ignores or
  // blocks; its directory must not keep a file system busy.
  int detach() {
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    int error = ::posix_spawnattr_setsigmask(&attributes_, &none);
    if (error == 0) {
      error = ::posix_spawnattr_setsigdefault(&attributes_, &all);
    }
    if (error == 0) {
      error = ::posix_spawnattr_setflags(
          &attributes_,
          static_cast<short>(POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF));
    }
    return error != 0 ? error : ::posix_spawn_file_actions_addchdir_np(&actions_, "/");
  }

  int place(int fd, int number) {
    return ::posix_spawn_file_actions_adddup2(&actions_, fd, number);
  }

  const posix_spawnattr_t* attributes() const { return &attributes_; }

  const posix_spawn_file_actions_t* actions() const { return &actions_; }

 private:
  posix_spawnattr_t attributes_{};
  posix_spawn_file_actions_t actions_{};
};

// Descriptors must stand above the child's numbers, or placing one would overwrite another.
Result<sys::OwnedFd> lift(Result<sys::OwnedFd> fd) {
  if (!fd) {
    return fd;
  }
  sys::OwnedFd high(::fcntl(fd->get(), F_DUPFD_CLOEXEC, kReadyFd + 1));
  if (!high.valid()) {
    return failErrno("duplicate a descriptor");
  }
  return high;
}

std::vector<std::string> programWords(const DaemonPlace& place, std::vector<std::string> first) {
  std::vector<std::string> words = {place.program};
  words.insert(words.end(), first.begin(), first.end());
  words.insert(words.end(), {"--state-dir", place.paths.state, "--runtime-dir", place.paths.runtime,
                             "--config", place.paths.user_config});
  return words;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> list;
  list.reserve(strings.size() + 1);
  for (std::string& text : strings) {
    list.push_back(text.data());
  }
  list.push_back(nullptr);
  return list;
}

struct Placed {
  int fd;
  int number;
};

// The daemon's program with these descriptors, which stand above their numbers (lift), and no
// others.
Result<pid_t> spawnProgram(const DaemonPlace& place,
                           std::vector<std::string> first,
                           std::initializer_list<Placed> descriptors) {
  std::vector<std::string> words = programWords(place, std::move(first));
  std::vector<std::string> variables = place.environment;
  SpawnPlan plan;
  int error = plan.detach();
  for (const Placed& descriptor : descriptors) {
    error = error != 0 ? error : plan.place(descriptor.fd, descriptor.number);
  }
  pid_t pid = -1;
  if (error == 0) {
    error = ::posix_spawn(&pid, place.program.c_str(), plan.actions(), plan.attributes(),
                          pointers(words).data(), pointers(variables).data());
  }
  if (error == ENOENT) {
    return fail(ErrorCode::Unavailable, cat("the daemon's program is missing: ", place.program),
                "Install agentkerneld beside agentkernel, or name it in AGENTKERNEL_DAEMON.");
  }
  if (error != 0) {
    return failErrno(error, cat("start ", place.program));
  }
  return pid;
}

Result<pid_t> spawnReady(const DaemonPlace& place, sys::OwnedFd ready) {
  const sys::OwnedFd state = AK_TRY(makeOwnDirectory(
      place.paths.state, "Set AGENTKERNEL_STATE_DIR to a directory that you may write to."));
  const sys::OwnedFd null = AK_TRY(lift(sys::openPath("/dev/null", O_RDWR)));
  const sys::OwnedFd log =
      AK_TRY(lift(sys::openAt(state.get(), std::string(kLogFile.substr(1)),
                              O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0600)));
  const sys::OwnedFd ready_end = AK_TRY(lift(std::move(ready)));
  return spawnProgram(place, {"--ready-fd", std::to_string(kReadyFd)},
                      {{null.get(), STDIN_FILENO},
                       {log.get(), STDOUT_FILENO},
                       {log.get(), STDERR_FILENO},
                       {ready_end.get(), kReadyFd}});
}

// What the daemon said: nothing more than the one byte, or why it cannot start.
Result<std::string> readReady(int fd, SteadyClock::time_point deadline) {
  std::string text;
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - SteadyClock::now()).count();
    pollfd wait{.fd = fd, .events = POLLIN, .revents = 0};
    const int polled = left <= 0 ? 0 : ::poll(&wait, 1, static_cast<int>(left));
    if (polled == 0) {
      return fail(ErrorCode::Timeout, "it was not ready in time");
    }
    if (polled < 0 && errno == EINTR) {
      continue;
    }
    if (polled < 0) {
      return failErrno("poll");
    }
    char buffer[1024];
    const ssize_t size = ::read(fd, buffer, sizeof buffer);
    if (size < 0 && errno == EINTR) {
      continue;
    }
    if (size < 0) {
      return failErrno("read what the daemon says");
    }
    if (size == 0) {
      return text;
    }
    text.append(buffer, static_cast<std::size_t>(size));
    // An error text comes in one write, so a lone byte is the word that it is ready.
    if (text.size() == 1) {
      return text;
    }
    if (text.size() > kMaxReason) {
      return text.substr(0, kMaxReason);
    }
  }
}

}  // namespace

Status spawnDaemon(const DaemonPlace& place) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    return failErrno("pipe");
  }
  const sys::OwnedFd reader(ends[0]);
  const pid_t pid = AK_TRY(spawnReady(place, sys::OwnedFd(ends[1])));
  const auto said = readReady(reader.get(), SteadyClock::now() + place.start_deadline);
  if (!said) {
    // Half started, it would hold the state directory against every later attempt.
    ::kill(pid, SIGTERM);
    return cannotStart(place, said.error().message);
  }
  if (said->size() == 1) {
    return {};
  }
  // It has said why and ends, or has ended without a word; it is our child, so it is reaped here.
  int status = 0;
  pid_t reaped = 0;
  do {
    reaped = ::waitpid(pid, &status, said->empty() ? 0 : WNOHANG);
  } while (reaped < 0 && errno == EINTR);
  if (!said->empty()) {
    return cannotStart(place, printable(trim(*said)));
  }
  return cannotStart(place, WIFSIGNALED(status)
                                ? cat("it was ended by signal ", WTERMSIG(status))
                                : cat("it ended with status ", WEXITSTATUS(status)));
}

Result<std::string> runDoctor(const DaemonPlace& place) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    return failErrno("pipe");
  }
  const sys::OwnedFd reader(ends[0]);
  pid_t pid = -1;
  {
    const sys::OwnedFd null = AK_TRY(lift(sys::openPath("/dev/null", O_RDWR)));
    const sys::OwnedFd writer = AK_TRY(lift(sys::OwnedFd(ends[1])));
    pid = AK_TRY(spawnProgram(
        place, {"--doctor"},
        {{null.get(), STDIN_FILENO}, {writer.get(), STDOUT_FILENO}, {null.get(), STDERR_FILENO}}));
  }
  auto text = sys::readAll(reader.get(), kMaxReport);
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  return text;
}

}  // namespace ak::client
