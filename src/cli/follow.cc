#include "cli/follow.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "model/run_request_json.h"
#include "model/stream_frame.h"

namespace ak::cli {

using model::StreamKind;
using nlohmann::json;

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

Result<Woken> sleepUnlessUnread(std::chrono::milliseconds time) {
  pollfd output{.fd = STDOUT_FILENO, .events = 0, .revents = 0};
  const auto end = std::chrono::steady_clock::now() + time;
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    if (left.count() <= 0) {
      return Woken::Ready;
    }
    const int woken = ::poll(&output, 1, static_cast<int>(left.count()));
    if (woken > 0) {
      return Woken::NobodyReads;
    }
    if (woken < 0 && errno != EINTR) {
      return failErrno("poll");
    }
  }
}

Result<std::optional<json>> followLog(Context& context,
                                      std::string path,
                                      const std::function<void(std::string_view)>& take) {
  client::Client client = AK_TRY(context.connect());
  const client::Request request{.path = std::move(path)};
  client::Client::Upgraded upgraded = AK_TRY(std::move(client).upgrade(request));
  context.checkVersion(upgraded.daemon_version);
  model::StreamFrame frame;
  for (;;) {
    while (AK_TRY(upgraded.stream.next(frame))) {
      if (frame.kind == StreamKind::Stdout || frame.kind == StreamKind::Stderr) {
        take(frame.payload);
        continue;
      }
      json last = json::parse(frame.payload, nullptr, false);
      if (frame.kind == StreamKind::Exit) {
        return last;
      }
      return std::unexpected(model::errorFromJson(last));
    }
    if (upgraded.stream.ended()) {
      return fail(ErrorCode::Unavailable, "the daemon went away",
                  "Follow it again; the daemon starts by itself.");
    }
    if (AK_TRY(waitToFollow(upgraded.stream.fd())) == Woken::NobodyReads) {
      return std::nullopt;
    }
    AK_TRY(upgraded.stream.fill());
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
  const json entry = {{"message", line}};
  output_.line(entry.dump(-1, ' ', false, json::error_handler_t::replace));
}

}  // namespace ak::cli
