#pragma once

#include <chrono>
#include <optional>

#include "channel/agent.h"
#include "channel/session.h"

namespace ak::channel {

// What an item of the guest means; Exit ends the stream. Protocol: not one of the three.
Result<ExecStream::Event> eventOf(Item item);

// ExecStream over a session's stream.
class SessionExec final : public ExecStream {
 public:
  // `patience`: how long it waits for the agent, all together; nothing: without end.
  SessionExec(StreamHandle stream,
              std::uint32_t pid,
              std::optional<std::chrono::milliseconds> patience)
      : stream_(std::move(stream)), pid_(pid), patience_(patience) {}

  std::uint32_t pid() const override { return pid_; }

  net::Task<Result<Event>> next() override;
  net::Task<Status> writeStdin(std::string_view data) override;
  net::Task<Status> closeStdin() override;
  net::Task<Status> control(const wire::ExecControl& control) override;

 private:
  net::Task<Result<Item>> receive();

  StreamHandle stream_;
  std::uint32_t pid_;
  std::optional<std::chrono::milliseconds> patience_;
  bool stdin_closed_ = false;
  bool exited_ = false;
};

}  // namespace ak::channel
