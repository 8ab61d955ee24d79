#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "launch/child_state.h"
#include "os/child_safe.h"
#include "os/route.h"

namespace ak::launch {

namespace {

constexpr int kNetworkTimeoutMs = 10'000;

// The image's or the last run's file, or a link that would lead elsewhere, is replaced, not
// written.
int writeResolver(ChildState& child) {
  if (::mkdirat(child.root, "etc", 0755) != 0 && errno != EEXIST) {
    return errno;
  }
  const int etc = os::openBeneath(child.root, "etc", O_RDONLY | O_DIRECTORY);
  if (etc < 0) {
    return -etc;
  }
  int error = 0;
  if (::unlinkat(etc, "resolv.conf", 0) != 0 && errno != ENOENT) {
    error = errno;
  }
  const int file =
      error != 0 ? -1 : ::openat(etc, "resolv.conf", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (error == 0 && file < 0) {
    error = errno;
  }
  if (error == 0) {
    const ssize_t size = ::write(file, child.plan.resolver, child.plan.resolver_size);
    error = size < 0 ? errno : size == static_cast<ssize_t>(child.plan.resolver_size) ? 0 : ENOSPC;
  }
  if (file >= 0) {
    ::close(file);
  }
  ::close(etc);
  return error;
}

}  // namespace

int network(ChildState& child) {
  if (child.plan.resolver == nullptr) {
    return 0;
  }
  // pasta sets it last, and was started when all that must be closed was.
  const int error = os::awaitDefaultRoute(kNetworkTimeoutMs);
  return error != 0 ? error : writeResolver(child);
}

}  // namespace ak::launch
