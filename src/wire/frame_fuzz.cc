#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "wire/frame.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // The first byte says how the rest is cut.
  if (size == 0) {
    return 0;
  }
  const std::size_t piece = data[0] == 0 ? size : data[0];
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  ak::wire::FrameDecoder decoder;
  ak::wire::Frame frame;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    decoder.feed(bytes.substr(at, piece));
    while (decoder.next(frame) == ak::wire::FrameDecoder::State::Ready) {
      std::string again;
      ak::wire::encodeFrame(again, frame.type, frame.stream, frame.channel, frame.payload);
      if (bytes.find(again) == std::string_view::npos) {
        std::abort();  // a frame that the input does not hold
      }
    }
  }
  return 0;
}
