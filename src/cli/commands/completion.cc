#include "cli/completion.h"

#include <array>

#include "cli/commands.h"
#include "cli/context.h"

namespace ak::cli {

namespace {

constexpr std::array<std::string_view, 3> kExamples = {
    "source <(agentkernel completion bash)",
    "agentkernel completion zsh > ~/.zfunc/_agentkernel",
    "agentkernel completion fish > ~/.config/fish/completions/agentkernel.fish",
};

Result<int> run(Context& context, const Arguments& arguments) {
  context.output().text(AK_TRY(completionScript(arguments.first())));
  return 0;
}

}  // namespace

const CommandSpec kCompletionCommand = {
    .name = "completion",
    .arguments = "bash|zsh|fish",
    .summary = "Print a completion script for a shell",
    .examples = kExamples,
    .least = 1,
    .most = 1,
    .completes = Completes::Shells,
    .run = run,
};

}  // namespace ak::cli
