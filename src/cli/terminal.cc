#include "cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

namespace ak::cli {

model::TerminalSize terminalSize() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    winsize size{};
    if (::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_row != 0 && size.ws_col != 0) {
      return {.rows = size.ws_row, .columns = size.ws_col};
    }
  }
  return {};
}

bool onTerminal() {
  return ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1;
}

RawTerminal::RawTerminal(int fd) : fd_(fd) {
  termios now{};
  if (::tcgetattr(fd_, &now) == 0) {
    saved_ = now;
    enter();
  }
}

void RawTerminal::enter() {
  if (!saved_ || raw_) {
    return;
  }
  termios raw = *saved_;
  ::cfmakeraw(&raw);
  raw_ = ::tcsetattr(fd_, TCSADRAIN, &raw) == 0;
}

void RawTerminal::leave() {
  if (!raw_ || !saved_) {
    return;
  }
  // A terminal that has hung up cannot be set, and needs nothing.
  ::tcsetattr(fd_, TCSADRAIN, &*saved_);
  raw_ = false;
}

}  // namespace ak::cli
