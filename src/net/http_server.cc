#include "net/http_server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>

#include "net/async_fd.h"
#include "net/http_connection.h"
#include "net/loop.h"

namespace ak::net {
namespace {

// Accepted per turn of the loop, so that a flood of connections does not starve those that exist.
constexpr int kAcceptBatch = 32;

constexpr std::string_view kBusy =
    "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

}  // namespace

HttpServer::HttpServer(Executor executor, HttpHandler& handler, HttpOptions options)
    : executor_(executor),
      handler_(handler),
      options_(std::move(options)),
      acceptors_(executor),
      tasks_(executor) {}

HttpServer::~HttpServer() = default;

void HttpServer::listen(sys::OwnedFd listener, SocketFamily family) {
  acceptors_.spawn(acceptLoop(std::move(listener), family));
}

Task<void> HttpServer::acceptLoop(sys::OwnedFd listener, SocketFamily family) {
  AsyncFd waiting(executor_, std::move(listener));
  while (true) {
    co_await waiting.readable();
    for (int i = 0; i < kAcceptBatch; ++i) {
      sys::OwnedFd socket(::accept4(waiting.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (socket.valid()) {
        serve(std::move(socket), family);
        continue;
      }
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        // The connection stays in the backlog and the listener readable: wait for others to end.
        co_await sleepFor(std::chrono::milliseconds(50));
      }
      break;
    }
    co_await yield();
  }
}

bool HttpServer::makeRoom() {
  if (connections_.size() < options_.connections) {
    return true;
  }
  std::shared_ptr<HttpConnection> oldest;
  for (const auto& connection : connections_) {
    if (connection->idle() && (!oldest || connection->idleSince() < oldest->idleSince())) {
      oldest = connection;
    }
  }
  if (!oldest) {
    return false;
  }
  oldest->retire();
  // It still counts until its coroutine has ended; a little over the limit is harmless.
  return connections_.size() < options_.connections + kAcceptBatch;
}

void HttpServer::serve(sys::OwnedFd socket, SocketFamily family) {
  if (!makeRoom()) {
    // Best effort: the client sees the reason or just the end.
    (void)::send(socket.get(), kBusy.data(), kBusy.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    return;
  }
  if (family == SocketFamily::Tcp) {
    const int on = 1;
    (void)::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  auto connection =
      std::make_shared<HttpConnection>(executor_, std::move(socket), family, handler_, options_);
  connections_.push_back(connection);
  tasks_.spawn(runConnection(std::move(connection)));
  if (!ticking_) {
    ticking_ = true;
    acceptors_.spawn(tick());
  }
}

Task<void> HttpServer::runConnection(std::shared_ptr<HttpConnection> connection) {
  struct Leave {
    std::list<std::shared_ptr<HttpConnection>>& list;
    const std::shared_ptr<HttpConnection>& self;

    ~Leave() { list.remove(self); }
  };

  const Leave leave{connections_, connection};
  std::exception_ptr stopped;
  try {
    co_await connection->run();
  } catch (const boost::system::system_error&) {
    stopped = std::current_exception();
  }
  // The connection's own tasks refer to it: they end first, even when this one was cancelled.
  co_await boost::asio::this_coro::reset_cancellation_state(boost::asio::disable_cancellation());
  co_await connection->close();
  if (stopped) {
    std::rethrow_exception(stopped);
  }
}

Task<void> HttpServer::tick() {
  while (!connections_.empty()) {
    co_await sleepFor(options_.tick);
    const SteadyTime now = std::chrono::steady_clock::now();
    for (const auto& connection : connections_) {
      connection->checkDeadline(now);
    }
  }
  ticking_ = false;
}

Task<void> HttpServer::shutdown(std::chrono::milliseconds grace) {
  acceptors_.cancel();
  for (const auto& connection : connections_) {
    connection->retire();
  }
  const SteadyTime end = std::chrono::steady_clock::now() + grace;
  while (!connections_.empty() && std::chrono::steady_clock::now() < end) {
    co_await sleepFor(std::min<std::chrono::nanoseconds>(std::chrono::milliseconds(10), grace));
  }
  tasks_.cancel();
  co_await tasks_.join();
  co_await acceptors_.join();
}

}  // namespace ak::net
