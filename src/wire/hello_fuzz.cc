#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "wire/hello.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto host = ak::wire::decodeHostHello(text)) {
    if (*ak::wire::decodeHostHello(ak::wire::encodeHostHello(*host)) != *host) {
      std::abort();
    }
  }
  if (const auto guest = ak::wire::decodeGuestHello(text)) {
    if (*ak::wire::decodeGuestHello(ak::wire::encodeGuestHello(*guest)) != *guest) {
      std::abort();
    }
  }
  ak::wire::PreambleScanner scanner;
  std::size_t consumed = 0;
  const auto found = scanner.feed(text, consumed);
  if (consumed > size || (found && *found && consumed < ak::wire::kPreambleSize)) {
    std::abort();
  }
  return 0;
}
