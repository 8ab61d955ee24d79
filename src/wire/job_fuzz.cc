#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "wire/job.h"

namespace {

// What decodes must come back the same.
template <typename Decode>
void roundTrip(std::string_view text, Decode decode) {
  if (const auto value = decode(text)) {
    const auto again = decode(encode(*value));
    if (!again || *again != *value) {
      std::abort();
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  roundTrip(text, ak::wire::decodeJobRequest);
  roundTrip(text, ak::wire::decodeJobAttached);
  roundTrip(text, ak::wire::decodeJobAck);
  roundTrip(text, ak::wire::decodeJobList);
  return 0;
}
