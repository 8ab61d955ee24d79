#include "cli/commands.h"
#include "cli/each.h"

namespace ak::cli {

namespace {

constexpr std::array<std::string_view, 1> kExamples = {"agentkernel stop build"};

Result<int> run(Context& context, const Arguments& arguments) {
  return forEachSandbox(context, arguments, "POST", "stop");
}

}  // namespace

const CommandSpec kStopCommand = {
    .name = "stop",
    .arguments = "NAME...",
    .summary = "Stop a sandbox and keep what it wrote",
    .options = kJsonOnly,
    .examples = kExamples,
    .least = 1,
    .most = kMostNames,
    .completes = Completes::Sandboxes,
    .run = run,
};

}  // namespace ak::cli
