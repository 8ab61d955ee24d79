#include "guest/job_terminal.h"

#include "guest/pipe.h"
#include "guest/pty.h"
#include "wire/exec.h"

namespace ak::guest {

Result<std::unique_ptr<Stream>> JobTerminalStream::open(Job& job, StreamPort& port) {
  std::unique_ptr<JobTerminalStream> stream(new JobTerminalStream(job, port));
  const Status joined = job.joinTypists(*stream);
  if (!joined) {
    stream->job_ = nullptr;
    return std::unexpected(joined.error());
  }
  port.reply({});
  return stream;
}

JobTerminalStream::~JobTerminalStream() {
  if (job_ != nullptr) {
    job_->leaveTypists(*this);
  }
}

void JobTerminalStream::onData(std::uint8_t channel, std::string_view bytes) {
  if (job_ == nullptr) {
    port_.grantCredit(channel, static_cast<std::uint32_t>(bytes.size()));
    return;
  }
  waiting_ += bytes;
  write();
}

void JobTerminalStream::onEnd(std::uint8_t) {
  end_key_waits_ = true;
  write();
}

void JobTerminalStream::write() {
  if (job_ == nullptr) {
    return;
  }
  bool open = true;
  const std::size_t written = writeWaiting(job_->terminal(), waiting_, open);
  port_.grantCredit(wire::kStdin, static_cast<std::uint32_t>(written));
  if (end_key_waits_ && waiting_.empty()) {
    std::string key(1, endOfFileKey(job_->terminal().get()));
    writeWaiting(job_->terminal(), key, open);
    end_key_waits_ = !key.empty();
  }
}

void JobTerminalStream::onControl(std::string_view payload) {
  const auto control = wire::decodeExecControl(payload);
  if (!control) {
    port_.reset(control.error());
    return;
  }
  if (job_ == nullptr) {
    return;
  }
  switch (control->kind) {
    case wire::ExecControl::Kind::Resize:
      resizePty(job_->terminal().get(), control->window);
      return;
    case wire::ExecControl::Kind::Signal:
      job_->signalForeground(control->signal);
      return;
    case wire::ExecControl::Kind::Kill:
      port_.reset(Error::make(ErrorCode::InvalidArgument, "who types on a job does not end it"));
      return;
  }
}

void JobTerminalStream::onTerminalGone() {
  job_ = nullptr;
  waiting_.clear();
  port_.close();
}

}  // namespace ak::guest
