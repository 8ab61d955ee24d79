#include "guest/exec_stream.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "base/text.h"
#include "guest/pipe.h"
#include "guest/pty.h"
#include "sys/file.h"

namespace ak::guest {

Result<std::unique_ptr<Stream>> ExecStream::open(const Execution::Context& context,
                                                 const wire::SandboxRules& rules,
                                                 std::string_view request,
                                                 StreamPort& port,
                                                 ExecutionKeeper& keeper) {
  wire::ExecRequest decoded = AK_TRY(wire::decodeExecRequest(request));
  ExecPlan plan = AK_TRY(ExecPlan::make(std::move(decoded), rules));
  std::unique_ptr<ExecStream> stream(new ExecStream(context, port, keeper));
  AK_TRY(stream->start(plan));
  return stream;
}

Status ExecStream::start(ExecPlan& plan) {
  const wire::ExecRequest& request = plan.request();
  terminal_ = request.terminal;
  std::array<sys::OwnedFd, 3> child_ends;
  AK_TRY(terminal_ ? openTerminal(plan, child_ends) : openPipes(plan, child_ends));
  execution_ = AK_TRY(Execution::start(
      context_, plan, {child_ends[0].get(), child_ends[1].get(), child_ends[2].get()}));
  last_ = request.last;
  execution_->observe(this);
  AK_TRY(watchAll());
  if (request.timeout_ms != 0) {
    execution_->setTimeout(std::chrono::milliseconds(request.timeout_ms));
  }
  port_.reply(wire::encode(wire::ExecStarted{static_cast<std::uint32_t>(execution_->pid())}));
  return {};
}

Status ExecStream::openPipes(ExecPlan& plan, std::array<sys::OwnedFd, 3>& child_ends) {
  if (plan.request().close_stdin) {
    child_ends[0] = AK_TRY(sys::openPath("/dev/null", O_RDONLY | O_NONBLOCK));
  } else {
    Pipe in = AK_TRY(makePipe());
    AK_TRY(setNonBlocking(in.write));
    child_ends[0] = std::move(in.read);
    input_.fd = std::move(in.write);
  }
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    Pipe out = AK_TRY(makePipe());
    AK_TRY(setNonBlocking(out.read));
    child_ends[i + 1] = std::move(out.write);
    outputs_[i].fd = std::move(out.read);
    outputs_[i].channel = static_cast<std::uint8_t>(i + 1);
    outputs_[i].open = true;
  }
  return {};
}

Status ExecStream::openTerminal(ExecPlan& plan, std::array<sys::OwnedFd, 3>& child_ends) {
  Pty pty = AK_TRY(openPty(plan.request().window));
  child_ends[1] = AK_TRY(pty.slave.duplicate());
  child_ends[2] = AK_TRY(pty.slave.duplicate());
  child_ends[0] = std::move(pty.slave);
  input_.fd = AK_TRY(pty.master.duplicate());
  outputs_[0].fd = std::move(pty.master);
  outputs_[0].channel = wire::kStdout;
  outputs_[0].open = true;
  return {};
}

Status ExecStream::watchAll() {
  for (Output& output : outputs_) {
    output.stream = this;
    if (output.open) {
      AK_TRY(context_.loop.watch(output.fd.get(), EPOLLIN, output));
    }
  }
  input_.stream = this;
  return input_.fd.valid() ? context_.loop.watch(input_.fd.get(), EPOLLOUT, input_) : Status{};
}

ExecStream::~ExecStream() {
  for (Output& output : outputs_) {
    closeOutput(output);
  }
  closeInput();
  if (execution_ == nullptr) {
    return;
  }
  execution_->observe(nullptr);
  if (!done_) {
    execution_->kill(Execution::Reason::Killed);
  }
  keeper_.keep(std::move(execution_));
  if (last_) {
    keeper_.lastExecOver();
  }
}

void ExecStream::Output::onEvents(std::uint32_t) {
  readable = true;
  stream->port_.ready();
}

