#include "cli/man.h"

#include "base/text.h"
#include "cli/help.h"

namespace ak::cli {

namespace {

// As groff_man_style(7) wants them, so that what is copied from a page is what stands there: a bare
// '-' may come out as a hyphen, a "'" as a closing quote.
std::string_view escaped(char c) {
  switch (c) {
    case '\\':
      return "\\e";
    case '-':
      return "\\-";
    case '\'':
      return "\\(aq";
    case '`':
      return "\\(ga";
    case '"':
      return "\\(dq";
    case '^':
      return "\\(ha";
    case '~':
      return "\\(ti";
    default:
      return {};
  }
}

std::string roff(std::string_view text) {
  std::string out;
  // A line that begins with one of the two is a request.
  if (text.starts_with('.') || text.starts_with('\'')) {
    out = "\\&";
  }
  for (const char c : text) {
    const std::string_view instead = escaped(c);
    out += instead.empty() ? std::string_view(&c, 1) : instead;
  }
  return out;
}

std::string bold(std::string_view text) {
  return cat("\\fB", roff(text), "\\fR");
}

std::string italic(std::string_view text) {
  return cat("\\fI", roff(text), "\\fR");
}

std::string section(std::string_view title) {
  return cat(".SH ", title, "\n");
}

// Filled text: what was broken for a terminal is broken anew.
std::string paragraphs(std::string_view text) {
  std::string out;
  bool between = false;
  for (const std::string_view line : split(text, '\n')) {
    if (line.empty()) {
      between = true;
      continue;
    }
    out += between ? ".PP\n" : "";
    out += cat(roff(line), "\n");
    between = false;
  }
  return out;
}

std::string pageName(std::string_view command) {
  std::string name = cat("agentkernel-", command);
  for (char& c : name) {
    c = c == ' ' ? '-' : c;
  }
  return name;
}

std::string head(std::string_view name, std::string_view summary) {
  std::string upper;
  for (const char c : name) {
    upper += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return cat(".\\\" Made from the tables in src/cli.\n.TH ", roff(upper),
             " 1 \"\" \"agentkernel " AK_VERSION "\" \"agentkernel manual\"\n", section("NAME"),
             roff(name), " \\- ", roff(summary), "\n");
}

std::string optionItem(const OptionSpec& option) {
  std::string item = ".TP\n";
  if (option.letter != 0) {
    item += cat(bold(cat("-", option.letter)), ", ");
  }
  item += bold(cat("--", option.name));
  if (option.takes != Takes::Nothing) {
    item += cat(" ", italic(option.value));
  }
  return cat(item, "\n", roff(optionHelp(option)), "\n");
}

std::string examples(std::span<const std::string_view> lines) {
  std::string text = cat(section("EXAMPLES"), ".EX\n");
  for (const std::string_view line : lines) {
    text += cat(roff(line), "\n");
  }
  return text + ".EE\n";
}

std::string seeAlso(const std::vector<std::string>& pages) {
  std::string text = section("SEE ALSO");
  for (std::size_t i = 0; i < pages.size(); ++i) {
    const std::size_t section_at = pages[i].rfind('(');
    text += cat(".BR ", roff(pages[i].substr(0, section_at)), " ", pages[i].substr(section_at),
                i + 1 < pages.size() ? ",\n" : "\n");
  }
  return text;
}

ManPage rootPage() {
  std::string text =
      cat(head("agentkernel", "a computer of its own for an AI agent"), section("SYNOPSIS"),
          bold("agentkernel"), " ", italic("COMMAND"), " [", italic("OPTIONS"), "] [",
          italic("ARGUMENTS"), "]\n", section("DESCRIPTION"),
          paragraphs("Runs code in a sandbox made of Linux namespaces, cgroups and seccomp. The\n"
                     "project is there copy-on-write; what the code wrote is shown by diff and "
                     "taken\n"
                     "by apply. A daemon of the user's own is started when one is needed."),
          section("COMMANDS"));
  std::vector<std::string> pages;
  for (const CommandSpec* command : allCommands()) {
    text += cat(".TP\n", bold(command->name), "\n", roff(command->summary), "\n");
    pages.push_back(cat(pageName(command->name), "(1)"));
  }
  pages.push_back("agentkernel.toml(5)");
  const std::string_view trials[] = {"agentkernel run python3 -c 'print(\"hello\")'",
                                     "agentkernel run --keep --name try -- make test",
                                     "agentkernel diff try", "agentkernel rm try"};
  text += cat(section("EXIT STATUS"), paragraphs(exitStatusText()), examples(trials),
              section("FILES"), ".TP\n", italic("~/.config/agentkernel/config.toml"),
              "\nThe user's configuration.\n.TP\n", italic("agentkernel.toml"),
              "\nA project's, in its directory.\n.TP\n", italic("~/.local/share/agentkernel"),
              "\nImages, kept sandboxes, the daemon's log.\n", seeAlso(pages));
  return {"agentkernel.1", std::move(text)};
}

}  // namespace

ManPage manPage(const CommandSpec& command) {
  const std::string name = pageName(command.name);
  std::string text = cat(head(name, command.summary), section("SYNOPSIS"),
                         bold(cat("agentkernel ", command.name)), " [", italic("OPTIONS"), "]");
  if (!command.arguments.empty()) {
    text += cat(" ", roff(command.arguments));
  }
  text += cat("\n", section("DESCRIPTION"),
              paragraphs(command.details.empty() ? cat(command.summary, ".") : command.details),
              section("OPTIONS"));
  for (const OptionSpec& option : optionsOf(command)) {
    text += optionItem(option);
  }
  text += cat(section("EXIT STATUS"), paragraphs(exitStatusText()), examples(command.examples),
              seeAlso({"agentkernel(1)", "agentkernel.toml(5)"}));
  return {cat(name, ".1"), std::move(text)};
}

std::vector<ManPage> allManPages() {
  std::vector<ManPage> pages = {rootPage()};
  for (const CommandSpec* command : allCommands()) {
    pages.push_back(manPage(*command));
  }
  return pages;
}

}  // namespace ak::cli
