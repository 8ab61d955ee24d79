#pragma once

#include <string>

#include "guest/relay.h"
#include "wire/relay.h"

namespace ak::guest {

// Datagrams of one client of the host to a server in the sandbox, and its answers. The server sees
// a port of its own for each such stream. Holds one datagram each way; the kernel drops the rest.
class UdpRelay final : public CountedRelay, public EventHandler {
 public:
  static Result<std::unique_ptr<Stream>> open(const RelayContext& context, std::uint16_t port);
  ~UdpRelay() override;

  Piece produce(char* buffer, std::size_t size) override;
  void onData(std::uint8_t channel, std::string_view bytes) override;

  void onEnd(std::uint8_t) override {}

  void onEvents(std::uint32_t events) override;

 private:
  UdpRelay(const RelayContext& context, std::uint16_t number)
      : CountedRelay(context.open), loop_(context.loop), port_(context.port), number_(number) {}

  Status dial();
  void sendOne(std::string_view datagram);
  void receiveOne();
  void refused();

  EventLoop& loop_;
  StreamPort& port_;
  const std::uint16_t number_;
  sys::OwnedFd socket_;
  int which_ = 0;        // of the loopback addresses
  bool proven_ = false;  // it has answered: this is the right one
  std::string last_;     // sent, until it is proven
  wire::DatagramDecoder decoder_;
  std::string record_;  // on its way to the host
  std::size_t taken_ = 0;
  bool readable_ = false;
  bool over_ = false;
};

}  // namespace ak::guest
