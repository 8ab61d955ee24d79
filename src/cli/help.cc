#include "cli/help.h"

#include <algorithm>

#include "base/text.h"

namespace ak::cli {

namespace {

std::string usageLine(const CommandSpec& command) {
  return cat("agentkernel ", command.name, " [OPTIONS]", command.arguments.empty() ? "" : " ",
             command.arguments);
}

std::string optionLine(const OptionSpec& option) {
  std::string line = option.letter != 0 ? cat("-", option.letter, ", ") : std::string("    ");
  line += cat("--", option.name);
  if (option.takes != Takes::Nothing) {
    line += cat(" ", option.value);
  }
  return line;
}

std::string columns(const std::vector<std::pair<std::string, std::string>>& rows) {
  std::size_t width = 0;
  for (const auto& [left, right] : rows) {
    width = std::max(width, left.size());
  }
  std::string text;
  for (const auto& [left, right] : rows) {
    text += cat("  ", left, std::string(width - left.size() + 2, ' '), right, "\n");
  }
  return text;
}

std::string optionsText(const CommandSpec& command) {
  std::vector<std::pair<std::string, std::string>> rows;
  for (const OptionSpec& option : optionsOf(command)) {
    rows.emplace_back(optionLine(option), optionHelp(option));
  }
  return columns(rows);
}

}  // namespace

std::string optionHelp(const OptionSpec& option) {
  std::string text(option.help);
  if (!option.words.empty()) {
    text += " [";
    for (const std::string_view word : split(option.words, ',')) {
      if (!text.ends_with('[')) {
        text += ", ";
      }
      text += word;
    }
    text += "]";
  }
  if (option.takes == Takes::Values) {
    text += " (repeatable)";
  }
  return text;
}

std::string_view exitStatusText() {
  return "For run and exec the guest's own; 125 when we failed, 126 and 127 when the command "
         "cannot\n"
         "be run or does not exist, 124 after a timeout, 128+n after signal n. A wrong command "
         "line "
         "is\n"
         "125 for run and exec, whose 2 is the guest's, and 2 for all others.";
}

std::string rootHelp() {
  std::vector<std::pair<std::string, std::string>> rows;
  for (const CommandSpec* command : allCommands()) {
    rows.emplace_back(command->name, command->summary);
  }
  return cat("agentkernel gives an AI agent a computer of its own that it cannot break out of.\n\n",
             "Usage: agentkernel COMMAND [OPTIONS] [ARGUMENTS]\n\nCommands:\n", columns(rows),
             "\nOptions:\n  -h, --help     Show this help, or that of a command\n"
             "  -V, --version  Print the version\n\n"
             "Try: agentkernel run python3 -c 'print(\"hello from a sandbox\")'\n");
}

std::string commandHelp(const CommandSpec& command) {
  std::string text = cat(command.summary, "\n\nUsage: ", usageLine(command), "\n");
  if (!command.details.empty()) {
    text += cat("\n", command.details, "\n");
  }
  text += cat("\nOptions:\n", optionsText(command), "\nExamples:\n");
  for (const std::string_view example : command.examples) {
    text += cat("  ", example, "\n");
  }
  return text;
}

std::string commandsMarkdown() {
  std::string text =
      "# The command line\n\n"
      "Made from the tables in `src/cli`; a test compares. Write it anew with:\n"
      "`build/bin/agentkernel help --markdown > docs/cli.md`\n\n";
  text += cat("## Exit status\n\n", exitStatusText(), "\n");
  for (const CommandSpec* command : allCommands()) {
    text += cat("\n## ", command->name, "\n\n```\n", commandHelp(*command), "```\n");
  }
  return text;
}

}  // namespace ak::cli
