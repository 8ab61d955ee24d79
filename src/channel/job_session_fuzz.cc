// Whatever a guest sends to a host that starts, attaches to or lists jobs: a value or a typed
// Error.
#include <sys/socket.h>

#include "channel/agent.h"
#include "net/loop.h"
#include "sys/file.h"
#include "sys/unix_socket.h"
#include "wire/frame.h"

namespace {

using namespace ak;

net::Task<void> drain(std::unique_ptr<channel::JobStream> job) {
  wire::JobOffsets kept = job->from();
  for (;;) {
    const auto event = co_await job->next();
    if (!event || event->kind == channel::ExecStream::Event::Kind::Exit) {
      co_return;
    }
    kept.out += event->data.size();
    (void)job->acknowledge(kept);
  }
}

// The first byte chooses what the host asks.
net::Task<void> drive(net::Executor executor, sys::OwnedFd socket, std::uint8_t choice) {
  wire::SandboxRules rules;
  std::string key(wire::kKeySize, 'k');
  auto agent = co_await channel::openFirstSession(executor, std::move(socket), key, rules);
  if (!agent) {
    co_return;
  }
  if (choice % 4 == 0) {
    (void)co_await (*agent)->listJobs();
    co_return;
  }
  if (choice % 4 == 3) {
    const auto terminal = co_await (*agent)->typeOnJob("0123abcd");
    if (terminal) {
      (void)co_await (*terminal)->write("ls\r");
      (void)(*terminal)->endOfFile();
    }
    co_return;
  }
  wire::ExecRequest request;
  request.argv = {"true"};
  request.close_stdin = true;
  auto job = choice % 4 == 1 ? co_await (*agent)->startJob("0123abcd", std::move(request))
                             : co_await (*agent)->attachJob("0123abcd", {10, 20});
  if (job) {
    co_await drain(*std::move(job));
  }
  (void)co_await (*agent)->killJob("0123abcd", std::chrono::milliseconds(0));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kFitsSocketBuffer = 64 * 1024;
  if (size == 0 || size > kFitsSocketBuffer) {
    return 0;
  }
  auto pair = sys::socketPair(sys::SocketKind::Stream);
  std::string bytes = wire::encodePreamble({std::string(wire::kNonceSize, 'g'), 1});
  wire::encodeFrame(bytes, wire::FrameType::Hello, 0, 0, wire::encodeGuestHello({}));
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
