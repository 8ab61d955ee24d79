#include "cli/commands.h"
#include "cli/each.h"

namespace ak::cli {

namespace {

constexpr std::array<std::string_view, 1> kExamples = {"agentkernel rm build test"};

Result<int> run(Context& context, const Arguments& arguments) {
  return forEachSandbox(context, arguments, "DELETE", "");
}

}  // namespace

const CommandSpec kRemoveCommand = {
    .name = "rm",
    .arguments = "NAME...",
    .summary = "Remove sandboxes and what they wrote",
    .details =
        "One that runs is ended first. What it wrote to a copy-on-write project and was not\n"
        "applied is gone then.",
    .options = kJsonOnly,
    .examples = kExamples,
    .least = 1,
    .most = kMostNames,
    .completes = Completes::Sandboxes,
    .run = run,
};

}  // namespace ak::cli
