#pragma once

#include <termios.h>

#include <optional>

#include "model/run_request.h"

namespace ak::cli {

// The size of the terminal behind the first of the standard descriptors that has one; 24 x 80.
model::TerminalSize terminalSize();

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
