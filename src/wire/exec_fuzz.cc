#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "wire/exec.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto request = ak::wire::decodeExecRequest(text)) {
    if (*ak::wire::decodeExecRequest(encode(*request)) != *request) {
      std::abort();
    }
  }
  if (const auto exit = ak::wire::decodeExecExit(text)) {
    if (*ak::wire::decodeExecExit(encode(*exit)) != *exit) {
      std::abort();
    }
  }
  (void)ak::wire::decodeExecStarted(text);
  (void)ak::wire::decodeExecControl(text);
  return 0;
}
