#pragma once

#include <string>

#include "guest/relay.h"

namespace ak::guest {

// One TCP connection to a server in the sandbox. What the server does not take waits here, at most
// one window of credit; what the host does not take stays in the kernel.
class TcpRelay final : public CountedRelay, public EventHandler {
 public:
  static Result<std::unique_ptr<Stream>> open(const RelayContext& context, std::uint16_t port);
  // Breaks a connection that is not over (RST): half of what was sent must not look like all.
  ~TcpRelay() override;

  Piece produce(char* buffer, std::size_t size) override;
  void onData(std::uint8_t channel, std::string_view bytes) override;
  void onEnd(std::uint8_t channel) override;
  void onEvents(std::uint32_t events) override;

 private:
  TcpRelay(const RelayContext& context, std::uint16_t number)
      : CountedRelay(context.open), loop_(context.loop), port_(context.port), number_(number) {}

  Status dial();
  Status dialNext(int error);
  void connected();
  void finishConnect();
  void disconnect();
  void write(std::string_view bytes);
  void flush();
  void dropInput();
  void finishInput();
  void finishIfDone();
  void giveUp(const Error& why);

  EventLoop& loop_;
  StreamPort& port_;
  const std::uint16_t number_;
  sys::OwnedFd socket_;
  int which_ = 0;  // of the loopback addresses
  EventLoop::TimerId patience_ = 0;
  std::string waiting_;  // for the server to take
  bool connected_ = false;
  bool readable_ = false;
  bool input_ended_ = false;   // the host has said so
  bool input_done_ = false;    // and the server knows, or takes no more
  bool output_ended_ = false;  // the server has said so, and the host knows
  bool over_ = false;          // closed or reset: nothing more is said
};

}  // namespace ak::guest
