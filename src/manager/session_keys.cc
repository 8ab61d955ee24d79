#include "manager/session_keys.h"

#include "net/loop.h"

namespace ak::manager {

namespace {

// Between two sizes: long enough that a full-screen program sees both, and short enough for hands.
constexpr std::chrono::milliseconds kRedrawPause{50};

wire::ExecControl resizeTo(model::TerminalSize size) {
  wire::ExecControl control;
  control.kind = wire::ExecControl::Kind::Resize;
  control.window = {size.rows, size.columns};
  return control;
}

// Full-screen programs draw when their size changes, and only then.
net::Task<void> redraw(channel::JobTerminal& terminal, model::TerminalSize size) {
  model::TerminalSize other = size;
  other.rows = static_cast<std::uint16_t>(size.rows > 1 ? size.rows - 1 : size.rows + 1);
  (void)terminal.control(resizeTo(other));
  co_await net::sleepFor(kRedrawPause);
  (void)terminal.control(resizeTo(size));
}

// A key or size that is refused concerns that key alone: the output side learns how it ended.
net::Task<void> passOn(channel::JobTerminal& terminal, const ExecSink::Input& input) {
  switch (input.kind) {
    case ExecSink::Input::Kind::Stdin:
      (void)co_await terminal.write(input.data);
      co_return;
    case ExecSink::Input::Kind::StdinEnd:
      (void)terminal.endOfFile();
      co_return;
    case ExecSink::Input::Kind::Resize:
      (void)terminal.control(resizeTo(input.window));
      co_return;
    case ExecSink::Input::Kind::Signal: {
      wire::ExecControl control;
      control.kind = wire::ExecControl::Kind::Signal;
      control.signal = input.signal;
      (void)terminal.control(control);
      co_return;
    }
    case ExecSink::Input::Kind::Closed:
      co_return;
  }
}

}  // namespace

net::Task<void> carryKeys(std::shared_ptr<channel::JobTerminal> terminal,
                          ExecSink& sink,
                          std::optional<model::TerminalSize> joined,
                          std::function<void()> left) {
  if (joined && terminal) {
    co_await redraw(*terminal, *joined);
  }
  for (;;) {
    const ExecSink::Input input = co_await sink.nextInput();
    if (input.kind == ExecSink::Input::Kind::Closed) {
      left();
      co_return;
    }
    if (terminal) {
      co_await passOn(*terminal, input);
    }
  }
}

}  // namespace ak::manager
