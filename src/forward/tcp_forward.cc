#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>

#include "forward/carrier.h"
#include "net/event.h"
#include "net/loop.h"

namespace ak::forward {

namespace {

// Per turn of the loop, so that a flood of connections does not starve those that exist.
constexpr int kAcceptBatch = 32;
// Out of descriptors: the connection waits in the backlog for others to end.
constexpr std::chrono::milliseconds kNoDescriptors{50};
// When client and guest have both ended: for what the guest has not read yet.
constexpr std::chrono::seconds kLastBytes{60};

// A reader starts small, since most connections are idle most of the time.
constexpr std::size_t kSmallRead = std::size_t{4} * 1024;
constexpr std::size_t kLargeRead = std::size_t{64} * 1024;

// Break: closing sends RST, also when this process is killed, since what was cut off must not look
// like the whole. Finish: what was sent is delivered, and then the end.
enum class AtClose : std::uint8_t { Break, Finish };

void setAtClose(int socket, AtClose at_close) {
  const linger how{at_close == AtClose::Break ? 1 : 0, 0};
  (void)::setsockopt(socket, SOL_SOCKET, SO_LINGER, &how, sizeof how);
}

void prepare(int socket) {
  const int on = 1;
  (void)::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  // A client that went without a word (a LAN that is unplugged) is noticed within two minutes.
  const int idle = 60;
  const int interval = 15;
  const int count = 4;
  (void)::setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  (void)::setsockopt(socket, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
  (void)::setsockopt(socket, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
  (void)::setsockopt(socket, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
  setAtClose(socket, AtClose::Break);
}

// One client. Held by both of its directions.
struct Connection {
  Connection(net::Executor executor, sys::OwnedFd socket)
      : client(executor, std::move(socket)), changed(std::move(executor)) {}

  net::AsyncFd client;
  std::unique_ptr<channel::Relay> relay;
  enum class Upward { Open, Ended, GuestGone, ClientGone } upward = Upward::Open;
  net::Event changed;  // upward has changed
};

using ConnectionPtr = std::shared_ptr<Connection>;  // shared: see above

// Client to guest, until the client ends. Breaks the relay when the client is gone, which ends the
// other direction too.
net::Task<void> carryUp(ConnectionPtr connection) {
  const auto become = [&connection](Connection::Upward upward) {
    connection->upward = upward;
    connection->changed.notifyAll();
  };
  std::string buffer(kSmallRead, '\0');
  for (;;) {
    const ssize_t got =
        ::recv(connection->client.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (got > 0) {
      const auto size = static_cast<std::size_t>(got);
      const Status sent =
          co_await connection->relay->write(std::string_view(buffer).substr(0, size));
      if (!sent) {
        become(Connection::Upward::GuestGone);
        co_return;
      }
      if (size == buffer.size() && size < kLargeRead) {
        buffer.resize(kLargeRead);
      }
    } else if (got == 0) {
      break;
    } else if (errno == EAGAIN) {
      if (buffer.size() > kSmallRead) {
        buffer.resize(kSmallRead);
        buffer.shrink_to_fit();
      }
      co_await connection->client.readable();
    } else if (errno != EINTR) {
      connection->relay->abort();
      become(Connection::Upward::ClientGone);
      co_return;
    }
  }
  const Status ended = connection->relay->endWriting();
  become(ended ? Connection::Upward::Ended : Connection::Upward::GuestGone);
  // It may only have closed its sending side. If it is gone altogether, this tells (keep-alive).
  co_await connection->client.broken();
  connection->relay->abort();
}

net::Task<Status> sendAll(net::AsyncFd& client, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent =
        ::send(client.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      co_await client.writable();
    } else if (errno != EINTR) {
      co_return failErrno("send to the client");
    }
  }
  co_return Status();
}

// Guest to client, until the guest ends in order; an Error when either is gone before that.
net::Task<Status> carryDown(Connection& connection) {
  for (;;) {
    auto next = co_await connection.relay->next();
    const auto piece = AK_CO_TRY(std::move(next));
    if (!piece) {
      (void)::shutdown(connection.client.get(), SHUT_WR);  // of a client that is gone: the other
                                                           // direction tells
      co_return Status();
    }
    const Status sent = co_await sendAll(connection.client, *piece);
    AK_CO_TRY(sent);
  }
}

net::Task<void> carry(CarrierPtr carrier, sys::OwnedFd socket, std::uint16_t port, Slot slot) {
  Carried carried(carrier, std::move(slot));
  const auto connection = std::make_shared<Connection>(carrier->executor, std::move(socket));
  const wire::RelayRequest request{wire::RelayRequest::Protocol::Tcp, port};
  connection->relay = co_await carried.dial(request);
  if (!connection->relay) {
    co_return;
  }
  net::TaskGroup upward(carrier->executor);
  upward.spawn(carryUp(connection));
  const Status down = co_await carryDown(*connection);
  while (down && connection->upward == Connection::Upward::Open) {
    co_await connection->changed.wait();
  }
  upward.cancel();
  co_await upward.join();
  if (!down || connection->upward == Connection::Upward::ClientGone) {
    co_return;
  }
  if (connection->upward == Connection::Upward::GuestGone) {
    setAtClose(connection->client.get(), AtClose::Finish);  // it has all that the guest said
  } else if (co_await connection->relay->finish(kLastBytes)) {
    setAtClose(connection->client.get(), AtClose::Finish);
  }
}

}  // namespace

net::Task<void> forwardTcp(CarrierPtr carrier, net::AsyncFd& listener, std::uint16_t port) {
  for (;;) {
    co_await listener.readable();
    for (int i = 0; i < kAcceptBatch; ++i) {
      while (!carrier->slots.free()) {
        co_await carrier->slots.freed();
      }
      std::optional<Slot> slot = carrier->slots.take();
      sys::OwnedFd socket(
          ::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (!socket.valid()) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
          slot.reset();
          co_await net::sleepFor(kNoDescriptors);
        }
        break;
      }
      prepare(socket.get());
      carrier->tasks.spawn(carry(carrier, std::move(socket), port, *std::move(slot)));
    }
    co_await net::yield();
  }
}

}  // namespace ak::forward
