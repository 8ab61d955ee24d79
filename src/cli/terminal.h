#pragma once

#include <termios.h>

#include <optional>
#include <string_view>

#include "model/run_request.h"

namespace ak::cli {

// The size of the terminal behind the first of the standard descriptors that has one; 24 x 80.
model::TerminalSize terminalSize();

// Both ends of the user's conversation are terminals.
bool onTerminal();

// Undoes what programs tell a terminal and have no time to take back when we leave them: colours, a
// hidden cursor, the alternate screen, mouse and paste reports, keypad modes. Harmless where
// nothing was told; without 1049, which would move the cursor where nothing was.
inline constexpr std::string_view kTerminalReset =
    "\033[0m\033[?25h\033[?1047l\033[?1000l\033[?1002l\033[?1003l\033[?1006l\033[?1004l"
    "\033[?2004l\033[?7h\033[?1l\033>\033(B\r\n";

// A terminal in raw mode while it lives: keys go to the guest as bytes, Ctrl-C too. Does nothing
// for a descriptor that is no terminal.
class RawTerminal {
 public:
  explicit RawTerminal(int fd);
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;

  ~RawTerminal() { leave(); }

  // Around a stop (Ctrl-Z from outside): the shell gets its terminal as it was.
  void enter();
  void leave();

 private:
  int fd_;
  std::optional<termios> saved_;
  bool raw_ = false;
};

}  // namespace ak::cli
