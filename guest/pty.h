#pragma once

#include <sys/types.h>

#include <cstddef>

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
// The process group that a key like ^C would reach; `otherwise` when there is none.
pid_t foregroundGroup(int master, pid_t otherwise);
// A terminal has no end of file of its own: the line discipline makes one of this character.
char endOfFileKey(int master);

// After the end of a terminal's main process: more than a tty buffers, so that nothing is lost, yet
// bounded, so that a background writer cannot keep it open.
inline constexpr std::size_t kTerminalRest = 256 * 1024;

}  // namespace ak::guest
