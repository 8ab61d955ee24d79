#pragma once

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "backend/native/native_options.h"
#include "model/box_codec.h"
#include "net/async_fd.h"
#include "net/event.h"
#include "net/task_group.h"

namespace ak::backend {

// The daemon's end of ak-launcher: finds the running one or starts one, sends requests, hands
// answers back by serial. When the launcher dies, calls under way fail with Unavailable and another
// one is started at once; boxes live on without it. All on the loop.
class LauncherClient {
 public:
  struct Answer {
    model::LauncherReply reply;  // never Failed: that is an Error
    std::vector<sys::OwnedFd> fds;
  };

  LauncherClient(net::Executor executor, const NativeOptions& options);
  ~LauncherClient();
  LauncherClient(const LauncherClient&) = delete;
  LauncherClient& operator=(const LauncherClient&) = delete;

  // Fills in the serial. Descriptors are only lent. Timeout after NativeOptions::start_limit.
  net::Task<Result<Answer>> call(model::LauncherRequest request, std::vector<int> fds = {});
  // The launcher's Hello of this connection; connects when there is none.
  net::Task<Result<model::LauncherReply>> hello();

  // A box that it reaped; and the launcher's own death.
  void onExited(std::function<void(const model::BoxExited&)> handler) {
    on_exited_ = std::move(handler);
  }

  void onLost(std::function<void()> handler) { on_lost_ = std::move(handler); }

  bool connected() const { return connection_ != nullptr; }

  // A rootless launcher has one range for all boxes; a rootful one takes `asked`.
  model::IdRange idsOr(const model::IdRange& asked) const;
  // Of the present launcher; 0 when there is none.
  std::int32_t pid() const;

  std::uint64_t restarts() const { return restarts_; }

  // Lets go of the launcher, which lives on as long as it has boxes.
  net::Task<void> close();

 private:
  struct Connection;
  struct Pending;

  net::Task<Result<std::shared_ptr<Connection>>> connection();
  net::Task<Result<std::shared_ptr<Connection>>> connect();
  Result<sys::OwnedFd> reach();
  Status startLauncher();
  Error reasonOf(Error otherwise);
  net::Task<Result<Answer>> callOn(std::shared_ptr<Connection> connection,
                                   model::LauncherRequest request,
                                   std::vector<int> fds);
  net::Task<void> readLoop(std::shared_ptr<Connection> connection);
  net::Task<void> reap(std::shared_ptr<net::AsyncFd> process);
  net::Task<void> restart();
  void handle(Connection& connection, model::LauncherReply reply, std::vector<sys::OwnedFd> fds);
  void lost(const std::shared_ptr<Connection>& connection, const Error& why);

  net::Executor executor_;
  const NativeOptions& options_;
  net::TaskGroup tasks_;
  std::shared_ptr<Connection> connection_;  // shared with calls and the reader under way
  bool connecting_ = false;
  net::Event connected_;
  sys::OwnedFd report_;  // of the launcher that was started last
  bool closing_ = false;
  std::uint64_t next_serial_ = 1;
  std::uint64_t restarts_ = 0;
  bool lost_before_ = false;
  std::function<void(const model::BoxExited&)> on_exited_;
  std::function<void()> on_lost_;
};

}  // namespace ak::backend
