#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "model/box_codec.h"
#include "model/tree_codec.h"

// Whatever decodes must come back the same from its own encoding.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ak::model;
  const std::string_view packet(reinterpret_cast<const char*>(data), size);
  if (const auto request = decodeLauncherRequest(packet)) {
    const auto again = decodeLauncherRequest(encode(*request));
    if (!again || encode(*again) != encode(*request)) {
      std::abort();
    }
  }
  if (const auto reply = decodeLauncherReply(packet)) {
    const auto again = decodeLauncherReply(encode(*reply));
    if (!again || encode(*again) != encode(*reply)) {
      std::abort();
    }
  }
  if (const auto request = decodeTreeRequest(packet)) {
    const auto again = decodeTreeRequest(encode(*request));
    if (!again || encode(*again) != encode(*request)) {
      std::abort();
    }
  }
  if (const auto reply = decodeTreeReply(packet)) {
    const auto again = decodeTreeReply(encode(*reply));
    if (!again || encode(*again) != encode(*reply)) {
      std::abort();
    }
  }
  return 0;
}
