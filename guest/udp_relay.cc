#include "guest/udp_relay.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/text.h"

namespace ak::guest {

namespace {

// One for all relays: there is one thread, and nothing keeps a view into it.
std::array<char, 65'536> datagram_buffer;

}  // namespace

Result<std::unique_ptr<Stream>> UdpRelay::open(const RelayContext& context, std::uint16_t port) {
  std::unique_ptr<UdpRelay> relay(new UdpRelay(context, port));
  AK_TRY(relay->dial());
  context.port.reply({});
  return relay;
}

UdpRelay::~UdpRelay() {
  loop_.forget(socket_.get());
}

Status UdpRelay::dial() {
  Dialled dialled = dialLoopback(which_, SOCK_DGRAM, number_);
  if (dialled.error != 0) {
    return failErrno(dialled.error, cat("connect to port ", number_, "/udp of the sandbox"));
  }
  loop_.forget(socket_.get());
  socket_ = std::move(dialled.socket);
  return loop_.watch(socket_.get(), EPOLLIN, *this);
}

void UdpRelay::onEvents(std::uint32_t) {
  readable_ = true;
  port_.ready();
}

void UdpRelay::onData(std::uint8_t, std::string_view bytes) {
  if (over_) {
    return;
  }
  decoder_.feed(bytes);
  for (;;) {
    const auto datagram = decoder_.next();
    if (!datagram) {
      over_ = true;
      port_.reset(datagram.error());
      return;
    }
    if (!*datagram) {
      break;
    }
    sendOne(**datagram);
    if (over_) {
      return;
    }
  }
  port_.grantCredit(wire::kStdin, static_cast<std::uint32_t>(bytes.size()));
}

void UdpRelay::sendOne(std::string_view datagram) {
  if (!proven_) {
    last_ = datagram;
  }
  const ssize_t sent =
      ::send(socket_.get(), datagram.data(), datagram.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent < 0 && errno == ECONNREFUSED) {
    refused();  // an earlier one; this one was not sent
  }
}

// Nobody has the port on this address (ICMP): the last datagram goes to the other one. Where nobody
// has it either, the host learns it, and its client's next datagram begins anew.
void UdpRelay::refused() {
  if (!proven_ && ++which_ < kLoopbackAddresses && dial()) {
    (void)::send(socket_.get(), last_.data(), last_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    return;
  }
  over_ = true;
  port_.reset(Error::make(ErrorCode::Unavailable,
                          cat("nothing listens on port ", number_, "/udp of the sandbox"),
                          "Start its server; it must listen on 127.0.0.1, 0.0.0.0, ::1 or ::."));
}

void UdpRelay::receiveOne() {
  const ssize_t got =
      ::recv(socket_.get(), datagram_buffer.data(), datagram_buffer.size(), MSG_DONTWAIT);
  if (got >= 0) {
    proven_ = true;
    last_.clear();
    record_.clear();
    taken_ = 0;
    wire::encodeDatagram(record_, {datagram_buffer.data(), static_cast<std::size_t>(got)});
  } else if (errno == ECONNREFUSED) {
    refused();
  } else if (errno != EINTR) {
    readable_ = false;
  }
}

Stream::Piece UdpRelay::produce(char* buffer, std::size_t size) {
  while (taken_ == record_.size() && readable_ && !over_) {
    receiveOne();
  }
  const std::size_t piece = std::min(
      {size, record_.size() - taken_, static_cast<std::size_t>(port_.credit(wire::kStdout))});
  if (over_ || piece == 0) {
    return {};
  }
  std::memcpy(buffer, record_.data() + taken_, piece);
  taken_ += piece;
  return {piece, wire::kStdout};
}

}  // namespace ak::guest
