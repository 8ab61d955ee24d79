#include "cli/help.h"

#include <array>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/context.h"

namespace ak::cli {

namespace {

constexpr std::array<OptionSpec, 1> kOptions = {{
    {"markdown", 0, Takes::Nothing, "", "Print the help of all commands as docs/cli.md has it"},
}};

constexpr std::array<std::string_view, 2> kExamples = {
    "agentkernel help run",
    "agentkernel help images import",
};

Result<int> run(Context& context, const Arguments& arguments) {
  if (arguments.has("markdown")) {
    context.output().text(commandsMarkdown());
    return 0;
  }
  if (arguments.positional().empty()) {
    context.output().text(rootHelp());
    return 0;
  }
  std::vector<const char*> words;
  for (const std::string& word : arguments.positional()) {
    words.push_back(word.c_str());
  }
  context.output().text(commandHelp(*AK_TRY(findCommand(words)).command));
  return 0;
}

}  // namespace

const CommandSpec kHelpCommand = {
    .name = "help",
    .arguments = "[COMMAND]",
    .summary = "Show help",
    .options = kOptions,
    .examples = kExamples,
    .most = 2,
    .completes = Completes::Commands,
    .run = run,
};

}  // namespace ak::cli
