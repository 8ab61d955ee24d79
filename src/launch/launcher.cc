#include "launch/launcher.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "base/text.h"

namespace ak::launch {

namespace {

constexpr int kRetryMs = 20;
constexpr int kFirstDaemonMs = 30'000;
constexpr timeval kSendTimeout{5, 0};

}  // namespace

bool Launcher::idle() const {
  return boxes_.empty() && dying_.empty();
}

Status Launcher::run() {
  sigset_t children;
  ::sigemptyset(&children);
  ::sigaddset(&children, SIGCHLD);
  ::sigprocmask(SIG_BLOCK, &children, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  const sys::OwnedFd signals(::signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals.valid()) {
    return failErrno("signalfd");
  }
  while (daemon_.valid() || !had_daemon_ || !idle()) {
    pollfd waiting[] = {{listener_.get(), POLLIN, 0},
                        {signals.get(), POLLIN, 0},
                        {daemon_.get(), POLLIN, 0}};  // -1 is skipped by poll(2)
    const int timeout = !dying_.empty() ? kRetryMs : !had_daemon_ ? kFirstDaemonMs : -1;
    const int ready = ::poll(waiting, 3, timeout);
    if (ready < 0 && errno != EINTR) {
      return failErrno("poll");
    }
    if (ready == 0 && !had_daemon_) {
      return fail(ErrorCode::Timeout, "no daemon connected");
    }
    if (waiting[1].revents != 0) {
      signalfd_siginfo info[16];
      while (::read(signals.get(), info, sizeof info) > 0) {
      }
      reap();
    }
    retryCleanUps();
    if (waiting[2].revents != 0) {
      serveDaemon();
    }
    if (waiting[0].revents != 0) {
      acceptDaemon();
    }
  }
  return {};
}

void Launcher::acceptDaemon() {
  sys::OwnedFd connection(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!connection.valid()) {
    return;
  }
  const Result<sys::PeerCredentials> peer = sys::peerCredentials(connection.get());
  if (!peer || peer->uid != ::geteuid()) {
    return;
  }
  // A daemon that does not read must not hold up the reaping of boxes.
  (void)::setsockopt(connection.get(), SOL_SOCKET, SO_SNDTIMEO, &kSendTimeout, sizeof kSendTimeout);
  if (daemon_.valid()) {
    daemonGone();
  }
  daemon_ = std::move(connection);
  had_daemon_ = true;
}

void Launcher::daemonGone() {
  daemon_.reset();
  // Nobody is left who knows what the parked ones were for.
  for (auto& [id, box] : boxes_) {
    if (box.state == Box::State::Parked) {
      maker_.kill(box);
    }
  }
}

void Launcher::serveDaemon() {
  Result<sys::Packet> packet = sys::receivePacket(daemon_.get());
  if (!packet || packet->closed) {
    daemonGone();
    return;
  }
  const Result<model::LauncherRequest> request = model::decodeLauncherRequest(packet->data);
  if (!request) {
    daemonGone();
    return;
  }
  Result<Answer> result = handle(*request, packet->fds);
  Answer answer;
  if (result) {
    answer = std::move(*result);
  } else {
    answer.reply.op = model::LauncherOp::Failed;
    answer.reply.error = std::move(result).error();
  }
  answer.reply.serial = request->serial;
  send(answer);
}

void Launcher::send(const Answer& answer) {
  if (!daemon_.valid()) {
    return;
  }
  std::vector<int> fds;
  for (const sys::OwnedFd& fd : answer.fds) {
    fds.push_back(fd.get());
  }
  if (!sys::sendPacket(daemon_.get(), encode(answer.reply), fds)) {
    daemonGone();
  }
}

void Launcher::reap() {
  for (;;) {
    int status = 0;
    const pid_t pid = ::waitpid(-1, &status, WNOHANG);
    if (pid <= 0) {
      return;
    }
    reapOne(pid, status);
  }
}

void Launcher::reapOne(pid_t pid, int status) {
  for (auto at = boxes_.begin(); at != boxes_.end(); ++at) {
    if (at->second.pid != pid) {
      continue;
    }
    Answer event;
    event.reply.op = model::LauncherOp::Exited;
    event.reply.exited.id = at->first;
    event.reply.exited.code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
    event.reply.exited.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    event.reply.exited.out_of_memory = at->second.cgroup.outOfMemory();
    if (!maker_.cleanUp(at->second)) {
      dying_.push_back(std::move(at->second));
    }
    boxes_.erase(at);
    send(event);
    return;
  }
}

void Launcher::retryCleanUps() {
  std::erase_if(dying_, [this](Box& box) { return maker_.cleanUp(box); });
}

}  // namespace ak::launch
