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

  const wire::JobOffsets& from() const override { return attached_.from; }

  net::Task<Result<ExecStream::Event>> next() override;
  Status acknowledge(const wire::JobOffsets& kept) override;

 private:
  StreamHandle stream_;
  wire::JobAttached attached_;
  bool exited_ = false;
};

}  // namespace ak::channel
