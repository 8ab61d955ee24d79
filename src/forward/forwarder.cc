#include "forward/forwarder.h"

#include "base/text.h"
#include "forward/carrier.h"

namespace ak::forward {

net::Task<std::unique_ptr<channel::Relay>> Carried::dial(wire::RelayRequest request) {
  auto relay = co_await carrier_->options.agent->relay(request);
  if (relay) {
    co_return *std::move(relay);
  }
  // That nothing listens is the guest's affair, and told by the reset connection.
  if (relay.error().code != ErrorCode::Unavailable && !carrier_->told) {
    carrier_->told = true;
    carrier_->options.log.warning(
        "forward", cat("port ", request.port, " of sandbox ", carrier_->options.sandbox, ": ",
                       relay.error().message));
  }
  co_return nullptr;
}

Forwarder::Forwarder(net::Executor executor, ForwardOptions options, std::vector<HostPort> ports)
    : carrier_(std::make_shared<Carrier>(executor, std::move(options))) {
  for (HostPort& port : ports) {
    net::AsyncFd& socket = carrier_->sockets.emplace_back(executor, std::move(port.socket));
    const std::uint16_t container = port.mapping.container;
    carrier_->tasks.spawn(port.mapping.protocol == model::PortProtocol::Tcp
                              ? forwardTcp(carrier_, socket, container)
                              : forwardUdp(carrier_, socket, container));
  }
}

Forwarder::~Forwarder() {
  close();
}

void Forwarder::close() {
  for (net::AsyncFd& socket : carrier_->sockets) {
    socket.close();
  }
  carrier_->tasks.cancel();
}

net::Task<void> Forwarder::ended() {
  const CarrierPtr carrier = carrier_;
  co_await carrier->tasks.join();
}

std::size_t Forwarder::connections() const {
  return carrier_->slots.used();
}

}  // namespace ak::forward
