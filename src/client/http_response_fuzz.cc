#include <cstdint>
#include <cstdlib>

#include "client/http_response.h"

// Any bytes say the same whole and byte by byte, and never more body than allowed.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kLimit = 4096;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  ak::client::ResponseParser whole(kLimit);
  const auto at_once = whole.feed(bytes);
  ak::client::ResponseParser slow(kLimit);
  ak::Result<bool> piecewise = false;
  std::size_t at = 0;
  while (at < size && piecewise && !*piecewise) {
    piecewise = slow.feed(bytes.substr(at++, 1));
  }
  if (at_once && piecewise && *at_once != *piecewise) {
    std::abort();
  }
  if (at_once && *at_once) {
    if (!piecewise) {
      std::abort();
    }
    const ak::client::Response response = whole.take();
    if (response.body.size() > kLimit || response.body != slow.take().body) {
      std::abort();
    }
  }
  return 0;
}
