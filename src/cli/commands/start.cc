#include "cli/commands.h"
#include "cli/each.h"

namespace ak::cli {

namespace {

constexpr std::array<std::string_view, 1> kExamples = {"agentkernel start build"};

Result<int> run(Context& context, const Arguments& arguments) {
  return forEachSandbox(context, arguments, "POST", "start");
}

}  // namespace

const CommandSpec kStartCommand = {
    .name = "start",
    .arguments = "NAME...",
    .summary = "Start a stopped sandbox",
    .details =
        "With the files that it had when it stopped. The command that it was made for is not run\n"
        "again: see exec.",
    .options = kJsonOnly,
    .examples = kExamples,
    .least = 1,
    .most = kMostNames,
    .completes = Completes::Sandboxes,
    .run = run,
};

}  // namespace ak::cli
