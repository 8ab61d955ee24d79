// Whatever a guest sends to a host that connects to its ports: bytes, datagrams or a typed Error.
#include <sys/socket.h>

#include "channel/agent.h"
#include "net/loop.h"
#include "sys/file.h"
#include "sys/unix_socket.h"
#include "wire/frame.h"

namespace {

using namespace ak;

// The first byte chooses the protocol.
net::Task<void> drive(net::Executor executor, sys::OwnedFd socket, std::uint8_t choice) {
  wire::SandboxRules rules;
  std::string key(wire::kKeySize, 'k');
  auto agent = co_await channel::openFirstSession(executor, std::move(socket), key, rules);
  if (!agent) {
    co_return;
  }
  using Protocol = wire::RelayRequest::Protocol;
  const wire::RelayRequest request{choice % 2 == 0 ? Protocol::Tcp : Protocol::Udp, 80};
  auto relay = co_await (*agent)->relay(request);
  if (!relay) {
    co_return;
  }
  (void)co_await (*relay)->write("hello");
  for (;;) {
    const auto piece = co_await (*relay)->next();
    if (!piece || !*piece) {
      break;
    }
  }
  (void)(*relay)->endWriting();
  (void)co_await (*relay)->finish(std::chrono::milliseconds(0));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kFitsSocketBuffer = 64 * 1024;
  if (size == 0 || size > kFitsSocketBuffer) {
    return 0;
  }
  auto pair = sys::socketPair(sys::SocketKind::Stream);
  wire::GuestHello hello;
  hello.build = "x";
  hello.capabilities = {"relay"};
  std::string bytes = wire::encodePreamble({std::string(wire::kNonceSize, 'g'), 1});
  wire::encodeFrame(bytes, wire::FrameType::Hello, 0, 0, wire::encodeGuestHello(hello));
  bytes.append(reinterpret_cast<const char*>(data + 1), size - 1);
  if (!sys::writeAll(pair->second.get(), bytes)) {
    return 0;
  }
  ::shutdown(pair->second.get(), SHUT_WR);
  net::Loop loop;
  loop.runUntilDone(drive(loop.executor(), std::move(pair->first), data[0]));
  loop.run();
  return 0;
}
