#pragma once

#include <map>
#include <string>
#include <vector>

#include "launch/box_maker.h"
#include "sys/unix_socket.h"

namespace ak::launch {

// The launcher's loop: one daemon, its requests one after the other, and the ends of boxes.
class Launcher {
 public:
  // `listener`: listening SEQPACKET socket.
  Launcher(Host& host, sys::OwnedFd listener)
      : maker_(host), host_(host), listener_(std::move(listener)) {}

  // Until there is neither a daemon nor a live box.
  Status run();

 private:
  void acceptDaemon();
  void serveDaemon();
  void daemonGone();
  void reap();
  void reapOne(pid_t pid, int status);
  void retryCleanUps();
  bool idle() const;

  struct Answer {
    model::LauncherReply reply;
    std::vector<sys::OwnedFd> fds;
  };

  Result<Answer> handle(const model::LauncherRequest& request, std::vector<sys::OwnedFd>& fds);
  Result<Answer> hello(const model::LauncherRequest& request);
  Result<Answer> start(const model::LauncherRequest& request, std::vector<sys::OwnedFd>& fds);
  Result<Answer> park(const model::LauncherRequest& request);
  Result<Answer> claim(const model::LauncherRequest& request, std::vector<sys::OwnedFd>& fds);
  Result<Answer> discard(const model::LauncherRequest& request);
  Result<Answer> resize(const model::LauncherRequest& request);
  Result<Answer> stats(const model::LauncherRequest& request);
  Result<Answer> sweep(const model::LauncherRequest& request);
  Result<Answer> releaseBox(Box& box,
                            const model::LauncherRequest& request,
                            std::vector<sys::OwnedFd>& fds);
  Result<Box*> find(const std::string& id);
  void send(const Answer& answer);

  BoxMaker maker_;
  Host& host_;
  sys::OwnedFd listener_;
  sys::OwnedFd daemon_;
  std::map<std::string, Box> boxes_;
  std::vector<Box> dying_;  // reaped, but something of them is still in the cgroup
  bool had_daemon_ = false;
};

}  // namespace ak::launch
