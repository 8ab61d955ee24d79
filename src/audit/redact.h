#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace ak::audit {

struct RedactedCommand {
  std::vector<std::string> arguments;
  std::size_t redacted = 0;       // how many secrets were taken out
  std::size_t missing_bytes = 0;  // of arguments that were left out or cut
};

// Takes secrets out of command lines before anybody writes them down. It knows what secrets mostly
// look like, so it is a net and not a wall: a password that looks like a word and stands where no
// name says so goes through. What it takes out:
//   - the value of NAME=value where NAME is all capitals (an environment variable) or sounds
//   secret;
//   - the value of --password x, --password=x, and of every option whose name sounds secret;
//   - what follows `-p` of mysql, mariadb and sshpass, `-u user:`, `Bearer`, `Basic`, and headers
//   whose name sounds secret;
//   - user:password@ in a URL, and its query parameters whose name sounds secret;
//   - tokens that carry their maker's mark (sk-, ghp_, github_pat_, AKIA, xoxb-, glpat-, JWTs,
//   ...),
//     and private keys in PEM;
//   - what the owner configured ([audit] redact).
// All work is bounded: of one argument the first kWindow bytes are looked at, and fewer are shown.
class Redactor {
 public:
  static constexpr std::size_t kWindow = 8192;
  static constexpr std::size_t kMaxArgument = 1024;
  static constexpr std::size_t kMaxCommand = 4096;  // bytes shown of all arguments
  static constexpr std::size_t kMaxArguments = 128;
  static constexpr std::string_view kMark = "[redacted]";

  // Each rule is the name of an option or variable whose value is secret (`--licence`, `DB_URL`),
  // or, with a `*`, a pattern for whole words.
  explicit Redactor(std::vector<std::string> rules = {}) : rules_(std::move(rules)) {}

  // Every argument but the program's name: for when the rules cannot be read.
  static Redactor everything();

  RedactedCommand command(const std::vector<std::string>& argv) const;
  // Free text: a message, an output.
  std::string text(std::string_view text) const;

 private:
  friend class Scrubber;

  std::vector<std::string> rules_;
  bool everything_ = false;
};

}  // namespace ak::audit
