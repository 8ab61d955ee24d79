#include <algorithm>
#include <array>

#include "base/text.h"
#include "cli/command.h"

namespace ak::cli {

namespace {

constexpr std::array<OptionSpec, 2> kCommon = {{
    {.name = "help", .letter = 'h', .help = "Show this help"},
    {.name = "verbose", .letter = 'v', .help = "Say more on standard error"},
}};

auto isLetter(char letter) {
  return [letter](const OptionSpec& spec) { return spec.letter == letter; };
}

}  // namespace

std::vector<OptionSpec> optionsOf(const CommandSpec& command) {
  std::vector<OptionSpec> all(command.options.begin(), command.options.end());
  for (OptionSpec common : kCommon) {
    if (std::ranges::any_of(command.options, isLetter(common.letter))) {
      common.letter = 0;
    }
    all.push_back(common);
  }
  return all;
}

bool Arguments::has(std::string_view option) const {
  return std::ranges::any_of(given_, [&](const Given& given) { return given.option == option; });
}

std::optional<std::string> Arguments::value(std::string_view option) const {
  std::optional<std::string> last;
  for (const Given& given : given_) {
    if (given.option == option) {
      last = given.value;
    }
  }
  return last;
}

std::vector<std::string> Arguments::values(std::string_view option) const {
  std::vector<std::string> all;
  for (const Given& given : given_) {
    if (given.option == option) {
      all.push_back(given.value);
    }
  }
  return all;
}

// The conventions of getopt_long(3): --name=value, --name value, -x value, -xvalue, -abc, and `--`.
// Options may stand behind arguments, but the first word of a guest command ends them: what follows
// is the guest's.
class Parser {
 public:
  Parser(const CommandSpec& command, std::span<const char* const> words)
      : command_(command), options_(optionsOf(command)), words_(words) {}

  Result<Arguments> parse() {
    while (at_ < words_.size()) {
      const std::string_view word = words_[at_];
      if (word == "--") {
        ++at_;
        AK_TRY(takeRest());
        break;
      }
      if (word.size() > 1 && word[0] == '-') {
        ++at_;
        AK_TRY(word[1] == '-' ? takeLong(word.substr(2)) : takeShort(word.substr(1)));
        if (arguments_.has("help")) {
          return std::move(arguments_);
        }
        continue;
      }
      if (static_cast<int>(arguments_.positional_.size()) == command_.guest_after) {
        AK_TRY(takeRest());
        break;
      }
      arguments_.positional_.emplace_back(word);
      ++at_;
    }
    AK_TRY(checkCount());
    return std::move(arguments_);
  }

 private:
  Error usage(std::string message) const {
    return Error::make(ErrorCode::InvalidArgument, std::move(message),
                       cat("See: agentkernel ", command_.name, " --help"));
  }

  const OptionSpec* find(auto&& matches) const {
    const auto found = std::ranges::find_if(options_, matches);
    return found == options_.end() ? nullptr : &*found;
  }

  Status unknown(std::string_view option) const {
    std::vector<std::string_view> names;
    for (const OptionSpec& spec : options_) {
      names.push_back(spec.name);
    }
    const std::string_view nearest = nearestWord(option, names);
    Error error = usage(cat("unknown option '", option.size() == 1 ? "-" : "--", printable(option),
                            "' of ", command_.name));
    if (!nearest.empty()) {
      error.remedy = cat("Did you mean '--", nearest, "'? ", error.remedy);
    }
    return std::unexpected(std::move(error));
  }

  Status takeLong(std::string_view text) {
    const std::size_t equals = text.find('=');
    const std::string_view name = text.substr(0, equals);
    const OptionSpec* spec =
        find([&](const OptionSpec& candidate) { return candidate.name == name; });
    if (spec == nullptr || name.size() < 2) {
      return unknown(name.empty() ? text : name);
    }
    if (spec->takes == Takes::Nothing) {
      if (equals != std::string_view::npos) {
        return std::unexpected(usage(cat("option '--", name, "' takes no value")));
      }
      arguments_.given_.push_back({spec->name, {}});
      return {};
    }
    if (equals != std::string_view::npos) {
      arguments_.given_.push_back({spec->name, std::string(text.substr(equals + 1))});
      return {};
    }
    return takeValue(*spec);
  }

  Status takeShort(std::string_view letters) {
    // The fingers' habit from docker. -i is --image here as it is upstream, and standard input is
    // forwarded anyway, so only -t is left of it.
    if ((letters == "it" || letters == "ti") && find(isLetter('i')) != nullptr &&
        find(isLetter('t')) != nullptr) {
      arguments_.given_.push_back({"interactive", {}});
      arguments_.given_.push_back({"tty", {}});
      return {};
    }
    while (!letters.empty()) {
      const OptionSpec* spec = find(isLetter(letters.front()));
      if (spec == nullptr) {
        return unknown(letters.substr(0, 1));
      }
      letters.remove_prefix(1);
      if (spec->takes == Takes::Nothing) {
        arguments_.given_.push_back({spec->name, {}});
      } else if (!letters.empty()) {
        arguments_.given_.push_back({spec->name, std::string(letters)});
        return {};
      } else {
        return takeValue(*spec);
      }
    }
    return {};
  }

  Status takeValue(const OptionSpec& spec) {
    if (at_ == words_.size()) {
      return std::unexpected(usage(cat("option '--", spec.name, "' needs a value: ", spec.value)));
    }
    arguments_.given_.push_back({spec.name, words_[at_++]});
    return {};
  }

  Status takeRest() {
    std::vector<std::string>& target =
        command_.runsGuest() ? arguments_.guest_command_ : arguments_.positional_;
    target.insert(target.end(), words_.begin() + static_cast<std::ptrdiff_t>(at_), words_.end());
    at_ = words_.size();
    return {};
  }

  Status checkCount() const {
    const int count = static_cast<int>(arguments_.positional_.size());
    if (count < command_.least) {
      return std::unexpected(usage(cat(command_.name, " needs ", command_.arguments)));
    }
    if (count > command_.most) {
      return std::unexpected(usage(
          cat("unexpected argument '",
              printable(arguments_.positional_[static_cast<std::size_t>(command_.most)]), "'")));
    }
    if (command_.runsGuest() && arguments_.guest_command_.empty() &&
        command_.guest_command == CommandSpec::GuestCommand::Required) {
      return std::unexpected(usage(cat(command_.name, ": there is no command to run")));
    }
    return {};
  }

  const CommandSpec& command_;
  const std::vector<OptionSpec> options_;
  std::span<const char* const> words_;
  std::size_t at_ = 0;
  Arguments arguments_;
};

Result<Arguments> parseArguments(const CommandSpec& command, std::span<const char* const> words) {
  return Parser(command, words).parse();
}

}  // namespace ak::cli
