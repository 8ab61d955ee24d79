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

// The next two are child-safe: 0 or an errno.

// Waits until our network namespace has an IPv4 default route; ETIMEDOUT after `timeout_ms`.
int awaitDefaultRoute(int timeout_ms);

// Connects to any of these fail (EHOSTUNREACH) in our network namespace, whatever other routes it
// has, unless the address is local to it. IPv6 is skipped where the kernel has none.
int closeAddresses(const Address* addresses, std::size_t count);

}  // namespace ak::os
