#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>
#include <map>
#include <span>

#include "base/clock.h"
#include "forward/carrier.h"
#include "net/event.h"
#include "net/loop.h"

namespace ak::forward {

namespace {

// Of one client, while the sandbox takes none; what comes on top is dropped.
constexpr std::size_t kMaxWaiting = 256 * 1024;
constexpr int kReceiveBatch = 32;  // per turn of the loop

// What one client sends and gets. Held by its table and by both of its directions.
struct Flow {
  Flow(net::Executor executor, std::string address)
      : peer(std::move(address)), changed(std::move(executor)) {}

  std::string peer;                       // a sockaddr
  std::unique_ptr<channel::Relay> relay;  // once it is there
  std::deque<std::string> waiting;
  std::size_t waiting_bytes = 0;
  net::Event changed;  // something waits
  SteadyTime last = std::chrono::steady_clock::now();
};

using FlowPtr = std::shared_ptr<Flow>;  // shared: see above

// The flows of one port. Held by all that carry them.
struct Table {
  CarrierPtr carrier;
  net::AsyncFd& socket;  // the carrier's
  std::uint16_t port;
  std::map<std::string, FlowPtr> flows;
  bool sweeping = false;
};

using TablePtr = std::shared_ptr<Table>;  // shared: see above

net::Task<void> carryUp(FlowPtr flow) {
  for (;;) {
    while (flow->waiting.empty()) {
      co_await flow->changed.wait();
    }
    const std::string datagram = std::move(flow->waiting.front());
    flow->waiting.pop_front();
    flow->waiting_bytes -= datagram.size();
    if (const Status sent = co_await flow->relay->write(datagram); !sent) {
      co_return;  // the other direction finds the same end
    }
  }
}

net::Task<void> carry(TablePtr table, FlowPtr flow, Slot slot) {
  struct Leave {
    Table& table;
    const FlowPtr& flow;

    ~Leave() { table.flows.erase(flow->peer); }
  };

  const CarrierPtr carrier = table->carrier;
  Carried carried(carrier, std::move(slot));
  const Leave leave{*table, flow};
  const wire::RelayRequest request{wire::RelayRequest::Protocol::Udp, table->port};
  flow->relay = co_await carried.dial(request);
  if (!flow->relay) {
    co_return;
  }
  net::TaskGroup upward(carrier->executor);
  upward.spawn(carryUp(flow));
  for (;;) {
    const auto next = co_await flow->relay->next();
    if (!next || !*next) {
      break;
    }
    flow->last = std::chrono::steady_clock::now();
    // What the kernel does not take is lost, as datagrams may be.
    (void)::sendto(table->socket.get(), (*next)->data(), (*next)->size(),
                   MSG_DONTWAIT | MSG_NOSIGNAL,
                   reinterpret_cast<const sockaddr*>(flow->peer.data()),
                   static_cast<socklen_t>(flow->peer.size()));
  }
  upward.cancel();
  co_await upward.join();
}

// Ends what nobody has used for so long, as long as there is any.
net::Task<void> sweep(TablePtr table) {
  const std::chrono::milliseconds idle = table->carrier->options.udp_idle;
  while (!table->flows.empty()) {
    co_await net::sleepFor(idle / 4);
    const SteadyTime now = std::chrono::steady_clock::now();
    for (const auto& [peer, flow] : table->flows) {
      if (flow->relay && now - flow->last > idle) {
        flow->relay->abort();
      }
    }
  }
  table->sweeping = false;
}

// Makes room for another client.
void endLongestIdle(const Table& table) {
  const auto oldest = std::ranges::min_element(table.flows, {}, [](const auto& entry) {
    return entry.second->relay ? entry.second->last : SteadyTime::max();
  });
  if (oldest != table.flows.end() && oldest->second->relay) {
    oldest->second->relay->abort();
  }
}

// Null when there is no place: the datagram is dropped.
FlowPtr flowOf(const TablePtr& table, std::string peer) {
  const auto found = table->flows.find(peer);
  if (found != table->flows.end()) {
    return found->second;
  }
  std::optional<Slot> slot = table->carrier->slots.take();
  if (!slot) {
    endLongestIdle(*table);
    return nullptr;
  }
  const net::Executor& executor = table->carrier->executor;
  auto flow = std::make_shared<Flow>(executor, peer);
  table->flows[std::move(peer)] = flow;
  table->carrier->tasks.spawn(carry(table, flow, *std::move(slot)));
  if (!table->sweeping) {
    table->sweeping = true;
    table->carrier->tasks.spawn(sweep(table));
  }
  return flow;
}

// False when nothing more is there.
bool receiveOne(const TablePtr& table, std::span<char> buffer) {
  sockaddr_storage from{};
  socklen_t size = sizeof from;
  const ssize_t got = ::recvfrom(table->socket.get(), buffer.data(), buffer.size(), MSG_DONTWAIT,
                                 reinterpret_cast<sockaddr*>(&from), &size);
  if (got < 0) {
    return errno != EAGAIN;  // else an error of something sent before: the next may be good
  }
  const FlowPtr flow = flowOf(table, std::string(reinterpret_cast<const char*>(&from), size));
  const auto length = static_cast<std::size_t>(got);
  if (flow && length <= wire::kMaxDatagram && flow->waiting_bytes + length <= kMaxWaiting &&
      flow->waiting.size() < kMaxWaiting / 1024) {
    flow->last = std::chrono::steady_clock::now();
    flow->waiting.emplace_back(buffer.data(), length);
    flow->waiting_bytes += length;
    flow->changed.notifyAll();
  }
  return true;
}

}  // namespace

net::Task<void> forwardUdp(CarrierPtr carrier, net::AsyncFd& socket, std::uint16_t port) {
  const auto table = std::make_shared<Table>(Table{carrier, socket, port, {}, false});
  std::string buffer(65'536, '\0');
  for (;;) {
    co_await socket.readable();
    for (int i = 0; i < kReceiveBatch && receiveOne(table, buffer); ++i) {
    }
    co_await net::yield();
  }
}

}  // namespace ak::forward
