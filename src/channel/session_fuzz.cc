// Whatever a guest sends after its Hello: an exec and a ping end in a value or a typed Error.
#include <sys/socket.h>

#include "channel/agent.h"
#include "net/loop.h"
#include "sys/file.h"
#include "sys/unix_socket.h"
#include "wire/frame.h"

namespace {

using namespace ak;

net::Task<void> drive(net::Executor executor, sys::OwnedFd socket) {
  wire::SandboxRules rules;
  std::string key(wire::kKeySize, 'k');
  auto agent = co_await channel::openFirstSession(executor, std::move(socket), key, rules);
  if (!agent) {
    co_return;
  }
  wire::ExecRequest request;
  request.argv = {"true"};
  auto exec = co_await (*agent)->exec(request);
  while (exec) {
    const auto event = co_await (*exec)->next();
    if (!event || event->kind == channel::ExecStream::Event::Kind::Exit) {
      break;
    }
  }
  (void)co_await (*agent)->ping();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kFitsSocketBuffer = 64 * 1024;
  if (size > kFitsSocketBuffer) {
    return 0;
  }
  auto pair = sys::socketPair(sys::SocketKind::Stream);
  std::string bytes = wire::encodePreamble({std::string(wire::kNonceSize, 'g'), 1});
  wire::encodeFrame(bytes, wire::FrameType::Hello, 0, 0, wire::encodeGuestHello({}));
  bytes.append(reinterpret_cast<const char*>(data), size);
  if (!sys::writeAll(pair->second.get(), bytes)) {
    return 0;
  }
  ::shutdown(pair->second.get(), SHUT_WR);
  net::Loop loop;
  loop.runUntilDone(drive(loop.executor(), std::move(pair->first)));
  loop.run();
  return 0;
}
