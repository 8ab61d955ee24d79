#include <array>

#include "cli/commands.h"
#include "cli/context.h"

namespace ak::cli {

namespace {

constexpr std::array<std::string_view, 1> kExamples = {"agentkernel version"};

Result<int> run(Context& context, const Arguments&) {
  context.output().line("agentkernel " AK_VERSION);
  return 0;
}

}  // namespace

const CommandSpec kVersionCommand = {
    .name = "version",
    .summary = "Print the version of this program",
    .examples = kExamples,
    .run = run,
};

}  // namespace ak::cli
