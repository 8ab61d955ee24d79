#include "wire/relay.h"

#include "wire/fields.h"

namespace ak::wire {

namespace {

constexpr std::size_t kLengthSize = 2;

}  // namespace

std::string encode(const RelayRequest& request) {
  TlvWriter out;
  out.number(1, static_cast<std::uint8_t>(request.protocol)).number(2, request.port);
  return std::move(out).take();
}

Result<RelayRequest> decodeRelayRequest(std::string_view text) {
  RelayRequest request;
  std::uint8_t protocol = 0;
  TlvReader in(text);
  while (in.next()) {
    switch (in.field()) {
      case 1:
        protocol = in.numberAs<std::uint8_t>();
        break;
      case 2:
        request.port = in.numberAs<std::uint16_t>();
        break;
      default:
        break;
    }
  }
  if (!in.ok() || protocol == 0 || request.port == 0) {
    return malformed("relay request");
  }
  if (protocol > static_cast<std::uint8_t>(RelayRequest::Protocol::Udp)) {
    return fail(ErrorCode::Unsupported, "this agent does not relay that protocol");
  }
  request.protocol = static_cast<RelayRequest::Protocol>(protocol);
  return request;
}

void encodeDatagram(std::string& out, std::string_view datagram) {
  out += static_cast<char>(datagram.size() & 0xffU);
  out += static_cast<char>(datagram.size() >> 8U);
  out += datagram;
}

void DatagramDecoder::feed(std::string_view bytes) {
  buffer_.erase(0, offset_);
  offset_ = 0;
  buffer_ += bytes;
}

Result<std::optional<std::string_view>> DatagramDecoder::next() {
  const std::string_view rest = std::string_view(buffer_).substr(offset_);
  if (rest.size() < kLengthSize) {
    return std::nullopt;
  }
  const std::size_t length = static_cast<std::size_t>(static_cast<unsigned char>(rest[0])) |
                             static_cast<std::size_t>(static_cast<unsigned char>(rest[1])) << 8U;
  if (length > kMaxDatagram) {
    return fail(ErrorCode::Protocol, "a datagram is longer than UDP allows");
  }
  if (rest.size() < kLengthSize + length) {
    return std::nullopt;
  }
  offset_ += kLengthSize + length;
  return rest.substr(kLengthSize, length);
}

}  // namespace ak::wire
