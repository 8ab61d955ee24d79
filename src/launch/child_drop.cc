#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "launch/child_state.h"
#include "os/capability.h"
#include "os/seccomp.h"

namespace ak::launch {

int boundingSet(ChildState& child) {
  return os::limitBoundingSet(child.plan.capabilities);
}

int noNewPrivileges(ChildState&) {
  return os::setNoNewPrivileges();
}

int capabilities(ChildState& child) {
  return os::setCapabilities(child.plan.capabilities);
}

int installFilter(ChildState& child) {
  return os::installSeccomp(child.plan.filter, child.plan.filter_size);
}

int execute(ChildState&) {
  char name[] = "ak-agent";
  char* argv[] = {name, nullptr};
  char* environment[] = {nullptr};
  ::syscall(SYS_execveat, kFinalAgentFd, "", argv, environment, AT_EMPTY_PATH);
  return errno;
}

}  // namespace ak::launch
