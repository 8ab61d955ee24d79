#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <thread>

#include "sys/owned_fd.h"

// For tests: blocking sockets of the loopback, every wait with an end.
namespace ak::forward::testing {

inline constexpr int kPatienceMs = 20'000;

inline sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

inline bool await(int fd, short events = POLLIN) {
  pollfd slot{fd, events, 0};
  return ::poll(&slot, 1, kPatienceMs) == 1;
}

// Not valid when nobody listens.
inline sys::OwnedFd dial(std::uint16_t port, int type = SOCK_STREAM) {
  sys::OwnedFd socket(::socket(AF_INET, type | SOCK_CLOEXEC, 0));
  const sockaddr_in address = loopback(port);
  const auto* where = reinterpret_cast<const sockaddr*>(&address);
  if (::connect(socket.get(), where, sizeof address) != 0) {
    socket.reset();
  }
  return socket;
}

inline bool send(const sys::OwnedFd& socket, std::string_view text) {
  return ::send(socket.get(), text.data(), text.size(), MSG_NOSIGNAL) ==
         static_cast<ssize_t>(text.size());
}

struct Read {
  std::string text;
  int error = 0;  // 0: its end
};

// One piece; ETIMEDOUT when nothing comes.
inline Read readSome(const sys::OwnedFd& socket) {
  Read read{std::string(65'536, '\0'), ETIMEDOUT};
  const ssize_t got =
      await(socket.get()) ? ::recv(socket.get(), read.text.data(), read.text.size(), 0) : -2;
  read.error = got >= 0 ? 0 : got == -1 ? errno : ETIMEDOUT;
  read.text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return read;
}

inline Read readAll(const sys::OwnedFd& socket) {
  Read all;
  for (;;) {
    Read more = readSome(socket);
    if (more.error != 0 || more.text.empty()) {
      all.error = more.error;
      return all;
    }
    all.text += more.text;
  }
}

// A listening or bound socket at a port of the loopback.
class Server {
 public:
  explicit Server(int type, std::uint16_t port = 0)
      : socket_(::socket(AF_INET, type | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = loopback(port);
    socklen_t size = sizeof address;
    auto* where = reinterpret_cast<sockaddr*>(&address);
    if (::bind(socket_.get(), where, size) != 0 ||
        (type == SOCK_STREAM && ::listen(socket_.get(), 512) != 0) ||
        ::getsockname(socket_.get(), where, &size) != 0) {
      throw std::runtime_error("listen");
    }
    port_ = ntohs(address.sin_port);
  }

  std::uint16_t port() const { return port_; }

  const sys::OwnedFd& socket() const { return socket_; }

  sys::OwnedFd accept() const {
    return sys::OwnedFd(
        await(socket_.get()) ? ::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC) : -1);
  }

  void close() { socket_.reset(); }

 private:
  sys::OwnedFd socket_;
  std::uint16_t port_ = 0;
};

}  // namespace ak::forward::testing
