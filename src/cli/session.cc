#include "cli/session.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <optional>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/output_fd.h"
#include "cli/signals.h"
#include "cli/terminal.h"
#include "model/run_request_json.h"

namespace ak::cli {

namespace {

using SteadyClock = std::chrono::steady_clock;
using model::StreamKind;

constexpr auto kImpatience = std::chrono::seconds(2);
constexpr auto kKeyPause = std::chrono::seconds(1);
// Input waiting for the daemon: more is left with whoever writes it.
constexpr std::size_t kMaxPendingInput = 128 * 1024;

class Session {
 public:
  Session(client::Stream& stream,
          SessionOptions& options,
          SignalPipe& signals,
          std::optional<RawTerminal>& raw)
      : stream_(stream),
        options_(options),
        signals_(signals),
        raw_(raw),
        outputs_{OutputFd(STDOUT_FILENO), OutputFd(STDERR_FILENO)},
        input_open_(options.standard_input == Use::Yes) {}

  Result<SessionEnd> run() {
    // The first frames may have come together with the answer to our request.
    AK_TRY(takeFrames());
    while (!end_) {
      AK_TRY(turn());
    }
    return *std::move(end_);
  }

 private:
  // Which descriptors matter now; -1 hides one, or its POLLHUP would make us spin.
  enum Slot : std::size_t { kSignals, kSocket, kInput, kOutput, kSlots };

  Status turn() {
    const bool output_waits = !output_.payload.empty();
    const bool take_input = input_open_ && stream_.pending() < kMaxPendingInput;
    const auto socket_events =
        static_cast<short>((output_waits ? 0 : POLLIN) | (stream_.pending() != 0 ? POLLOUT : 0));
    std::array<pollfd, kSlots> slots = {{
        {.fd = signals_.fd(), .events = POLLIN, .revents = 0},
        {.fd = socket_events != 0 ? stream_.fd() : -1, .events = socket_events, .revents = 0},
        {.fd = take_input ? STDIN_FILENO : -1, .events = POLLIN, .revents = 0},
        {.fd = output_waits ? outputOf(output_.kind).pollFd() : -1,
         .events = POLLOUT,
         .revents = 0},
    }};
    // A regular file never waits, so there is nothing to poll for: go on at once.
    const int timeout = output_waits && slots[kOutput].fd < 0 ? 0 : heldKeysTime();
    const int ready = ::poll(slots.data(), slots.size(), timeout);
    if (ready < 0) {
      return errno == EINTR ? Status() : failErrno("poll");
    }
    if (timeout > 0 && heldKeysTime() == 0) {
      stream_.send(StreamKind::Stdin, options_.detach_keys->release());
    }
    if (slots[kSignals].revents != 0) {
      takeSignals();
    }
    if (slots[kInput].revents != 0) {
      AK_TRY(takeInput());
    }
    if (output_waits) {
      AK_TRY(putOutput());
    }
    if (stream_.pending() != 0) {
      AK_TRY(stream_.flush());
    }
    if ((slots[kSocket].revents & (POLLIN | POLLHUP | POLLERR)) != 0 && !output_waits) {
      AK_TRY(stream_.fill());
    }
    if (output_.payload.empty()) {
      AK_TRY(takeFrames());
    }
    return {};
  }

  OutputFd& outputOf(StreamKind kind) { return outputs_.at(kind == StreamKind::Stderr ? 1 : 0); }

  Status takeFrames() {
    model::StreamFrame frame;
    while (!end_ && output_.payload.empty()) {
      if (!AK_TRY(stream_.next(frame))) {
        break;
      }
      AK_TRY(takeFrame(frame));
    }
    if (!end_ && output_.payload.empty() && stream_.ended()) {
      return options_.detach_keys
                 ? fail(ErrorCode::Unavailable, "the daemon went away; the session goes on")
                 : fail(ErrorCode::Unavailable, "the daemon went away before the command had ended",
                        "The command was ended, unless it is detached. See: agentkernel daemon "
                        "logs");
    }
    return {};
  }

  Status takeFrame(model::StreamFrame& frame) {
    switch (frame.kind) {
      case StreamKind::Stdout:
      case StreamKind::Stderr:
        if (options_.capture) {
          options_.capture(frame.kind == StreamKind::Stderr, frame.payload);
          return {};
        }
        if (options_.overheard &&
            (frame.kind == StreamKind::Stderr || options_.terminal == Use::Yes)) {
          options_.overheard(frame.payload);
        }
        std::swap(output_, frame);
        written_ = 0;
        return output_.payload.empty() ? Status() : putOutput();
      case StreamKind::Started:
        if (options_.started) {
          options_.started(frame.payload);
        }
        return {};
      case StreamKind::Exit:
        end_ = SessionEnd{.exit_json = std::move(frame.payload)};
        return {};
      case StreamKind::Failed:
        return std::unexpected(
            model::errorFromJson(nlohmann::json::parse(frame.payload, nullptr, false)));
      case StreamKind::Stdin:
      case StreamKind::StdinEnd:
      case StreamKind::Resize:
      case StreamKind::Signal:
        break;
    }
    return fail(ErrorCode::Protocol, "the daemon sent a frame that is the client's");
  }

