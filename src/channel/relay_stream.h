#pragma once

#include "channel/agent.h"
#include "channel/session.h"

namespace ak::channel {

// Relay over a session's stream, once the agent has connected.
class SessionRelay final : public Relay {
 public:
  SessionRelay(StreamHandle stream, wire::RelayRequest::Protocol protocol)
      : stream_(std::move(stream)), protocol_(protocol) {}

  net::Task<Result<std::optional<std::string>>> next() override;
  net::Task<Status> write(std::string_view data) override;

  Status endWriting() override { return stream_.end(wire::kStdin); }

  net::Task<Status> finish(std::chrono::milliseconds limit) override;
  void abort() override;

 private:
  net::Task<Result<std::optional<std::string>>> nextBytes();

  StreamHandle stream_;
  const wire::RelayRequest::Protocol protocol_;
  wire::DatagramDecoder datagrams_;
};

}  // namespace ak::channel
