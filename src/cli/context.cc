#include "cli/context.h"

#include <array>

#include "base/text.h"

namespace ak::cli {

namespace {

std::array<unsigned, 3> versionOf(std::string_view text) {
  std::array<unsigned, 3> version{};
  std::size_t i = 0;
  for (const std::string_view part : split(text.substr(0, text.find_first_of("-+")), '.')) {
    if (i < version.size()) {
      version.at(i++) = parseNumber<unsigned>(part).value_or(0);
    }
  }
  return version;
}

}  // namespace

Result<client::Client> Context::connect() const {
  return client::connectOrStart(AK_TRY(daemonPlace()));
}

void Context::checkVersion(std::string_view daemon_version) {
  if (!daemon_version.empty() && versionOf(daemon_version) < versionOf(AK_VERSION)) {
    output_.hint(cat("the daemon is older (", printable(daemon_version),
                     ") than this program (" AK_VERSION
                     "); replace it with: agentkernel daemon restart"));
  }
}

}  // namespace ak::cli
