#include "os/address_closer.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace ak::os {

namespace {

// The kernel's own limit for the parts of a list (NLMSG_GOODSIZE, and 32 KiB where it is asked to).
constexpr std::size_t kBuffer = 32 * 1024;
// A list during which an address went may lack another one and says so.
constexpr int kListTries = 100;

bool isOwnOrLink(const Address& address) {
  if (address.family == AF_INET) {
    return address.bytes[0] == 127;
  }
  in6_addr in{};  // the bytes are not aligned as this is
  std::memcpy(&in, address.bytes, sizeof in);
  return IN6_IS_ADDR_LOOPBACK(&in) || IN6_IS_ADDR_LINKLOCAL(&in);
}

// Of a point-to-point link IFA_ADDRESS is the peer's (rtnetlink(7)). False: none that we know.
bool addressOf(const nlmsghdr& message, Address& address) {
  const auto* info = static_cast<const ifaddrmsg*>(NLMSG_DATA(&message));
  if (message.nlmsg_len < NLMSG_LENGTH(sizeof *info) ||
      (info->ifa_family != AF_INET && info->ifa_family != AF_INET6)) {
    return false;
  }
  const std::size_t size = info->ifa_family == AF_INET ? 4 : 16;
  auto left = static_cast<int>(IFA_PAYLOAD(&message));
  bool local = false;
  bool found = false;
  for (const rtattr* at = IFA_RTA(info); RTA_OK(at, left); at = RTA_NEXT(at, left)) {
    const bool fits = RTA_PAYLOAD(at) == size;
    if (fits && (at->rta_type == IFA_LOCAL || (at->rta_type == IFA_ADDRESS && !local))) {
      local = at->rta_type == IFA_LOCAL;
      std::memcpy(address.bytes, RTA_DATA(at), size);
      found = true;
    }
  }
  address.family = info->ifa_family;
  return found;
}

// One message or a part of a list; -errno. Only the kernel is listened to.
ssize_t receive(int socket, char* data, int flags) {
  sockaddr_nl from{};
  iovec part{data, kBuffer};
  msghdr message{};
  message.msg_name = &from;
  message.msg_namelen = sizeof from;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  const ssize_t size = ::recvmsg(socket, &message, flags);
  if (size < 0) {
    return -errno;
  }
  if ((message.msg_flags & MSG_TRUNC) != 0) {
    return -ENOBUFS;
  }
  return from.nl_pid == 0 ? size : -EINTR;
}

}  // namespace

int AddressCloser::watch() {
  news_ = openRouteSocket(RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR);
  lists_ = openRouteSocket(0);
  return news_ < 0 ? -news_ : lists_ < 0 ? -lists_ : 0;
}

int AddressCloser::begin(const Address* more, std::size_t count) {
  routes_ = openRouteSocket(0);
  int error = routes_ < 0 ? -routes_ : consultClosedAddresses(routes_);
  for (std::size_t i = 0; i < count && error == 0; ++i) {
    error = close(more[i]);
  }
  return error != 0 ? error : list();
}

int AddressCloser::serve() {
  alignas(nlmsghdr) char data[kBuffer];
  bool lost = false;
  for (;;) {
    const ssize_t size = receive(news_, data, MSG_DONTWAIT);
    if (size == -EAGAIN) {
      // Not sooner: until its queue was empty once, a socket does not say again that it lost some
      // (netlink_overrun).
      return lost ? list() : 0;
    }
    if (size == -ENOBUFS) {
      lost = true;
    } else if (size < 0 && size != -EINTR) {
      return static_cast<int>(-size);
    } else if (size >= 0) {
      if (const int error = take(data, static_cast<std::size_t>(size)); error != 0) {
        return error;
      }
    }
  }
}

int AddressCloser::list() {
  bool whole = false;
  for (int tries = 0; tries < kListTries && !whole; ++tries) {
    if (const int error = listOnce(whole); error != 0) {
      return error;
    }
  }
  return whole ? 0 : EAGAIN;
}

int AddressCloser::listOnce(bool& whole) {
  struct {
    nlmsghdr header;
    ifaddrmsg address;
  } dump{};

  dump.header.nlmsg_len = sizeof dump;
  dump.header.nlmsg_type = RTM_GETADDR;
  dump.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  if (::send(lists_, &dump, sizeof dump, 0) < 0) {
    return errno;
  }
  alignas(nlmsghdr) char data[kBuffer];
  whole = true;
  for (;;) {
    const ssize_t size = receive(lists_, data, 0);
    if (size == -EINTR) {
      continue;
    }
    if (size < 0) {
      return static_cast<int>(-size);
    }
    if (const int error = take(data, static_cast<std::size_t>(size)); error != 0) {
      return error;
    }
    auto left = static_cast<unsigned>(size);
    for (const auto* at = reinterpret_cast<const nlmsghdr*>(data); NLMSG_OK(at, left);
         at = NLMSG_NEXT(at, left)) {
      whole = whole && (at->nlmsg_flags & NLM_F_DUMP_INTR) == 0;
      if (at->nlmsg_type == NLMSG_DONE) {
        return 0;
      }
      if (at->nlmsg_type == NLMSG_ERROR) {
        return EPROTO;
      }
    }
  }
}

int AddressCloser::take(const char* data, std::size_t size) {
  auto left = static_cast<unsigned>(size);
  for (const auto* at = reinterpret_cast<const nlmsghdr*>(data); NLMSG_OK(at, left);
       at = NLMSG_NEXT(at, left)) {
    Address address;
    if (at->nlmsg_type == RTM_NEWADDR && addressOf(*at, address) && !isOwnOrLink(address)) {
      if (const int error = close(address); error != 0) {
        return error;
      }
    }
  }
  return 0;
}

int AddressCloser::close(const Address& address) {
  for (std::size_t i = 0; i < count_; ++i) {
    if (closed_[i] == address) {
      return 0;
    }
  }
  if (count_ == closed_.size()) {
    return ENOSPC;
  }
  const int error = closeAddress(routes_, address);
  if (error == 0) {
    closed_[count_++] = address;
  }
  return error;
}

}  // namespace ak::os
