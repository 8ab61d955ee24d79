#include "cli/commands.h"
#include "cli/each.h"

namespace ak::cli {

namespace {

constexpr std::array<std::string_view, 1> kArchiveExamples = {"agentkernel archive build"};
constexpr std::array<std::string_view, 1> kRecoverExamples = {
    "agentkernel recover build && agentkernel start build"};

Result<int> archive(Context& context, const Arguments& arguments) {
  return forEachSandbox(context, arguments, "POST", "archive");
}

Result<int> recover(Context& context, const Arguments& arguments) {
  return forEachSandbox(context, arguments, "POST", "recover");
}

}  // namespace

const CommandSpec kArchiveCommand = {
    .name = "archive",
    .arguments = "NAME...",
    .summary = "Stop a sandbox and put it aside until it is recovered",
    .options = kJsonOnly,
    .examples = kArchiveExamples,
    .least = 1,
    .most = kMostNames,
    .completes = Completes::Sandboxes,
    .run = archive,
};

const CommandSpec kRecoverCommand = {
    .name = "recover",
    .arguments = "NAME...",
    .summary = "Take an archived sandbox back, so that it can be started",
    .options = kJsonOnly,
    .examples = kRecoverExamples,
    .least = 1,
    .most = kMostNames,
    .completes = Completes::Sandboxes,
    .run = recover,
};

}  // namespace ak::cli
