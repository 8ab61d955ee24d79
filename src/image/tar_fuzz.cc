// Any bytes through decompression and the tar reader: no crash, no read outside, bounded memory.
#include <algorithm>
#include <array>
#include <cstdint>

#include "image/decompress.h"
#include "image/tar_extended.h"
#include "image/tar_reader.h"

namespace {

class BytesSource final : public ak::image::ByteSource {
 public:
  explicit BytesSource(std::span<const char> bytes) : bytes_(bytes) {}

  ak::Result<std::size_t> read(std::span<char> out) override {
    const std::size_t size = std::min(out.size(), bytes_.size());
    std::copy_n(bytes_.begin(), size, out.begin());
    bytes_ = bytes_.subspan(size);
    return size;
  }

 private:
  std::span<const char> bytes_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::uint64_t kMaxContent = std::uint64_t{16} << 20U;  // a bomb ends here
  BytesSource bytes({reinterpret_cast<const char*>(data), size});
  const auto unpacked = ak::image::openCompressed(bytes);
  if (!unpacked) {
    return 0;
  }
  ak::image::TarReader reader(**unpacked);
  std::array<char, 4096> buffer;
  std::uint64_t content = 0;
  while (content < kMaxContent) {
    const auto entry = reader.next();
    if (!entry || !*entry || (*entry)->path.size() > 2 * ak::image::kMaxTarName) {
      break;
    }
    for (;;) {
      const auto read = reader.readContent(buffer);
      if (!read || *read == 0 || content > kMaxContent) {
        break;
      }
      content += *read;
    }
    content += 1;
  }
  return 0;
}
