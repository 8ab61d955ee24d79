#pragma once

#include <string>

#include "base/result.h"
#include "sys/owned_fd.h"

namespace ak::daemon {

// Who is the daemon of a state directory is decided by an exclusive flock on `daemon.lock` in it,
// whatever the environment says. The file holds the path of the daemon's socket while it lives, so
// that a client with another runtime directory finds it. The kernel drops the lock with the
// process.
class InstanceLock {
 public:
  // Conflict when another daemon holds it, naming its socket.
  static Result<InstanceLock> take(int state_directory);
  Status publish(const std::string& socket_path);

 private:
  explicit InstanceLock(sys::OwnedFd file) : file_(std::move(file)) {}

  sys::OwnedFd file_;
};

}  // namespace ak::daemon
