#include "guest/tcp_relay.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "base/text.h"

namespace ak::guest {

namespace {

// A server whose backlog is full answers nothing; the kernel asks it again after 1, 3 and 7 s.
constexpr std::chrono::milliseconds kConnectTime{10'000};

}  // namespace

Result<std::unique_ptr<Stream>> TcpRelay::open(const RelayContext& context, std::uint16_t port) {
  std::unique_ptr<TcpRelay> relay(new TcpRelay(context, port));
  AK_TRY(relay->dial());
  return relay;
}

TcpRelay::~TcpRelay() {
  loop_.cancel(patience_);
  if (socket_.valid() && connected_) {
    const linger now{1, 0};
    (void)::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  }
  disconnect();
}

void TcpRelay::disconnect() {
  loop_.forget(socket_.get());
  socket_.reset();
}

Status TcpRelay::dial() {
  Dialled dialled = dialLoopback(which_, SOCK_STREAM, number_);
  if (dialled.error != 0 && dialled.error != EINPROGRESS) {
    return dialNext(dialled.error);
  }
  socket_ = std::move(dialled.socket);
  AK_TRY(loop_.watch(socket_.get(), EPOLLIN | EPOLLOUT | EPOLLRDHUP, *this));
  if (dialled.error == 0) {
    connected();
  } else if (patience_ == 0) {
    patience_ = loop_.after(kConnectTime, [this] {
      giveUp(Error::make(ErrorCode::Timeout,
                         cat("port ", number_, " of the sandbox accepts no connection")));
    });
  }
  return {};
}

// What listens may do so on the other address only; which of the two refused tells nobody anything.
Status TcpRelay::dialNext(int error) {
  disconnect();
  if (++which_ < kLoopbackAddresses) {
    return dial();
  }
  if (error == ECONNREFUSED || error == EADDRNOTAVAIL || error == EAFNOSUPPORT) {
    return fail(ErrorCode::Unavailable, cat("nothing listens on port ", number_, " of the sandbox"),
                "Start its server; it must listen on 127.0.0.1, 0.0.0.0, ::1 or ::.");
  }
  return failErrno(error, cat("connect to port ", number_, " of the sandbox"));
}

void TcpRelay::connected() {
  loop_.cancel(patience_);
  connected_ = true;
  const int on = 1;
  (void)::setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  port_.reply({});
  flush();  // the host need not have waited for the answer
}

void TcpRelay::finishConnect() {
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) {
    error = errno;
  }
  if (error == 0) {
    connected();
  } else if (const Status dialled = dialNext(error); !dialled) {
    giveUp(dialled.error());
  }
}

void TcpRelay::onEvents(std::uint32_t events) {
  if (over_) {
    return;
  }
  if (!connected_) {
    finishConnect();
    if (!connected_) {
      return;
    }
  }
  if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) {
    readable_ = true;
    port_.ready();
  }
  if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) {
    flush();
  }
}

Stream::Piece TcpRelay::produce(char* buffer, std::size_t size) {
  while (readable_ && !output_ended_ && !over_) {
    const std::size_t room = std::min<std::size_t>(size, port_.credit(wire::kStdout));
    if (room == 0) {
      return {};  // more credit calls us again
    }
    const ssize_t got = ::recv(socket_.get(), buffer, room, MSG_DONTWAIT);
    if (got > 0) {
      return {static_cast<std::size_t>(got), wire::kStdout};
    }
    if (got == 0) {
      output_ended_ = true;
      port_.end(wire::kStdout);
      finishIfDone();
    } else if (errno == EAGAIN) {
      readable_ = false;
    } else if (errno != EINTR) {
      giveUp(Error::make(ErrorCode::Unavailable, "the sandbox's side broke the connection"));
    }
  }
  return {};
}

void TcpRelay::onData(std::uint8_t, std::string_view bytes) {
  if (input_done_ || over_) {
    dropInput();
    port_.grantCredit(wire::kStdin, static_cast<std::uint32_t>(bytes.size()));
    return;
  }
  if (connected_ && waiting_.empty()) {
    write(bytes);  // most of it never waits
  } else {
    waiting_ += bytes;
  }
}

// Sends what the server takes now and keeps the rest.
void TcpRelay::write(std::string_view bytes) {
  std::size_t written = 0;
  while (written < bytes.size()) {
    const ssize_t sent = ::send(socket_.get(), bytes.data() + written, bytes.size() - written,
                                MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent >= 0) {
      written += static_cast<std::size_t>(sent);
    } else if (errno == EAGAIN) {
      break;
    } else if (errno != EINTR) {
      // It reads no more. What it said before that, the reading side still finds, and its end.
      port_.grantCredit(wire::kStdin, static_cast<std::uint32_t>(bytes.size()));
      input_done_ = true;
      dropInput();
      readable_ = true;
      port_.ready();
      finishIfDone();
      return;
    }
  }
  port_.grantCredit(wire::kStdin, static_cast<std::uint32_t>(written));
  if (waiting_.empty()) {
    waiting_ = bytes.substr(written);
  } else {
    waiting_.erase(0, written);  // `bytes` was all of it
  }
}

void TcpRelay::dropInput() {
  waiting_.clear();
  waiting_.shrink_to_fit();
}

void TcpRelay::flush() {
  if (!waiting_.empty()) {
    write(waiting_);
    if (waiting_.empty()) {
      dropInput();
    }
  }
  finishInput();
}

void TcpRelay::onEnd(std::uint8_t) {
  input_ended_ = true;
  finishInput();
}

void TcpRelay::finishInput() {
  if (!connected_ || !input_ended_ || input_done_ || over_ || !waiting_.empty()) {
    return;
  }
  input_done_ = true;
  (void)::shutdown(socket_.get(), SHUT_WR);  // of a peer that is gone: reading tells
  finishIfDone();
}

void TcpRelay::finishIfDone() {
  if (input_done_ && output_ended_ && !over_) {
    over_ = true;
    disconnect();
    port_.close();
  }
}

void TcpRelay::giveUp(const Error& why) {
  if (!over_) {
    over_ = true;
    port_.reset(why);
  }
}

}  // namespace ak::guest
