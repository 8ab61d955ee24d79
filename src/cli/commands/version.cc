#include <array>

#include <nlohmann/json.hpp>

#include "cli/api.h"
#include "cli/commands.h"
#include "cli/options.h"

namespace ak::cli {

namespace {

constexpr std::array<std::string_view, 1> kExamples = {"agentkernel version"};

Result<int> run(Context& context, const Arguments& arguments) {
  if (arguments.has("json")) {
    context.output().text(prettyJson({{"version", AK_VERSION}}));
    return 0;
  }
  context.output().line("agentkernel " AK_VERSION);
  return 0;
}

}  // namespace

const CommandSpec kVersionCommand = {
    .name = "version",
    .summary = "Print the version of this program",
    .options = kJsonOnly,
    .examples = kExamples,
    .run = run,
};

}  // namespace ak::cli
