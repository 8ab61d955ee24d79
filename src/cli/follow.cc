#include "cli/follow.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>

#include <nlohmann/json.hpp>

#include "base/text.h"

namespace ak::cli {

namespace {

constexpr std::size_t kMaxLine = 64 * 1024;

}  // namespace

Result<Woken> waitToFollow(int fd) {
  for (;;) {
    pollfd slots[2] = {{.fd = fd, .events = POLLIN, .revents = 0},
                       {.fd = STDOUT_FILENO, .events = 0, .revents = 0}};
    if (::poll(slots, 2, -1) < 0) {
      if (errno != EINTR) {
        return failErrno("poll");
      }
      continue;
    }
    return slots[1].revents != 0 ? Woken::NobodyReads : Woken::Ready;
  }
}

void LogPrinter::add(std::string_view piece) {
  held_ += piece;
  if (form_ == Form::Text) {
    const std::size_t whole = wholeCharacters(held_);
    output_.lines(std::string_view(held_).substr(0, whole));
    held_.erase(0, whole);
    return;
  }
  std::string_view rest = held_;
  for (std::size_t end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
    printLine(rest.substr(0, end));
    rest.remove_prefix(end + 1);
  }
  while (rest.size() >= kMaxLine) {
    const std::size_t cut = wholeCharacters(rest.substr(0, kMaxLine));
    printLine(rest.substr(0, cut));
    rest.remove_prefix(cut);
  }
  held_.erase(0, held_.size() - rest.size());
}

void LogPrinter::end() {
  if (held_.empty()) {
    return;
  }
  if (form_ == Form::Text) {
    output_.lines(held_);
  } else {
    printLine(held_);
  }
  held_.clear();
}

void LogPrinter::printLine(std::string_view line) {
  const nlohmann::json entry = {{"message", line}};
  output_.line(entry.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

}  // namespace ak::cli
