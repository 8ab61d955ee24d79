#pragma once

#include "channel/agent.h"
#include "channel/session.h"

namespace ak::channel {

// ExecStream over a session's stream.
class SessionExec final : public ExecStream {
 public:
  SessionExec(StreamHandle stream, std::uint32_t pid) : stream_(std::move(stream)), pid_(pid) {}

  std::uint32_t pid() const override { return pid_; }

  net::Task<Result<Event>> next() override;
  net::Task<Status> writeStdin(std::string_view data) override;
  net::Task<Status> closeStdin() override;
  net::Task<Status> control(const wire::ExecControl& control) override;

 private:
  StreamHandle stream_;
  std::uint32_t pid_;
  bool stdin_closed_ = false;
  bool exited_ = false;
};

}  // namespace ak::channel
