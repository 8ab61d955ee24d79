#include "launch/launcher.h"

#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "base/text.h"
#include "launch/box_record.h"

namespace ak::launch {

namespace {

constexpr int kRetryMs = 20;
constexpr int kFirstDaemonMs = 30'000;
constexpr timeval kSendTimeout{5, 0};

}  // namespace

bool Launcher::idle() const {
  return boxes_.empty() && dying_.empty() && sweeping_.empty();
}

Status Launcher::run() {
  sigset_t children;
  ::sigemptyset(&children);
  ::sigaddset(&children, SIGCHLD);
  ::sigprocmask(SIG_BLOCK, &children, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  for (const std::string& id : recordedBoxes(host_.runtime())) {
    host_.cgroups().thaw(id);
  }
  const sys::OwnedFd signals(::signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals.valid()) {
    return failErrno("signalfd");
  }
  std::vector<pollfd> polled;
  std::vector<std::string> ids;
  while (daemon_.valid() || !had_daemon_ || !idle()) {
    polled = {{listener_.get(), POLLIN, 0},
              {signals.get(), POLLIN, 0},
              {daemon_.get(), POLLIN, 0}};  // -1 is skipped by poll(2)
    ids.clear();
    watchBoxes(polled, ids);
    const int ready = ::poll(polled.data(), polled.size(), pollTimeout());
    if (ready < 0 && errno != EINTR) {
      return failErrno("poll");
    }
    if (ready == 0 && !had_daemon_) {
      return fail(ErrorCode::Timeout, "no daemon connected");
    }
    if (polled[1].revents != 0) {
      signalfd_siginfo info[16];
      while (::read(signals.get(), info, sizeof info) > 0) {
      }
      reap();
    }
    serveBoxes(polled, ids);
    retryCleanUps();
    thawLate();
    if (polled[2].revents != 0) {
      serveDaemon();
    }
    if (polled[0].revents != 0) {
      acceptDaemon();
    }
  }
  return {};
}

int Launcher::pollTimeout() const {
  if (!dying_.empty() || !sweeping_.empty()) {
    return kRetryMs;
  }
  if (!had_daemon_) {
    return kFirstDaemonMs;
  }
  auto first = std::chrono::steady_clock::time_point::max();
  for (const auto& [id, box] : boxes_) {
    first = box.thaws ? std::min(first, *box.thaws) : first;
  }
  for (const auto& [id, waiting] : waiting_) {
    first = waiting.failure ? first : std::min(first, waiting.deadline);
  }
  if (first == std::chrono::steady_clock::time_point::max()) {
    return -1;
  }
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(first - std::chrono::steady_clock::now());
  return static_cast<int>(std::max<std::int64_t>(left.count(), 0));
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
  thawAll();
  // Nobody is left who knows what the parked ones were for.
  for (auto& [id, box] : boxes_) {
    if (box.state == Box::State::Parked || box.state == Box::State::SettingUp) {
      maker_.kill(box);
    }
  }
  for (auto& [id, waiting] : waiting_) {
    waiting.nobody = true;
  }
}

// Whoever froze them is gone.
void Launcher::thawAll() {
  for (auto& [id, box] : boxes_) {
    box.cgroup.thaw();
    box.thaws.reset();
  }
}

void Launcher::thawLate() {
  const auto now = std::chrono::steady_clock::now();
  for (auto& [id, box] : boxes_) {
    if (box.thaws && *box.thaws <= now) {
      box.cgroup.thaw();
      box.thaws.reset();
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
  Handled handled = handle(*request, packet->fds);
  const Waiting now{request->op, request->serial};
  if (!handled) {
    answer(now, std::unexpected(std::move(handled).error()));
  } else if (*handled) {
    answer(now, std::move(**handled));
  }
}

void Launcher::answer(const Waiting& waiting, Result<Answer> result) {
  if (waiting.nobody) {
    return;
  }
  Answer answer;
  if (result) {
    answer = std::move(*result);
  } else {
    answer.reply.op = model::LauncherOp::Failed;
    answer.reply.error = std::move(result).error();
  }
  answer.reply.serial = waiting.serial;
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
  const auto at =
      std::ranges::find_if(boxes_, [pid](const auto& each) { return each.second.pid == pid; });
  if (at == boxes_.end()) {
    return;  // a network helper
  }
  const std::string id = at->first;
  advance(id);  // what it reported at its end is why a start failed
  Answer event;
  event.reply.op = model::LauncherOp::Exited;
  event.reply.exited.id = id;
  event.reply.exited.code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
  event.reply.exited.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  event.reply.exited.out_of_memory = at->second.cgroup.outOfMemory();
  if (!maker_.cleanUp(at->second)) {
    dying_.push_back(std::move(at->second));
  }
  boxes_.erase(at);
  if (auto waiting = waiting_.extract(id)) {
    answer(waiting.mapped(), std::unexpected(waiting.mapped().failure.value_or(Error::make(
                                 ErrorCode::Internal, "the box ended while it was set up"))));
  }
  send(event);
}

void Launcher::retryCleanUps() {
  std::erase_if(dying_, [this](Box& box) { return maker_.cleanUp(box); });
  std::erase_if(sweeping_, [this](const std::string& id) { return sweepOne(id); });
}

}  // namespace ak::launch
