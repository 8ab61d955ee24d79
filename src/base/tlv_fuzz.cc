// Any bytes: the reader ends, stays inside them, and what it read can be written and read again.
#include <cstdint>
#include <cstdlib>

#include "base/tlv.h"

namespace {

void readNested(std::string_view text, int depth) {
  ak::TlvReader in(text);
  ak::TlvWriter again;
  while (in.next()) {
    if (in.isBytes()) {
      const std::string_view bytes = in.bytes();
      if (bytes.data() < text.data() || bytes.data() + bytes.size() > text.data() + text.size()) {
        std::abort();
      }
      again.bytes(in.field(), bytes);
      if (depth < 8) {
        readNested(bytes, depth + 1);
      }
    } else {
      again.number(in.field(), in.number());
    }
  }
  // Over-long varints are accepted, so the copy may be shorter, never longer.
  if (in.ok() && again.text().size() > text.size()) {
    std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  readNested({reinterpret_cast<const char*>(data), size}, 0);
  return 0;
}
