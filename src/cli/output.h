#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "env/environment.h"
#include "model/run_request.h"

// All printing of the CLI. Text from guests and the daemon passes printable() here, so that no file
// name or message can drive the user's terminal; a guest's own output is not text of ours and goes
// through session.h untouched.
namespace ak::cli {

enum class Verbosity : std::uint8_t { Normal, Verbose };

class Output {
 public:
  explicit Output(const env::Environment& environment);

  void setVerbosity(Verbosity verbosity) { verbosity_ = verbosity; }

  // To standard output, as it is.
  void text(std::string_view text);
  void line(std::string_view text);
  // Lines of a stranger: control characters other than tabs are shown as \xNN.
  void lines(std::string_view text);

  struct Table {
    std::vector<std::string_view> head;
    std::vector<std::vector<std::string>> rows;
  };

  // Columns padded to their widest cell; the head bold on a terminal.
  void table(const Table& table);

  void changes(const std::vector<model::Change>& changes);
  // A unified diff, coloured on a terminal.
  void diff(std::string_view text);
  enum class Mark : std::uint8_t { Ok, Info, Warning, Failed };
  // "ok      name: detail", "info ...", "warn ..." or "FAILED ..."
  void check(Mark mark, std::string_view name, std::string_view detail);

  // To standard error, "agentkernel: message" and the remedy in a line of its own.
  void error(const Error& error);
  // For people: only when standard error is a terminal, or asked for.
  void hint(std::string_view text);
  void note(std::string_view text);
  // Asks on standard error and reads a line: was it "y" or "yes"? Nothing where there is nobody to
  // ask, because one of the two is no terminal.
  std::optional<bool> ask(std::string_view question);

 private:
  std::string paint(std::string_view colour, std::string_view text) const;

  bool colours_ = false;
  bool error_is_terminal_ = false;
  Verbosity verbosity_ = Verbosity::Normal;
};

}  // namespace ak::cli
