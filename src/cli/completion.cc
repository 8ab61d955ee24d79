#include "cli/completion.h"

#include <algorithm>
#include <vector>

#include "base/text.h"
#include "cli/command.h"

namespace ak::cli {

namespace {

// Shown names of sandboxes; a daemon is not started for a key press.
constexpr std::string_view kSandboxes =
    "agentkernel daemon status >/dev/null 2>&1 && agentkernel list 2>/dev/null | "
    "awk 'NR > 1 { print $1 }'";

std::vector<std::string_view> firstWords() {
  std::vector<std::string_view> words;
  for (const CommandSpec* command : allCommands()) {
    const std::string_view word = command->name.substr(0, command->name.find(' '));
    if (words.empty() || words.back() != word) {
      words.push_back(word);
    }
  }
  return words;
}

std::string secondWords(std::string_view first) {
  std::string words;
  for (const CommandSpec* command : allCommands()) {
    if (command->name.starts_with(cat(first, " "))) {
      words += cat(words.empty() ? "" : " ", command->name.substr(first.size() + 1));
    }
  }
  return words;
}

std::string spaced(std::string_view commas) {
  std::string words(commas);
  std::ranges::replace(words, ',', ' ');
  return words;
}

// A single-quoted word of bash and fish.
std::string quoted(std::string_view text) {
  std::string word = "'";
  for (const char c : text) {
    word += c == '\'' ? std::string("'\\''") : std::string(1, c);
  }
  return word + "'";
}

std::string_view kindOf(Completes completes) {
  switch (completes) {
    case Completes::Sandboxes:
      return " kind=sandboxes";
    case Completes::Files:
      return " kind=files";
    case Completes::Commands:
      return " kind=commands";
    case Completes::Shells:
      return " kind=shells";
    case Completes::Nothing:
      break;
  }
  return "";
}

// What a command offers, as one case of the script.
std::string bashCase(const CommandSpec& command) {
  std::string options;
  std::string values;
  for (const OptionSpec& option : optionsOf(command)) {
    options += cat(options.empty() ? "" : " ", "--", option.name);
    if (!option.words.empty()) {
      values += cat("        --", option.name, ") COMPREPLY=($(compgen -W '", spaced(option.words),
                    "' -- \"$cur\")); return ;;\n");
    }
  }
  if (!values.empty()) {
    values = cat("      case \"$prev\" in\n", values, "      esac\n");
  }
  return cat("    ", quoted(command.name), ")\n", values, "      options='", options, "'",
             kindOf(command.completes), " ;;\n");
}

std::string bashScript() {
  std::string text =
      "# bash completion of agentkernel\n"
      "_agentkernel() {\n"
      "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
      "  local name=\"${COMP_WORDS[1]}\" options='' kind=''\n"
      "  COMPREPLY=()\n";
  text += cat("  if ((COMP_CWORD == 1)); then\n    COMPREPLY=($(compgen -W '");
  for (const std::string_view word : firstWords()) {
    text += cat(word, " ");
  }
  text += "--help --version' -- \"$cur\"))\n    return\n  fi\n  case \"$name\" in\n";
  for (const std::string_view word : firstWords()) {
    const std::string seconds = secondWords(word);
    if (seconds.empty()) {
      continue;
    }
    text += cat("    ", word, ")\n      if ((COMP_CWORD == 2)); then COMPREPLY=($(compgen -W '",
                seconds, "' -- \"$cur\")); return; fi\n      name=\"$name ${COMP_WORDS[2]}\" ;;\n");
  }
  text += "  esac\n  case \"$name\" in\n";
  for (const CommandSpec* command : allCommands()) {
    text += bashCase(*command);
  }
  text += cat(
      "  esac\n"
      "  if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W \"$options\" -- \"$cur\")); return; fi\n"
      "  case \"$kind\" in\n"
      "    sandboxes) COMPREPLY=($(compgen -W \"$(",
      kSandboxes,
      ")\" -- \"$cur\")) ;;\n"
      "    commands) COMPREPLY=($(compgen -c -- \"$cur\")) ;;\n"
      "    shells) COMPREPLY=($(compgen -W 'bash fish zsh' -- \"$cur\")) ;;\n"
      "    *) COMPREPLY=($(compgen -f -- \"$cur\")) ;;\n"
      "  esac\n}\ncomplete -o filenames -F _agentkernel agentkernel\n");
  return text;
}

std::string fishOption(std::string_view inside, const OptionSpec& option) {
  std::string text = cat("complete -c agentkernel -n ", inside, " -l ", option.name);
  if (option.letter != 0) {
    text += cat(" -s ", option.letter);
  }
  if (option.takes != Takes::Nothing) {
    text += " -r";
  }
  if (!option.words.empty()) {
    text += cat(" -f -a ", quoted(spaced(option.words)));
  }
  return cat(text, " -d ", quoted(option.help), "\n");
}

std::string fishScript() {
  std::string text = "# fish completion of agentkernel\ncomplete -c agentkernel -f\n";
  for (const CommandSpec* command : allCommands()) {
    const std::size_t space = command->name.find(' ');
    const std::string_view first = command->name.substr(0, space);
    const bool two = space != std::string_view::npos;
    const std::string at = two ? cat("'__fish_seen_subcommand_from ", first, "'")
                               : std::string("__fish_use_subcommand");
    if (two) {
      text += cat("complete -c agentkernel -n __fish_use_subcommand -a ", first, "\n");
    }
    text +=
        cat("complete -c agentkernel -n ", at, " -a ",
            two ? command->name.substr(space + 1) : first, " -d ", quoted(command->summary), "\n");
    const std::string inside =
        two ? cat("'__fish_seen_subcommand_from ", first, "; and __fish_seen_subcommand_from ",
                  command->name.substr(space + 1), "'")
            : cat("'__fish_seen_subcommand_from ", first, "'");
    for (const OptionSpec& option : optionsOf(*command)) {
      text += fishOption(inside, option);
    }
    if (command->completes == Completes::Sandboxes) {
      text += cat("complete -c agentkernel -n ", inside, " -a \"(", kSandboxes, ")\"\n");
    } else if (command->completes == Completes::Files) {
      text += cat("complete -c agentkernel -n ", inside, " -F\n");
    } else if (command->completes == Completes::Shells) {
      text += cat("complete -c agentkernel -n ", inside, " -a 'bash fish zsh'\n");
    }
  }
  return text;
}

std::string zshScript() {
  // zsh runs bash's completion functions; one source of truth, and no third dialect to keep right.
  return cat("#compdef agentkernel\nautoload -U +X bashcompinit && bashcompinit\n", bashScript());
}

}  // namespace

Result<std::string> completionScript(std::string_view shell) {
  if (shell == "bash") {
    return bashScript();
  }
  if (shell == "zsh") {
    return zshScript();
  }
  if (shell == "fish") {
    return fishScript();
  }
  return fail(ErrorCode::InvalidArgument,
              cat("there is no completion for the shell '", printable(shell), "'"),
              "Use one of: bash, zsh, fish.");
}

}  // namespace ak::cli
