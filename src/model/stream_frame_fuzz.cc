#include <cstdint>
#include <cstdlib>

#include "model/stream_frame.h"

// Any bytes, in two pieces: never a read outside, a frame over the limit, or life after an error.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::size_t cut = size == 0 ? 0 : data[0] % (size + 1);
  ak::model::StreamDecoder decoder;
  for (const std::string_view piece : {bytes.substr(0, cut), bytes.substr(cut)}) {
    decoder.feed(piece);
    ak::model::StreamFrame frame;
    for (;;) {
      const auto ready = decoder.next(frame);
      if (!ready) {
        if (decoder.next(frame)) {
          std::abort();
        }
        return 0;
      }
      if (!*ready) {
        break;
      }
      if (frame.payload.size() > ak::model::kStreamMaxPayload) {
        std::abort();
      }
    }
  }
  return 0;
}
