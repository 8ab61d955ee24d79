#include "guest/relay.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>

#include "base/text.h"
#include "guest/tcp_relay.h"
#include "guest/udp_relay.h"
#include "wire/relay.h"

namespace ak::guest {

Result<std::unique_ptr<Stream>> openRelay(const RelayContext& context, std::string_view request) {
  const wire::RelayRequest decoded = AK_TRY(wire::decodeRelayRequest(request));
  if (context.open >= wire::kMaxRelays) {
    return fail(ErrorCode::Capacity,
                cat("the sandbox has ", context.open, " connections to its ports open"),
                "Wait until some of them have ended.");
  }
  switch (decoded.protocol) {
    case wire::RelayRequest::Protocol::Tcp:
      return TcpRelay::open(context, decoded.port);
    case wire::RelayRequest::Protocol::Udp:
      return UdpRelay::open(context, decoded.port);
  }
  return fail(ErrorCode::Unsupported, "this agent does not relay that protocol");
}

Dialled dialLoopback(int which, int type, std::uint16_t port) {
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  v6.sin6_addr = in6addr_loopback;
  const bool first = which == 0;
  const auto* address =
      first ? reinterpret_cast<const sockaddr*>(&v4) : reinterpret_cast<const sockaddr*>(&v6);
  sys::OwnedFd socket(::socket(first ? AF_INET : AF_INET6, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const bool connected =
      socket.valid() && ::connect(socket.get(), address, first ? sizeof v4 : sizeof v6) == 0;
  const int error = connected ? 0 : errno;
  return {std::move(socket), error};
}

}  // namespace ak::guest
