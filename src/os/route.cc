#include "os/route.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <linux/fib_rules.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "base/text.h"

namespace ak::os {

namespace {

// Any number below 252 is free for it: the namespace is a box's own. A pasta that copies the host's
// routes (of a cloud: one to its metadata service) fills the main table, and there the newest of
// two routes to the same place wins.
constexpr std::uint8_t kClosedTable = 100;
// After the local table (0), before the main one (32766).
constexpr std::uint32_t kClosedPriority = 100;

std::size_t sizeOf(const Address& address) {
  return address.family == AF_INET ? 4 : 16;
}

std::int64_t nowMs() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

int askForRoutes(int socket) {
  struct {
    nlmsghdr header;
    rtmsg route;
  } dump{};

  dump.header.nlmsg_len = sizeof dump;
  dump.header.nlmsg_type = RTM_GETROUTE;
  dump.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  dump.route.rtm_family = AF_INET;
  return ::send(socket, &dump, sizeof dump, 0) < 0 ? errno : 0;
}

bool hasDefaultRoute(const char* data, std::size_t size) {
  auto left = static_cast<unsigned>(size);
  for (const auto* header = reinterpret_cast<const nlmsghdr*>(data); NLMSG_OK(header, left);
       header = NLMSG_NEXT(header, left)) {
    const auto* route = static_cast<const rtmsg*>(NLMSG_DATA(header));
    if (header->nlmsg_type == RTM_NEWROUTE && route->rtm_family == AF_INET &&
        route->rtm_dst_len == 0 && route->rtm_type == RTN_UNICAST) {
      return true;
    }
  }
  return false;
}

int awaitOn(int socket, int timeout_ms) {
  const std::int64_t deadline = nowMs() + timeout_ms;
  int error = askForRoutes(socket);
  while (error == 0) {
    const std::int64_t left = deadline - nowMs();
    pollfd waiting{socket, POLLIN, 0};
    const int ready = left <= 0 ? 0 : ::poll(&waiting, 1, static_cast<int>(left));
    if (ready == 0) {
      return ETIMEDOUT;
    }
    alignas(nlmsghdr) char data[8192];
    const ssize_t size = ready < 0 ? -1 : ::recv(socket, data, sizeof data, 0);
    if (size >= 0) {
      if (hasDefaultRoute(data, static_cast<std::size_t>(size))) {
        return 0;
      }
    } else if (errno == ENOBUFS) {
      error = askForRoutes(socket);  // news were dropped: look again
    } else if (errno != EINTR) {
      error = errno;
    }
  }
  return error;
}

// Sends one request and returns what the kernel answered: 0 or an errno.
int ask(int socket, const nlmsghdr& request) {
  if (::send(socket, &request, request.nlmsg_len, 0) < 0) {
    return errno;
  }

  struct {
    nlmsghdr header;
    nlmsgerr error;
    char rest[256];
  } answer{};

  const ssize_t got = ::recv(socket, &answer, sizeof answer, 0);
  if (got < 0) {
    return errno;
  }
  if (static_cast<std::size_t>(got) < sizeof answer.header + sizeof answer.error ||
      answer.header.nlmsg_type != NLMSG_ERROR) {
    return EPROTO;
  }
  return -answer.error.error;
}

// Of a kernel without IPv6, or with it switched off.
bool isMissing(std::uint8_t family, int error) {
  return family == AF_INET6 && (error == EAFNOSUPPORT || error == EOPNOTSUPP);
}

}  // namespace

Result<Address> parseAddress(const char* text) {
  Address address;
  for (const int family : {AF_INET, AF_INET6}) {
    if (::inet_pton(family, text, address.bytes) == 1) {
      address.family = static_cast<std::uint8_t>(family);
      return address;
    }
  }
  return fail(ErrorCode::InvalidArgument, cat("not an address: ", printable(text)));
}

Result<std::vector<Address>> localAddresses() {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) {
    return failErrno("addresses of this machine");
  }
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owner(list, ::freeifaddrs);
  std::vector<Address> found;
  for (const ifaddrs* at = list; at != nullptr; at = at->ifa_next) {
    if (at->ifa_addr == nullptr) {
      continue;
    }
    Address address;
    if (at->ifa_addr->sa_family == AF_INET) {
      const auto* in = reinterpret_cast<const sockaddr_in*>(at->ifa_addr);
      std::memcpy(address.bytes, &in->sin_addr, 4);
    } else if (at->ifa_addr->sa_family == AF_INET6) {
      const auto* in = reinterpret_cast<const sockaddr_in6*>(at->ifa_addr);
      std::memcpy(address.bytes, &in->sin6_addr, 16);
    } else {
      continue;
    }
    address.family = static_cast<std::uint8_t>(at->ifa_addr->sa_family);
    found.push_back(address);
  }
  return found;
}

int openRouteSocket(std::uint32_t groups) {
  const int socket = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (socket < 0) {
    return -errno;
  }
  sockaddr_nl self{};
  self.nl_family = AF_NETLINK;
  self.nl_groups = groups;
  if (::bind(socket, reinterpret_cast<const sockaddr*>(&self), sizeof self) != 0) {
    const int error = errno;
    ::close(socket);
    return -error;
  }
  return socket;
}

int awaitDefaultRoute(int timeout_ms) {
  const int socket = openRouteSocket(RTMGRP_IPV4_ROUTE);
  if (socket < 0) {
    return -socket;
  }
  const int error = awaitOn(socket, timeout_ms);
  ::close(socket);
  return error;
}

int consultClosedAddresses(int socket) {
  for (const std::uint8_t family : {std::uint8_t{AF_INET}, std::uint8_t{AF_INET6}}) {
    struct {
      nlmsghdr header;
      fib_rule_hdr rule;
      rtattr attribute;
      std::uint32_t priority;
    } request{};

    request.header.nlmsg_len = sizeof request;
    request.header.nlmsg_type = RTM_NEWRULE;
    request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
    request.rule.family = family;
    request.rule.action = FR_ACT_TO_TBL;
    request.rule.table = kClosedTable;
    request.attribute.rta_type = FRA_PRIORITY;
    request.attribute.rta_len = RTA_LENGTH(sizeof request.priority);
    request.priority = kClosedPriority;
    const int error = ask(socket, request.header);
    if (error != 0 && error != EEXIST && !isMissing(family, error)) {
      return error;
    }
  }
  return 0;
}

int closeAddress(int socket, const Address& address) {
  struct {
    nlmsghdr header;
    rtmsg route;
    rtattr attribute;
    std::uint8_t bytes[16];
  } request{};

  const std::size_t size = sizeOf(address);
  request.header.nlmsg_len = static_cast<std::uint32_t>(sizeof request - 16 + size);
  request.header.nlmsg_type = RTM_NEWROUTE;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE;
  request.route.rtm_family = address.family;
  request.route.rtm_dst_len = static_cast<std::uint8_t>(size * 8);
  request.route.rtm_table = kClosedTable;
  request.route.rtm_protocol = RTPROT_STATIC;
  request.route.rtm_type = RTN_UNREACHABLE;
  request.attribute.rta_type = RTA_DST;
  request.attribute.rta_len = static_cast<std::uint16_t>(RTA_LENGTH(size));
  std::memcpy(request.bytes, address.bytes, size);
  const int error = ask(socket, request.header);
  return isMissing(address.family, error) ? 0 : error;
}

}  // namespace ak::os
