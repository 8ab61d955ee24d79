#include "guest/pty.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>

#include "base/text.h"
#include "sys/file.h"

namespace ak::guest {

Result<Pty> openPty(const wire::WindowSize& window) {
  Pty pty;
  auto master = sys::openPath("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK);
  if (!master) {
    return fail(ErrorCode::Unsupported,
                cat("no terminal in this sandbox: ", master.error().message),
                "Run the command without a terminal.");
  }
  pty.master = std::move(*master);
  struct stat info{};
  // A guest that owns /dev may have put something else there.
  if (::fstat(pty.master.get(), &info) != 0 || !S_ISCHR(info.st_mode) ||
      info.st_rdev != makedev(5, 2)) {
    return fail(ErrorCode::Unsupported, "/dev/ptmx of this sandbox is not a terminal multiplexer");
  }
  int unlock = 0;
  if (::ioctl(pty.master.get(), TIOCSPTLCK, &unlock) != 0) {
    return failErrno("unlock the terminal");
  }
  pty.slave = sys::OwnedFd(::ioctl(pty.master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!pty.slave.valid()) {
    return failErrno("open the terminal");
  }
  resizePty(pty.master.get(), window);
  return pty;
}

void resizePty(int master, const wire::WindowSize& window) {
  winsize size{};
  size.ws_row = window.rows;
  size.ws_col = window.columns;
  (void)::ioctl(master, TIOCSWINSZ, &size);
}

pid_t foregroundGroup(int master, pid_t otherwise) {
  const pid_t foreground = ::tcgetpgrp(master);
  return foreground > 1 ? foreground : otherwise;
}

char endOfFileKey(int master) {
  constexpr char kControlD = 4;
  termios settings{};
  return ::tcgetattr(master, &settings) == 0 ? static_cast<char>(settings.c_cc[VEOF]) : kControlD;
}

}  // namespace ak::guest
