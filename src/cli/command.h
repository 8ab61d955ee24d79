#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

// What a command of the CLI is made of. Parser, help, docs/cli.md and completion scripts all read
// these tables, so that none of them can say something else.
namespace ak::cli {

class Context;
class Arguments;

enum class Takes : std::uint8_t { Nothing, Value, Values };

struct OptionSpec {
  std::string_view name;  // without dashes
  char letter = 0;
  Takes takes = Takes::Nothing;
  std::string_view value;  // its name in help
  std::string_view help;
  std::string_view words;  // accepted words, separated by commas, for completion
};

// Where the words of a guest command begin: behind so many arguments of our own.
inline constexpr int kNoGuestCommand = -1;

// What completion offers for the first argument.
enum class Completes : std::uint8_t { Nothing, Sandboxes, Files, Commands, Shells };

struct CommandSpec {
  std::string_view name;       // one or two words: "run", "images list"
  std::string_view arguments;  // for the usage line
  std::string_view summary;    // one line, no full stop
  std::string_view details;    // paragraphs, may be empty
  std::span<const OptionSpec> options;
  std::span<const std::string_view> examples;
  int guest_after = kNoGuestCommand;
  // Optional: the project file may name the command.
  enum class GuestCommand : std::uint8_t { Required, Optional };
  GuestCommand guest_command = GuestCommand::Required;
  int least = 0;  // arguments, the guest command not counted
  int most = 0;
  Completes completes = Completes::Nothing;
  // The exit status, or why it could not be done.
  Result<int> (*run)(Context& context, const Arguments& arguments) = nullptr;

  // The guest's exit codes are passed through, so ours must stand out.
  bool runsGuest() const { return guest_after != kNoGuestCommand; }
};

// What was given on the command line.
class Arguments {
 public:
  bool has(std::string_view option) const;
  std::optional<std::string> value(std::string_view option) const;  // the last one wins
  std::vector<std::string> values(std::string_view option) const;

  const std::vector<std::string>& positional() const { return positional_; }

  const std::string& first() const { return positional_.front(); }

  const std::vector<std::string>& guestCommand() const { return guest_command_; }

 private:
  friend class Parser;

  struct Given {
    std::string_view option;
    std::string value;
  };

  std::vector<Given> given_;
  std::vector<std::string> positional_;
  std::vector<std::string> guest_command_;
};

// Exit status of a wrong command line, where it is not the guest's: clap's, and so upstream's.
inline constexpr int kWrongCommandLine = 2;

// A command's own options, then those that every command understands: without a letter where the
// command has given it to one of its own.
std::vector<OptionSpec> optionsOf(const CommandSpec& command);

// `words` are those behind the command's name. InvalidArgument names the nearest known option.
Result<Arguments> parseArguments(const CommandSpec& command, std::span<const char* const> words);

// All commands, sorted by name.
std::span<const CommandSpec* const> allCommands();

// Finds the command and the number of words that name it; upstream's groups ("sandbox list") and
// spellings are understood. InvalidArgument names the nearest known command.
struct FoundCommand {
  const CommandSpec* command = nullptr;
  std::size_t words = 0;
};

Result<FoundCommand> findCommand(std::span<const char* const> words);

}  // namespace ak::cli