void ExecStream::Input::onEvents(std::uint32_t) {
  stream->writeInput();
}

void ExecStream::closeOutput(Output& output) {
  output.open = false;
  output.readable = false;
  context_.loop.forget(output.fd.get());
  output.fd.reset();
}

// One read. 0: nothing now (or never again: then the output is closed).
std::size_t ExecStream::readOutput(Output& output, char* buffer, std::size_t size) {
  const std::size_t room =
      std::min({size, output.left, static_cast<std::size_t>(port_.credit(output.channel))});
  if (!output.open || (!output.readable && !exited_) || (room == 0 && output.left != 0)) {
    return 0;
  }
  const ssize_t got = room == 0 ? 0 : ::read(output.fd.get(), buffer, room);
  if (got > 0) {
    output.left -= exited_ ? static_cast<std::size_t>(got) : 0;
    return static_cast<std::size_t>(got);
  }
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
    output.readable = errno == EINTR;
    if (!exited_ || errno == EINTR) {
      return 0;
    }
  }
  // End of file, EIO of a terminal whose other side is gone, or all that there was at the end.
  closeOutput(output);
  port_.end(output.channel);
  return 0;
}

Stream::Piece ExecStream::produce(char* buffer, std::size_t size) {
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    Output& output = outputs_[(turn_ + i) % outputs_.size()];
    const std::size_t got = readOutput(output, buffer, size);
    if (got != 0) {
      turn_ = (turn_ + i + 1) % outputs_.size();
      return {got, output.channel};
    }
  }
  finishIfDrained();
  return {};
}

void ExecStream::onMainExit(const MainExit& exit) {
  exited_ = true;
  exit_ = exit;
  for (Output& output : outputs_) {
    if (!output.open) {
      continue;
    }
    // What is in the pipe by now is delivered; a background child may go on writing for ever.
    output.left = terminal_ ? kTerminalRest : bytesIn(output.fd).value_or(kTerminalRest);
  }
  port_.ready();
}

void ExecStream::finishIfDrained() {
  if (!exited_ || done_ || outputs_[0].open || outputs_[1].open) {
    return;
  }
  done_ = true;
  closeInput();
  port_.reply(wire::encode(exitRecord(exit_)));
  port_.close();
}

void ExecStream::onData(std::uint8_t channel, std::string_view bytes) {
  if (!input_.fd.valid()) {
    port_.grantCredit(channel, static_cast<std::uint32_t>(bytes.size()));
    return;
  }
  input_.waiting += bytes;
  writeInput();
}

void ExecStream::onEnd(std::uint8_t) {
  input_.ended = true;
  if (terminal_ && input_.fd.valid()) {
    input_.waiting += endOfFileKey(input_.fd.get());
  }
  writeInput();
}

void ExecStream::writeInput() {
  bool open = true;
  const std::size_t written = writeWaiting(input_.fd, input_.waiting, open);
  input_.ended |= !open;
  port_.grantCredit(wire::kStdin, static_cast<std::uint32_t>(written));
  if (input_.ended && input_.waiting.empty() && !terminal_) {
    closeInput();
  }
}

void ExecStream::closeInput() {
  context_.loop.forget(input_.fd.get());
  input_.fd.reset();
}

void ExecStream::onControl(std::string_view payload) {
  const auto control = wire::decodeExecControl(payload);
  if (!control) {
    port_.reset(control.error());
    return;
  }
  switch (control->kind) {
    case wire::ExecControl::Kind::Resize:
      if (terminal_ && outputs_[0].open) {
        resizePty(outputs_[0].fd.get(), control->window);
      }
      return;
    case wire::ExecControl::Kind::Signal: {
      pid_t group = execution_->pid();
      if (terminal_ && outputs_[0].open) {
        group = foregroundGroup(outputs_[0].fd.get(), group);
      }
      execution_->signalGroup(group, control->signal);
      return;
    }
    case wire::ExecControl::Kind::Kill:
      execution_->kill(Execution::Reason::Killed);
      return;
  }
}

}  // namespace ak::guest
