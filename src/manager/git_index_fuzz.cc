#include <cstddef>
#include <cstdint>
#include <string_view>

#include "manager/git_index.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  (void)ak::manager::submodulesIn({reinterpret_cast<const char*>(data), size});
  return 0;
}
