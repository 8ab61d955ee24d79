#include "cli/dispatch.h"

#include "base/text.h"
#include "cli/command.h"
#include "cli/context.h"
#include "cli/help.h"

namespace ak::cli {

namespace {

constexpr int kOurFailure = 125;

int runCommand(const CommandSpec& command, std::span<const char* const> words, Context& context) {
  const auto arguments = parseArguments(command, words);
  if (!arguments) {
    context.output().error(arguments.error());
    return command.runsGuest() ? kOurFailure : kWrongCommandLine;
  }
  if (arguments->has("help")) {
    context.output().text(commandHelp(command));
    return 0;
  }
  if (arguments->has("verbose")) {
    context.output().setVerbosity(Verbosity::Verbose);
  }
  const auto status = command.run(context, *arguments);
  if (!status) {
    context.output().error(status.error());
    return errorCodeInfo(status.error().code).exit_status;
  }
  return *status;
}

}  // namespace

int runMain(std::span<const char* const> words, env::Environment environment) {
  Context context(std::move(environment));
  const std::string_view first = words.empty() ? std::string_view() : words.front();
  if (first == "--version" || first == "-V") {
    context.output().line("agentkernel " AK_VERSION);
    return 0;
  }
  if (first == "--help" || first == "-h") {
    context.output().text(rootHelp());
    return 0;
  }
  if (first.empty()) {
    context.output().note("there is no command; see: agentkernel --help");
    return kWrongCommandLine;
  }
  if (first.starts_with('-')) {
    context.output().error(
        Error::make(ErrorCode::InvalidArgument, cat("unknown option '", printable(first), "'"),
                    "Options stand behind the command. See: agentkernel --help"));
    return kWrongCommandLine;
  }
  const auto found = findCommand(words);
  if (!found) {
    context.output().error(found.error());
    return kWrongCommandLine;
  }
  return runCommand(*found->command, words.subspan(found->words), context);
}

}  // namespace ak::cli
