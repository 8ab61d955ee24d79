#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "wire/control.h"
#include "wire/error.h"
#include "wire/file.h"
#include "wire/stats.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto request = ak::wire::decodeFileRequest(text)) {
    if (*ak::wire::decodeFileRequest(encode(*request)) != *request) {
      std::abort();
    }
  }
  if (const auto info = ak::wire::decodeFileInfo(text)) {
    if (*ak::wire::decodeFileInfo(encode(*info)) != *info) {
      std::abort();
    }
  }
  (void)ak::wire::decodeListing(text);
  (void)ak::wire::decodeGuestStats(text);
  (void)ak::wire::decodeControlRequest(text);
  (void)ak::wire::decodeError(text);
  return 0;
}
