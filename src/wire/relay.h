#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

// Service::Relay: a connection of the host to a port in the sandbox. Open carries a RelayRequest;
// the agent connects to that port of 127.0.0.1, else of ::1, in its own network namespace and
// answers with an empty Reply once it is connected. Data then goes both ways: channel 0 to the
// port, channel 1 from it; End of either says that this side sends no more (TCP's half-close). The
// agent sends Close when both have ended and all has been delivered. It looks at no byte.
//
// Reset codes: unavailable (nothing listens, or the peer broke the connection), timeout (it does
// not accept), capacity (kMaxRelays). A Reset or Close of the host before the agent's Close breaks
// the connection in the sandbox (RST) too.
//
// Datagrams (UDP) keep their boundaries: in both directions Data is a sequence of records
//   u16 length, little-endian | so many bytes
// cut anywhere by frames. A datagram that the sandbox's socket does not take is dropped, as UDP
// does; there is no End. The host ends the stream when it has been idle for long enough.
namespace ak::wire {

// Of one sandbox at a time.
inline constexpr std::size_t kMaxRelays = 256;
// 65,535 less the headers of IPv4 and UDP (RFC 768): no socket can send more.
inline constexpr std::size_t kMaxDatagram = 65'507;

struct RelayRequest {
  // Numbers are forever.
  enum class Protocol : std::uint8_t { Tcp = 1, Udp = 2 };
  Protocol protocol = Protocol::Tcp;
  std::uint16_t port = 0;  // never 0 on the wire
  bool operator==(const RelayRequest&) const = default;
};

std::string encode(const RelayRequest& request);
// Unsupported for a protocol that is not known here.
Result<RelayRequest> decodeRelayRequest(std::string_view text);

// Appends one record. At most kMaxDatagram bytes.
void encodeDatagram(std::string& out, std::string_view datagram);

// Cuts a byte stream into datagrams. A length above kMaxDatagram is final.
class DatagramDecoder {
 public:
  // Keeps at most one unfinished datagram when next() is called until it gives none.
  void feed(std::string_view bytes);
  // The next whole one, valid until the next feed(); nothing when more is needed; Protocol.
  Result<std::optional<std::string_view>> next();

 private:
  std::string buffer_;
  std::size_t offset_ = 0;
};

}  // namespace ak::wire
