#include "base/random.h"

#include "base/text.h"

namespace ak {

std::string Random::hex(std::size_t bytes) {
  std::string raw(bytes, '\0');
  fill({reinterpret_cast<unsigned char*>(raw.data()), raw.size()});
  return toHex(raw);
}

}  // namespace ak