  Status putOutput() {
    const auto taken =
        outputOf(output_.kind).write(std::string_view(output_.payload).substr(written_));
    if (!taken) {
      if (taken.error().code != ErrorCode::Cancelled) {
        return std::unexpected(taken.error());
      }
      if (output_.kind == StreamKind::Stdout) {
        end_ = SessionEnd{.left_by_signal = SIGPIPE};
      }
      output_.payload.clear();
      return {};
    }
    written_ += *taken;
    if (written_ == output_.payload.size()) {
      output_.payload.clear();
      written_ = 0;
    }
    return {};
  }

  Status takeInput() {
    char buffer[32 * 1024];
    const ssize_t size = ::read(STDIN_FILENO, buffer, sizeof buffer);
    if (size > 0) {
      typed(std::string_view(buffer, static_cast<std::size_t>(size)));
    } else if (size == 0 || (errno != EINTR && errno != EAGAIN)) {
      // The end, or a terminal that has hung up (EIO): for the guest it is the same, but for a
      // session, which has other terminals.
      input_open_ = false;
      if (options_.detach_keys) {
        end_ = SessionEnd{.detached = true};
      } else {
        stream_.send(StreamKind::StdinEnd, {});
      }
    }
    return {};
  }

  void typed(std::string_view keys) {
    if (!options_.detach_keys) {
      stream_.send(StreamKind::Stdin, keys);
      return;
    }
    const DetachKeys::Found found = options_.detach_keys->feed(keys);
    typed_at_ = SteadyClock::now();
    if (!found.typed.empty()) {
      stream_.send(StreamKind::Stdin, found.typed);
    }
    if (found.detach) {
      end_ = SessionEnd{.detached = true};
      (void)stream_.flush();  // what was typed before; who does not take it keeps nobody here
    }
  }

  // Keys that may become the detach keys are not held back for long: they are keys of the guest's
  // too. -1: none are held.
  int heldKeysTime() const {
    if (!options_.detach_keys || !options_.detach_keys->holds()) {
      return -1;
    }
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(typed_at_ + kKeyPause - SteadyClock::now());
    return std::max(static_cast<int>(left.count()), 0);
  }

  void takeSignals() {
    for (const int signal : signals_.take()) {
      if (signal == SIGWINCH) {
        sendSize();
      } else if (signal == SIGTSTP) {
        if (raw_) {
          raw_->leave();
        }
        ::raise(SIGSTOP);
      } else if (signal == SIGCONT) {
        if (raw_) {
          raw_->enter();
        }
        sendSize();
      } else {
        forward(signal);
      }
    }
  }

  void sendSize() {
    if (options_.terminal == Use::No) {
      return;
    }
    const model::TerminalSize size = terminalSize();
    const char payload[4] = {static_cast<char>(size.rows & 0xff), static_cast<char>(size.rows >> 8),
                             static_cast<char>(size.columns & 0xff),
                             static_cast<char>(size.columns >> 8)};
    stream_.send(StreamKind::Resize, std::string_view(payload, sizeof payload));
    if (options_.resized) {
      options_.resized(size);
    }
  }

  void forward(int signal) {
    const auto now = SteadyClock::now();
    if (options_.detach_keys) {
      end_ = SessionEnd{.left_by_signal = signal};
      return;
    }
    if (options_.terminal == Use::No && signal == last_signal_ && now - last_time_ < kImpatience) {
      end_ = SessionEnd{.left_by_signal = signal};
      return;
    }
    last_signal_ = signal;
    last_time_ = now;
    const char payload = static_cast<char>(signal);
    stream_.send(StreamKind::Signal, std::string_view(&payload, 1));
  }

  client::Stream& stream_;
  SessionOptions& options_;
  SignalPipe& signals_;
  std::optional<RawTerminal>& raw_;
  std::array<OutputFd, 2> outputs_;
  bool input_open_;
  model::StreamFrame output_;  // not yet written from written_ on
  std::size_t written_ = 0;
  std::optional<SessionEnd> end_;
  SteadyClock::time_point typed_at_{};
  int last_signal_ = 0;
  SteadyClock::time_point last_time_{};
};

}  // namespace

Result<SessionEnd> runSession(client::Stream& stream, SessionOptions options) {
  // The default action would end us without a word; the write's EPIPE is handled instead.
  ::signal(SIGPIPE, SIG_IGN);
  std::vector<int> handled = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
  if (options.terminal == Use::Yes) {
    handled.insert(handled.end(), {SIGWINCH, SIGTSTP, SIGCONT});
  }
  SignalPipe signals = AK_TRY(SignalPipe::open(handled));
  std::optional<RawTerminal> raw;
  if (options.terminal == Use::Yes && options.standard_input == Use::Yes) {
    raw.emplace(STDIN_FILENO);
  }
  return Session(stream, options, signals, raw).run();
}

}  // namespace ak::cli
