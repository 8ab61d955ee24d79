#pragma once

#include <list>
#include <memory>

#include "forward/forwarder.h"
#include "net/async_fd.h"
#include "net/task_group.h"

namespace ak::forward {

// What the connections of one forwarder share. Held by each of them while it lives.
struct Carrier {
  Carrier(net::Executor on, ForwardOptions with)
      : executor(on), options(std::move(with)), slots(on, kMaxOfSandbox, &options.all), tasks(on) {}

  net::Executor executor;
  ForwardOptions options;
  Slots slots;
  net::TaskGroup tasks;
  std::list<net::AsyncFd> sockets;  // of the host's ports; stay where they are
  bool told = false;                // in the log that the agent cannot do it
};

using CarrierPtr = std::shared_ptr<Carrier>;  // shared: see above

// A connection or flow: its place, and that the sandbox is in use meanwhile.
class Carried {
 public:
  Carried(CarrierPtr carrier, Slot slot) : carrier_(std::move(carrier)), slot_(std::move(slot)) {
    carrier_->options.begun();
  }

  ~Carried() { carrier_->options.over(); }

  Carried(const Carried&) = delete;
  Carried& operator=(const Carried&) = delete;

  // Connects to the sandbox's port.
  net::Task<std::unique_ptr<channel::Relay>> dial(wire::RelayRequest request);  // null: refused

 private:
  CarrierPtr carrier_;
  Slot slot_;
};

// Run until the sockets are closed.
net::Task<void> forwardTcp(CarrierPtr carrier, net::AsyncFd& listener, std::uint16_t port);
net::Task<void> forwardUdp(CarrierPtr carrier, net::AsyncFd& socket, std::uint16_t port);

}  // namespace ak::forward
