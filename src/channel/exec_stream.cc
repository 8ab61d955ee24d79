#include "channel/exec_stream.h"

namespace ak::channel {

net::Task<Result<Item>> SessionExec::receive() {
  if (!patience_) {
    co_return co_await stream_.receive();
  }
  const SteadyTime begun = std::chrono::steady_clock::now();
  auto item = co_await stream_.receiveWithin(*patience_);
  *patience_ -= std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now() - begun);
  co_return item;
}

Result<ExecStream::Event> eventOf(Item item) {
  ExecStream::Event event;
  if (item.reply) {
    event.exit = AK_TRY(wire::decodeExecExit(item.data));
    event.kind = ExecStream::Event::Kind::Exit;
    return event;
  }
  if (item.channel == wire::kStdin) {
    return fail(ErrorCode::Protocol, "the sandbox's agent sent output on the input channel");
  }
  event.kind = item.channel == wire::kStdout ? ExecStream::Event::Kind::Stdout
                                             : ExecStream::Event::Kind::Stderr;
  event.data = std::move(item.data);
  return event;
}

net::Task<Result<ExecStream::Event>> SessionExec::next() {
  if (exited_) {
    co_return fail(ErrorCode::Conflict, "the command has ended");
  }
  auto received = co_await receive();
  Item item = AK_CO_TRY(std::move(received));
  Event event = AK_CO_TRY(eventOf(std::move(item)));
  if (event.kind == Event::Kind::Exit) {
    exited_ = true;
    stream_.close();
  }
  co_return event;
}

net::Task<Status> SessionExec::writeStdin(std::string_view data) {
  if (stdin_closed_) {
    co_return fail(ErrorCode::Conflict, "standard input was closed");
  }
  co_return co_await stream_.send(wire::kStdin, data);
}

net::Task<Status> SessionExec::closeStdin() {
  if (stdin_closed_) {
    co_return Status();
  }
  stdin_closed_ = true;
  co_return stream_.end(wire::kStdin);
}

net::Task<Status> SessionExec::control(const wire::ExecControl& control) {
  co_return stream_.control(wire::encode(control));
}

}  // namespace ak::channel
