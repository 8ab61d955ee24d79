#include "guest/reaper.h"

#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

namespace ak::guest {

Result<sys::OwnedFd> Reaper::openSignals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  sys::OwnedFd fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd.valid()) {
    return failErrno("signalfd");
  }
  return fd;
}

Reaper::Reaper(EventLoop& loop, sys::OwnedFd signals) : loop_(loop), signals_(std::move(signals)) {}

Reaper::~Reaper() {
  loop_.forget(signals_.get());
}

Status Reaper::start() {
  return loop_.watch(signals_.get(), EPOLLIN, *this);
}

void Reaper::onEvents(std::uint32_t) {
  signalfd_siginfo info;
  while (::read(signals_.get(), &info, sizeof info) > 0) {
  }
  int status = 0;
  pid_t pid = 0;
  while ((pid = ::waitpid(-1, &status, WNOHANG)) > 0) {
    ++reaped_;
    const auto found = children_.find(pid);
    if (found != children_.end()) {
      ChildListener& listener = *found->second;
      children_.erase(found);
      listener.onChildExit(pid, status);
    }
  }
}

}  // namespace ak::guest
