#include "cli/help.h"

#include <fcntl.h>

#include <array>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/context.h"
#include "cli/man.h"
#include "sys/file.h"

namespace ak::cli {

namespace {

constexpr std::array<OptionSpec, 2> kOptions = {{
    {"markdown", 0, Takes::Nothing, "", "Print the help of all commands as docs/cli.md has it"},
    {"man", 0, Takes::Value, "DIR", "Write the manual pages of all commands to a directory"},
}};

constexpr std::array<std::string_view, 3> kExamples = {
    "agentkernel help run",
    "agentkernel help images import",
    "agentkernel help --man ~/.local/share/man/man1",
};

Result<int> writeManual(Context& context, const std::string& directory) {
  const sys::OwnedFd place = AK_TRY(sys::openPath(directory, O_RDONLY | O_DIRECTORY));
  for (const ManPage& page : allManPages()) {
    AK_TRY(sys::replaceFile(place.get(), page.file, page.text, 0644));
    context.output().line(page.file);
  }
  return 0;
}

Result<int> run(Context& context, const Arguments& arguments) {
  if (arguments.has("markdown")) {
    context.output().text(commandsMarkdown());
    return 0;
  }
  if (const auto directory = arguments.value("man")) {
    return writeManual(context, *directory);
  }
  if (arguments.positional().empty()) {
    context.output().text(rootHelp());
    return 0;
  }
  std::vector<const char*> words;
  for (const std::string& word : arguments.positional()) {
    words.push_back(word.c_str());
  }
  const auto found = findCommand(words);
  if (!found) {
    context.output().error(found.error());
    return kWrongCommandLine;
  }
  context.output().text(commandHelp(*found->command));
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
