#include "cli/output.h"

#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <utility>

#include "base/text.h"
#include "sys/file.h"

namespace ak::cli {

namespace {

constexpr std::string_view kBold = "1";
constexpr std::string_view kRed = "31";
constexpr std::string_view kGreen = "32";
constexpr std::string_view kYellow = "33";
constexpr std::string_view kCyan = "36";

// Printing has nobody to report its own failure to: a closed standard error is not the user's
// question, and a closed standard output ends us by SIGPIPE.
void put(int fd, std::string_view text) {
  if (auto written = sys::writeAll(fd, text); !written) {
    return;
  }
}

// Cells that take part in alignment: one column per code point is right for nearly all names.
std::size_t columns(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; }));
}

// printable() with line structure kept: a diff or a log consists of lines.
std::string printableLines(std::string_view text) {
  std::string safe;
  for (const std::string_view line : split(text, '\n')) {
    if (!safe.empty() || line.data() != text.data()) {
      safe += '\n';
    }
    for (std::string_view rest = line;;) {
      const std::size_t tab = rest.find('\t');
      safe += printable(rest.substr(0, tab));
      if (tab == std::string_view::npos) {
        break;
      }
      safe += '\t';
      rest.remove_prefix(tab + 1);
    }
  }
  return safe;
}

}  // namespace

Output::Output(const env::Environment& environment)
    : colours_(::isatty(STDOUT_FILENO) == 1 && !env::nonEmpty(environment, "NO_COLOR") &&
               env::nonEmpty(environment, "TERM").value_or("dumb") != "dumb"),
      error_is_terminal_(::isatty(STDERR_FILENO) == 1) {}

std::string Output::paint(std::string_view colour, std::string_view text) const {
  return colours_ ? cat("\x1b[", colour, "m", text, "\x1b[0m") : std::string(text);
}

void Output::text(std::string_view text) {
  put(STDOUT_FILENO, text);
}

void Output::line(std::string_view text) {
  put(STDOUT_FILENO, cat(text, "\n"));
}

void Output::lines(std::string_view text) {
  put(STDOUT_FILENO, printableLines(text));
}

void Output::table(const Table& table) {
  std::vector<std::size_t> widths;
  widths.reserve(table.head.size());
  for (const std::string_view cell : table.head) {
    widths.push_back(cell.size());
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& row : table.rows) {
    std::vector<std::string>& safe = rows.emplace_back();
    for (std::size_t i = 0; i < widths.size(); ++i) {
      safe.push_back(i < row.size() && !row[i].empty() ? printable(row[i]) : "-");
      widths[i] = std::max(widths[i], columns(safe.back()));
    }
  }
  std::string text;
  const auto add_cell = [&](std::size_t i, std::string_view shown, std::size_t width) {
    text += shown;
    if (i + 1 < widths.size()) {
      text.append(widths[i] - width + 2, ' ');
    }
  };
  for (std::size_t i = 0; i < widths.size(); ++i) {
    add_cell(i, paint(kBold, table.head[i]), table.head[i].size());
  }
  text += '\n';
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      add_cell(i, row[i], columns(row[i]));
    }
    text += '\n';
  }
  put(STDOUT_FILENO, text);
}

void Output::changes(const std::vector<model::Change>& changes) {
  std::string text;
  for (const model::Change& change : changes) {
    switch (change.kind) {
      case model::Change::Kind::Added:
        text += paint(kGreen, "A");
        break;
      case model::Change::Kind::Modified:
        text += paint(kYellow, "M");
        break;
      case model::Change::Kind::Deleted:
        text += paint(kRed, "D");
        break;
    }
    text += cat(" ", printable(change.path), change.partial ? "/ and what is below it" : "", "\n");
  }
  put(STDOUT_FILENO, text);
}

void Output::diff(std::string_view text) {
  const std::string safe = printableLines(text);
  if (!colours_) {
    put(STDOUT_FILENO, safe);
    return;
  }
  std::string painted;
  for (const std::string_view line : split(safe, '\n')) {
    if (!painted.empty()) {
      painted += '\n';
    }
    const bool file = line.starts_with("+++") || line.starts_with("---");
    painted += line.empty()             ? std::string()
               : file                   ? paint(kBold, line)
               : line.starts_with('+')  ? paint(kGreen, line)
               : line.starts_with('-')  ? paint(kRed, line)
               : line.starts_with("@@") ? paint(kCyan, line)
                                        : std::string(line);
  }
  put(STDOUT_FILENO, painted);
}

void Output::check(Mark mark, std::string_view name, std::string_view detail) {
  const auto painted = [&] {
    switch (mark) {
      case Mark::Ok:
        return paint(kGreen, "ok    ");
      case Mark::Info:
        return std::string("info  ");
      case Mark::Warning:
        return paint(kYellow, "warn  ");
      case Mark::Failed:
        return paint(kRed, "FAILED");
    }
    std::unreachable();
  };
  line(cat(painted(), "  ", printable(name), detail.empty() ? "" : ": ", printable(detail)));
}

void Output::error(const Error& error) {
  std::string text = cat("agentkernel: ", printable(error.message), "\n");
  if (!error.remedy.empty()) {
    text += cat("agentkernel: ", printable(error.remedy), "\n");
  }
  put(STDERR_FILENO, text);
}

void Output::hint(std::string_view text) {
  if (error_is_terminal_ || verbosity_ == Verbosity::Verbose) {
    note(text);
  }
}

std::optional<bool> Output::ask(std::string_view question) {
  if (!error_is_terminal_ || ::isatty(STDIN_FILENO) != 1) {
    return std::nullopt;
  }
  put(STDERR_FILENO, cat("agentkernel: ", printable(question), " [y/N] "));
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "yes";
}

void Output::note(std::string_view text) {
  put(STDERR_FILENO, cat("agentkernel: ", printable(text), "\n"));
}

}  // namespace ak::cli
