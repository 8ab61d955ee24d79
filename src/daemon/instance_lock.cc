#include "daemon/instance_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>

#include "base/text.h"
#include "sys/file.h"

namespace ak::daemon {

Result<InstanceLock> InstanceLock::take(int state_directory) {
  sys::OwnedFd file =
      AK_TRY(sys::openAt(state_directory, "daemon.lock", O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
  if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) {
      return failErrno("locking the state directory");
    }
    const std::string socket = AK_TRY(sys::readAll(file.get(), 4096));
    return fail(ErrorCode::Conflict, cat("a daemon runs already, at ", printable(socket)),
                "Use it, or stop it with: agentkernel daemon stop");
  }
  return InstanceLock(std::move(file));
}

Status InstanceLock::publish(const std::string& socket_path) {
  if (::ftruncate(file_.get(), 0) != 0 || ::lseek(file_.get(), 0, SEEK_SET) != 0) {
    return failErrno("writing daemon.lock");
  }
  return sys::writeAll(file_.get(), socket_path);
}

}  // namespace ak::daemon
