#pragma once

#include "base/result.h"
#include "sys/owned_fd.h"
#include "wire/exec.h"

namespace ak::guest {

struct Pty {
  sys::OwnedFd master;  // non-blocking
  sys::OwnedFd slave;
};

// A pseudo-terminal of the sandbox's own devpts. The slave is opened from the master
// (TIOCGPTPEER): no path in the guest's control names it. Unsupported without a devpts.
Result<Pty> openPty(const wire::WindowSize& window);
void resizePty(int master, const wire::WindowSize& window);

}  // namespace ak::guest
