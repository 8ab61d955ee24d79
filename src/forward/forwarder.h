#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <vector>

#include "channel/agent.h"
#include "forward/host_port.h"
#include "forward/slots.h"
#include "net/task.h"
#include "observe/log.h"

namespace ak::forward {

struct Carrier;

inline constexpr std::size_t kMaxOfSandbox = wire::kMaxRelays;
inline constexpr std::size_t kMaxOfDaemon = 1024;

struct ForwardOptions {
  std::shared_ptr<channel::Agent> agent;  // shared with the sandbox
  std::string sandbox;                    // its name, for the log
  const observe::Log& log;
  Slots& all;  // of the daemon; with log outlives ended()
  // Around each connection and flow; called until ended() has returned.
  std::function<void()> begun;
  std::function<void()> over;
  std::chrono::milliseconds udp_idle{120'000};
};

// Carries what comes to bound ports into one running sandbox, from its making to close(). All on
// the loop.
class Forwarder {
 public:
  Forwarder(net::Executor executor, ForwardOptions options, std::vector<HostPort> ports);
  ~Forwarder();
  Forwarder(const Forwarder&) = delete;
  Forwarder& operator=(const Forwarder&) = delete;

  // The ports are free when this returns. Connections are broken.
  void close();
  // After close(): until nothing of it runs any more.
  net::Task<void> ended();

  std::size_t connections() const;

 private:
  std::shared_ptr<Carrier> carrier_;  // shared with what it carries
};

}  // namespace ak::forward
