#include "cli/copy/progress.h"

#include <unistd.h>

#include "base/text.h"

namespace ak::cli {

namespace {

using namespace std::chrono_literals;
using SteadyClock = std::chrono::steady_clock;

// Nothing depends on it: a terminal that does not take it has missed a line.
void say(std::string_view text) {
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace

Progress::Progress()
    : terminal_(::isatty(STDERR_FILENO) == 1),
      next_(SteadyClock::now() + std::chrono::seconds(1)) {}

Progress::~Progress() {
  clear();
}

void Progress::clear() {
  if (shown_) {
    say("\r\x1b[K");
    shown_ = false;
  }
}

void Progress::bytes(std::uint64_t more) {
  bytes_ += more;
  if (!terminal_) {
    return;
  }
  const auto now = SteadyClock::now();
  if (now >= next_) {
    next_ = now + 200ms;
    shown_ = true;
    say(cat("\r", readableBytes(bytes_), " in ", files_ + 1, files_ == 0 ? " file" : " files",
            "\x1b[K"));
  }
}

}  // namespace ak::cli
