#include "channel/job_stream.h"

#include "channel/exec_stream.h"

namespace ak::channel {

net::Task<Result<ExecStream::Event>> SessionJob::next() {
  if (exited_) {
    co_return fail(ErrorCode::Conflict, "the job has ended");
  }
  auto received = co_await stream_.receive();
  Item item = AK_CO_TRY(std::move(received));
  ExecStream::Event event = AK_CO_TRY(eventOf(std::move(item)));
  if (event.kind == ExecStream::Event::Kind::Exit) {
    exited_ = true;
    stream_.close();
  }
  co_return event;
}

Status SessionJob::acknowledge(const wire::JobOffsets& kept) {
  return stream_.control(wire::encode(wire::JobAck{kept}));
}

net::Task<Status> SessionTerminal::write(std::string_view keys) {
  co_return co_await stream_.send(wire::kStdin, keys);
}

Status SessionTerminal::endOfFile() {
  return stream_.end(wire::kStdin);
}

Status SessionTerminal::control(const wire::ExecControl& control) {
  return stream_.control(wire::encode(control));
}

}  // namespace ak::channel
