#include "model/port.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/text.h"

namespace ak::model {

namespace {

constexpr std::string_view kForms =
    "Write PORT, HOST_PORT:PORT or ADDRESS:HOST_PORT:PORT, and /udp behind it for UDP.";

std::unexpected<Error> wrong(std::string_view text, std::string_view why) {
  return fail(ErrorCode::InvalidArgument, cat("port '", printable(text), "': ", why),
              std::string(kForms));
}

// In the one form that the kernel prints; nothing when it is none.
std::optional<std::string> canonicalAddress(const std::string& text, int family) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  std::array<char, INET6_ADDRSTRLEN> out{};
  if (::inet_pton(family, text.c_str(), bytes.data()) != 1 ||
      ::inet_ntop(family, bytes.data(), out.data(), out.size()) == nullptr) {
    return std::nullopt;
  }
  return std::string(out.data());
}

bool isV6(const PortMapping& mapping) {
  return mapping.address.contains(':');
}

bool isWildcard(const PortMapping& mapping) {
  return mapping.address == "0.0.0.0" || mapping.address == "::";
}

std::string shownAddress(const PortMapping& mapping) {
  return isV6(mapping) ? cat("[", mapping.address, "]") : mapping.address;
}

// "/udp" and the like, taken off the end.
Result<PortProtocol> takeProtocol(std::string_view whole, std::string_view& rest) {
  const std::size_t slash = rest.rfind('/');
  if (slash == std::string_view::npos) {
    return PortProtocol::Tcp;
  }
  const std::string word = toLower(rest.substr(slash + 1));
  rest = rest.substr(0, slash);
  if (word == "tcp" || word == "udp") {
    return word == "tcp" ? PortProtocol::Tcp : PortProtocol::Udp;
  }
  return wrong(whole, cat("'", printable(word), "' is neither tcp nor udp"));
}

// What stands before the last two parts.
Result<std::string> addressOf(std::string_view whole, std::string_view text) {
  const bool bracketed = text.starts_with('[') && text.ends_with(']');
  const std::string inner(bracketed ? text.substr(1, text.size() - 2) : text);
  const auto address = canonicalAddress(inner, bracketed ? AF_INET6 : AF_INET);
  if (!address) {
    return wrong(whole, cat("'", printable(text),
                            "' is no address of this machine: "
                            "give numbers, an IPv6 address in brackets"));
  }
  return *address;
}

Result<std::uint16_t> portOf(std::string_view whole, std::string_view text) {
  const auto number = parseNumber<std::uint16_t>(text);
  if (!number || *number == 0) {
    return wrong(whole, cat("'", printable(text), "' is not a port from 1 to 65535"));
  }
  return *number;
}

bool clash(const PortMapping& one, const PortMapping& other) {
  if (one.protocol != other.protocol) {
    return false;
  }
  if (one.automatic || other.automatic) {
    return one.automatic == other.automatic && one.container == other.container &&
           one.address == other.address;
  }
  // An IPv6 wildcard takes no IPv4 here (IPV6_V6ONLY).
  return one.host == other.host && isV6(one) == isV6(other) &&
         (one.address == other.address || isWildcard(one) || isWildcard(other));
}

}  // namespace

std::string_view name(PortProtocol value) {
  switch (value) {
    case PortProtocol::Tcp:
      return "tcp";
    case PortProtocol::Udp:
      return "udp";
  }
  return "tcp";
}

Result<PortMapping> parsePortMapping(std::string_view text) {
  PortMapping mapping;
  std::string_view rest = text;
  mapping.protocol = AK_TRY(takeProtocol(text, rest));
  const std::size_t last = rest.rfind(':');
  mapping.container =
      AK_TRY(portOf(text, last == std::string_view::npos ? rest : rest.substr(last + 1)));
  if (last == std::string_view::npos) {
    mapping.automatic = true;
    return mapping;
  }
  rest = rest.substr(0, last);
  const std::size_t colon = rest.rfind(':');
  const bool has_address = colon != std::string_view::npos;
  if (has_address) {
    mapping.address = AK_TRY(addressOf(text, rest.substr(0, colon)));
    rest = rest.substr(colon + 1);
  }
  mapping.automatic = has_address && rest.empty();
  if (!mapping.automatic) {
    mapping.host = AK_TRY(portOf(text, rest));
  }
  return mapping;
}

std::string toText(const PortMapping& mapping) {
  const std::string host = mapping.host == 0 ? std::string() : std::to_string(mapping.host);
  std::string text;
  if (mapping.address != kLoopbackAddress) {
    text = cat(shownAddress(mapping), ":", host, ":");
  } else if (!host.empty()) {
    text = cat(host, ":");
  }
  return cat(text, mapping.container, mapping.protocol == PortProtocol::Udp ? "/udp" : "");
}

std::string askedText(const PortMapping& mapping) {
  PortMapping asked = mapping;
  asked.host = mapping.automatic ? std::uint16_t{0} : mapping.host;
  return toText(asked);
}

std::string describe(const PortMapping& mapping) {
  const std::string here =
      mapping.host == 0 ? std::string() : cat(shownAddress(mapping), ":", mapping.host, "->");
  return cat(here, mapping.container, "/", name(mapping.protocol));
}

bool onLoopback(const PortMapping& mapping) {
  return mapping.address.starts_with("127.") || mapping.address == "::1";
}

Status validatePorts(const std::vector<PortMapping>& ports) {
  if (ports.size() > kMaxPorts) {
    return fail(ErrorCode::TooLarge, cat(ports.size(), " ports for one sandbox"),
                cat("Publish at most ", kMaxPorts, "."));
  }
  for (std::size_t i = 0; i < ports.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (clash(ports[i], ports[j])) {
        return fail(ErrorCode::InvalidArgument,
                    cat("ports '", askedText(ports[j]), "' and '", askedText(ports[i]),
                        "' cannot both be had"),
                    "Take one away, or give it another port of the host.");
      }
    }
  }
  return {};
}

std::vector<PortMapping> inheritedPorts(const std::vector<PortMapping>& ports) {
  std::vector<PortMapping> inherited;
  for (PortMapping mapping : ports) {
    mapping.host = 0;
    mapping.automatic = true;
    if (!onLoopback(mapping)) {
      mapping.address = isV6(mapping) ? "::1" : kLoopbackAddress;
    }
    // What differed in the host port only is one and the same now.
    if (std::ranges::find(inherited, mapping) == inherited.end()) {
      inherited.push_back(std::move(mapping));
    }
  }
  return inherited;
}

}  // namespace ak::model
