#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/result.h"

// Addresses and routes of a network namespace, by rtnetlink(7).
namespace ak::os {

struct Address {
  std::uint8_t family = 0;      // AF_INET, AF_INET6
  std::uint8_t bytes[16] = {};  // network order; the first 4 for AF_INET

  bool operator==(const Address&) const = default;
};

// A literal address; InvalidArgument for anything else (a name, a scope).
Result<Address> parseAddress(const char* text);

// All addresses of this network namespace, loopback's too.
Result<std::vector<Address>> localAddresses();

// The rest is child-safe: 0 or an errno, unless it says otherwise.

// Waits until our network namespace has an IPv4 default route; ETIMEDOUT after `timeout_ms`.
int awaitDefaultRoute(int timeout_ms);

// A socket for rtnetlink that hears of `groups` (RTMGRP_*), or -errno. It belongs to our network
// namespace of this moment, wherever we go.
int openRouteSocket(std::uint32_t groups);

// What these two make is in the network namespace of `socket`. Connects to a closed address fail
// (EHOSTUNREACH) whatever other routes there are or come, unless the address is local to it: the
// routes are in a table of their own that is asked between the local one and the main one. IPv6 is
// skipped where the kernel has none.
int consultClosedAddresses(int socket);
int closeAddress(int socket, const Address& address);

}  // namespace ak::os
