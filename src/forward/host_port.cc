#include "forward/host_port.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>

#include "base/text.h"
#include "sys/file.h"

namespace ak::forward {

namespace {

using model::PortMapping;
using model::PortProtocol;

// Connections that wait to be accepted.
constexpr int kBacklog = 128;

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;

  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

Result<Address> addressOf(const PortMapping& mapping, std::uint16_t port) {
  Address address;
  auto& v4 = reinterpret_cast<sockaddr_in&>(address.storage);
  auto& v6 = reinterpret_cast<sockaddr_in6&>(address.storage);
  if (::inet_pton(AF_INET, mapping.address.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    address.size = sizeof v4;
  } else if (::inet_pton(AF_INET6, mapping.address.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    address.size = sizeof v6;
  } else {
    return fail(ErrorCode::Internal, cat("'", mapping.address, "' is no address"));
  }
  return address;
}

std::string firstUnprivileged() {
  const auto text = sys::readFile("/proc/sys/net/ipv4/ip_unprivileged_port_start", 16);
  return std::string(trim(text.value_or("1024")));
}

std::unexpected<Error> explain(const PortMapping& mapping, std::uint16_t port, int error) {
  const std::string what = cat("port ", port, "/", name(mapping.protocol), " of ", mapping.address);
  switch (error) {
    case EADDRINUSE:
      return fail(
          ErrorCode::Conflict, cat(what, " is in use"),
          cat("Publish another one, or '", mapping.container,
              "' alone to have one chosen; who has it: ss -",
              mapping.protocol == PortProtocol::Tcp ? "t" : "u", "lnp 'sport = :", port, "'"));
    case EACCES:
    case EPERM:
      return fail(ErrorCode::PermissionDenied, cat(what, " is for root"),
                  cat("Publish one from ", firstUnprivileged(), " on, such as ", port + 8000U, ":",
                      mapping.container, "."));
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT:
      return fail(ErrorCode::InvalidArgument, cat("this machine has no address ", mapping.address),
                  "See which it has with: ip address");
    default:
      return failErrno(error, cat("publish ", what));
  }
}

// Errno, or 0 with the bound socket.
int take(const PortMapping& mapping, Address& address, sys::OwnedFd& socket) {
  const bool tcp = mapping.protocol == PortProtocol::Tcp;
  const int type = (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK;
  socket = sys::OwnedFd(::socket(address.storage.ss_family, type, 0));
  const int on = 1;
  if (!socket.valid()) {
    return errno;
  }
  // Connections of before that are still closing keep nobody from the port. Not for UDP, where it
  // would let others share it.
  if (tcp && ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) {
    return errno;
  }
  // "::" is IPv6 and nothing else, whatever this machine's default is.
  if (address.storage.ss_family == AF_INET6 &&
      ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0) {
    return errno;
  }
  if (::bind(socket.get(), address.get(), address.size) != 0 ||
      (tcp && ::listen(socket.get(), kBacklog) != 0) ||
      ::getsockname(socket.get(), address.get(), &address.size) != 0) {
    return errno;
  }
  return 0;
}

}  // namespace

Result<HostPort> bindPort(PortMapping mapping) {
  HostPort bound;
  Address address = AK_TRY(addressOf(mapping, mapping.host));
  int error = take(mapping, address, bound.socket);
  if (error == EADDRINUSE && mapping.automatic && mapping.host != 0) {
    address = AK_TRY(addressOf(mapping, 0));
    error = take(mapping, address, bound.socket);
  }
  if (error != 0) {
    return explain(mapping, mapping.host, error);
  }
  const bool v4 = address.storage.ss_family == AF_INET;
  mapping.host = ntohs(v4 ? reinterpret_cast<sockaddr_in&>(address.storage).sin_port
                          : reinterpret_cast<sockaddr_in6&>(address.storage).sin6_port);
  bound.mapping = std::move(mapping);
  return bound;
}

Result<std::vector<HostPort>> bindPorts(const std::vector<PortMapping>& mappings) {
  std::vector<HostPort> bound(mappings.size());
  // Those that somebody chose first: none is chosen that is another's here.
  for (const bool automatic : {false, true}) {
    for (std::size_t i = 0; i < mappings.size(); ++i) {
      if (mappings[i].automatic == automatic) {
        bound[i] = AK_TRY(bindPort(mappings[i]));
      }
    }
  }
  return bound;
}

}  // namespace ak::forward
