#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "config/trust.h"

// A project file and a trust file may hold anything. What parses must also be judged without a
// crash, and trust that is written down must read back the same.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto project = ak::config::parseProject("agentkernel.toml", text);
  const auto user = ak::config::parseUser("config.toml", text);
  if (project) {
    const auto judged = ak::config::checkProject(*project, user ? *user : ak::config::UserConfig{},
                                                 ak::config::Trusted::No);
    if (!judged && judged.error().remedy.empty()) {
      std::abort();
    }
  }
  if (const auto grants = ak::config::parseTrust("trust.toml", text)) {
    const auto again = ak::config::parseTrust("trust.toml", ak::config::formatTrust(*grants));
    if (!again || *again != *grants) {
      std::abort();
    }
  }
  return 0;
}
