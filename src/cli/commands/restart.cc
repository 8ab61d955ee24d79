#include "cli/commands.h"
#include "cli/each.h"

namespace ak::cli {

namespace {

constexpr std::array<std::string_view, 1> kExamples = {"agentkernel restart build"};

Result<int> run(Context& context, const Arguments& arguments) {
  return forEachSandbox(context, arguments, "POST", "restart");
}

}  // namespace

const CommandSpec kRestartCommand = {
    .name = "restart",
    .arguments = "NAME...",
    .summary = "Stop a sandbox, if it runs, and start it with all that it wrote",
    .options = kJsonOnly,
    .examples = kExamples,
    .least = 1,
    .most = kMostNames,
    .completes = Completes::Sandboxes,
    .run = run,
};

}  // namespace ak::cli
