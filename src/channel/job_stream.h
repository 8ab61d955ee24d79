#pragma once

#include "channel/agent.h"
#include "channel/session.h"

namespace ak::channel {

// JobStream over a session's stream.
class SessionJob final : public JobStream {
 public:
  SessionJob(StreamHandle stream, const wire::JobAttached& attached)
      : stream_(std::move(stream)), attached_(attached) {}

  std::uint32_t pid() const override { return attached_.pid; }

  const std::string& shell() const override { return attached_.shell; }

  const wire::JobOffsets& from() const override { return attached_.from; }

  net::Task<Result<ExecStream::Event>> next() override;
  Status acknowledge(const wire::JobOffsets& kept) override;

 private:
  StreamHandle stream_;
  wire::JobAttached attached_;
  bool exited_ = false;
};

// JobTerminal over a session's stream.
class SessionTerminal final : public JobTerminal {
 public:
  explicit SessionTerminal(StreamHandle stream) : stream_(std::move(stream)) {}

  net::Task<Status> write(std::string_view keys) override;
  Status endOfFile() override;
  Status control(const wire::ExecControl& control) override;

 private:
  StreamHandle stream_;
};

}  // namespace ak::channel
