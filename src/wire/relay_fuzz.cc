#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "wire/relay.h"

namespace {

void requests(std::string_view text) {
  if (const auto value = ak::wire::decodeRelayRequest(text)) {
    const auto again = ak::wire::decodeRelayRequest(encode(*value));
    if (!again || *again != *value) {
      std::abort();
    }
  }
}

// However the bytes are cut, the same datagrams come out, and they are what went in.
void datagrams(std::string_view text, std::size_t piece) {
  ak::wire::DatagramDecoder decoder;
  std::string encoded;
  bool broken = false;
  for (std::size_t at = 0; at < text.size() && !broken; at += piece) {
    decoder.feed(text.substr(at, piece));
    for (;;) {
      const auto datagram = decoder.next();
      broken = !datagram;
      if (broken || !*datagram) {
        break;
      }
      ak::wire::encodeDatagram(encoded, **datagram);
    }
  }
  if (!text.starts_with(encoded)) {
    std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  requests(text);
  datagrams(text, text.size() + 1);
  datagrams(text, 3);
  return 0;
}
