#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

// Ports of a sandbox that are published on the host.
namespace ak::model {

enum class PortProtocol : std::uint8_t { Tcp, Udp };
std::string_view name(PortProtocol value);

inline constexpr std::string_view kLoopbackAddress = "127.0.0.1";
// Of one sandbox.
inline constexpr std::size_t kMaxPorts = 64;

struct PortMapping {
  std::string address{kLoopbackAddress};  // of the host: IPv4 or IPv6 in its shortest form
  std::uint16_t host = 0;                 // 0: not chosen yet
  bool automatic = false;                 // `host` is, or will be, chosen by the kernel
  std::uint16_t container = 0;            // in the sandbox; never 0
  PortProtocol protocol = PortProtocol::Tcp;
  bool operator==(const PortMapping&) const = default;
};

// "C", "H:C", "ADDRESS:H:C", "ADDRESS::C", each with "/tcp" (default) or "/udp"; an IPv6 address in
// brackets. InvalidArgument says what is wrong with `text`.
Result<PortMapping> parsePortMapping(std::string_view text);

// The same form again, with the host port where there is one: "49153:80", "[::1]:8053:53/udp".
std::string toText(const PortMapping& mapping);
// What it was asked as: without a port that was chosen.
std::string askedText(const PortMapping& mapping);
// For people: "127.0.0.1:49153->80/tcp"; "80/tcp" without a host port.
std::string describe(const PortMapping& mapping);

// Only this machine can connect to it.
bool onLoopback(const PortMapping& mapping);

// At most kMaxPorts, and no two that could not be bound side by side or say the same.
Status validatePorts(const std::vector<PortMapping>& ports);

// What a copy of a sandbox has of its ports: the same ones of its own, at host ports of their own,
// which only this machine can reach. The others are still the first one's.
std::vector<PortMapping> inheritedPorts(const std::vector<PortMapping>& ports);

}  // namespace ak::model
