#include "manager/pump.h"

#include <csignal>

#include "net/task_group.h"

namespace ak::manager {

model::ExecOutcome outcomeOf(const wire::ExecExit& exit) {
  model::ExecOutcome outcome;
  outcome.exit_code = exit.timed_out ? 124 : exit.signal != 0 ? 128 + exit.signal : exit.code;
  outcome.signal = exit.signal;
  outcome.timed_out = exit.timed_out;
  outcome.killed = exit.killed;
  outcome.out_of_memory = exit.out_of_memory;
  return outcome;
}

namespace {

net::Task<Status> passOn(channel::ExecStream& stream, const ExecSink::Input& input) {
  switch (input.kind) {
    case ExecSink::Input::Kind::Stdin:
      co_return co_await stream.writeStdin(input.data);
    case ExecSink::Input::Kind::StdinEnd:
      co_return co_await stream.closeStdin();
    case ExecSink::Input::Kind::Resize: {
      wire::ExecControl control;
      control.kind = wire::ExecControl::Kind::Resize;
      control.window = {input.window.rows, input.window.columns};
      co_return co_await stream.control(control);
    }
    case ExecSink::Input::Kind::Signal: {
      wire::ExecControl control;
      control.kind = wire::ExecControl::Kind::Signal;
      control.signal = input.signal;
      co_return co_await stream.control(control);
    }
    case ExecSink::Input::Kind::Closed: {
      wire::ExecControl control;
      control.kind = wire::ExecControl::Kind::Kill;
      co_return co_await stream.control(control);
    }
  }
  co_return fail(ErrorCode::Internal, "unknown kind of client input");
}

// Ends with the client's last message. A refused message (stdin after its end, a command that has
// just exited) concerns that message alone: the output side learns how the command ended.
net::Task<void> carryInput(channel::ExecStream& stream, ExecSink& sink) {
  for (;;) {
    const ExecSink::Input input = co_await sink.nextInput();
    (void)co_await passOn(stream, input);
    if (input.kind == ExecSink::Input::Kind::Closed) {
      co_return;
    }
  }
}

}  // namespace

net::Task<Result<model::ExecOutcome>> pump(net::Executor executor,
                                           channel::ExecStream& stream,
                                           ExecSink& sink,
                                           PumpOptions options) {
  net::TaskGroup input(executor);
  input.spawn(carryInput(stream, sink));
  bool client_there = true;
  Result<model::ExecOutcome> outcome = fail(ErrorCode::Internal, "the command has no end");
  for (;;) {
    Result<channel::ExecStream::Event> event = co_await stream.next();
    if (!event) {
      outcome = std::unexpected(std::move(event).error());
      break;
    }
    if (event->kind == channel::ExecStream::Event::Kind::Exit) {
      outcome = outcomeOf(event->exit);
      break;
    }
    const bool is_error = event->kind == channel::ExecStream::Event::Kind::Stderr;
    if (options.tap) {
      options.tap(is_error, event->data);
    }
    if (!client_there) {
      continue;
    }
    const Status sent = is_error ? co_await sink.standardError(event->data)
                                 : co_await sink.standardOutput(event->data);
    if (!sent) {
      client_there = false;
      wire::ExecControl kill;
      kill.kind = wire::ExecControl::Kind::Kill;
      (void)co_await stream.control(kill);  // if the agent is gone, next() says so
    }
  }
  input.cancel();
  co_await input.join();
  co_return outcome;
}

}  // namespace ak::manager
