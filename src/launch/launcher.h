#pragma once

#include <poll.h>

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "launch/box_maker.h"
#include "sys/unix_socket.h"

namespace ak::launch {

// The launcher's loop: one daemon, its requests, what the children of boxes under way report, and
// the ends of boxes. It waits for nothing but the next of these, so that boxes are made side by
// side: an answer to Park, Start and Claim is sent when the box has got there.
class Launcher {
 public:
  // `listener`: listening SEQPACKET socket.
  Launcher(Host& host, sys::OwnedFd listener)
      : maker_(host), host_(host), listener_(std::move(listener)) {}

  // Until there is neither a daemon nor a live box.
  Status run();

 private:
  struct Answer {
    model::LauncherReply reply;
    std::vector<sys::OwnedFd> fds;
  };

  // A request whose box is under way.
  struct Waiting {
    model::LauncherOp op{};
    std::uint64_t serial = 0;
    std::chrono::steady_clock::time_point deadline;
    // Why it failed: the box was killed, and the answer follows when nothing of it is left.
    std::optional<Error> failure;
    bool nobody = false;  // the daemon that asked is gone
  };

  void acceptDaemon();
  void serveDaemon();
  void daemonGone();
  int pollTimeout() const;
  void watchBoxes(std::vector<pollfd>& polled, std::vector<std::string>& ids) const;
  void serveBoxes(const std::vector<pollfd>& polled, const std::vector<std::string>& ids);
  void reap();
  void reapOne(pid_t pid, int status);
  void retryCleanUps();
  void thawAll();
  bool sweepOne(const std::string& id);
  bool idle() const;

  // What the child of a box under way has reported: its answer if that was the last.
  void advance(const std::string& id);
  void failBox(Box& box, Waiting& waiting, Error error);
  void answer(const Waiting& waiting, Result<Answer> result);

  // No answer yet: it follows when the box has got there.
  using Handled = Result<std::optional<Answer>>;
  Handled handle(const model::LauncherRequest& request, std::vector<sys::OwnedFd>& fds);
  Handled start(const model::LauncherRequest& request, std::vector<sys::OwnedFd>& fds);
  Handled park(const model::LauncherRequest& request);
  Handled claim(const model::LauncherRequest& request, std::vector<sys::OwnedFd>& fds);
  Result<Answer> hello(const model::LauncherRequest& request);
  Result<Answer> discard(const model::LauncherRequest& request);
  Result<Answer> resize(const model::LauncherRequest& request);
  Result<Answer> stats(const model::LauncherRequest& request);
  Result<Answer> sweep(const model::LauncherRequest& request);
  static Result<Answer> tryNamespaces();
  Result<Answer> freeze(const model::LauncherRequest& request);
  Result<Answer> thaw(const model::LauncherRequest& request);
  void thawLate();
  Result<Box*> begin(const model::LauncherRequest& request);
  void release(Box& box, const model::BoxIdentity& identity, int listener);
  Result<Box*> find(const std::string& id);
  void send(const Answer& answer);

  BoxMaker maker_;
  Host& host_;
  sys::OwnedFd listener_;
  sys::OwnedFd daemon_;
  std::map<std::string, Box> boxes_;
  std::map<std::string, Waiting> waiting_;  // by box
  std::vector<Box> dying_;                  // reaped, but something of them is still in the cgroup
  std::vector<std::string> sweeping_;       // of earlier launchers, killed, in the same state
  bool had_daemon_ = false;
};

}  // namespace ak::launch
