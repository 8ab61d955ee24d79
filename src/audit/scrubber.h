#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "audit/secret_words.h"

namespace ak::audit {

// One pass over the arguments of one command, word by word; what one argument says of the next
// (`--password`, then the password) is remembered between them. redact.h says what it takes out.
class Scrubber {
 public:
  explicit Scrubber(std::span<const std::string> rules) : rules_(rules) {}

  std::string argument(std::string_view text);

  std::size_t redacted() const { return redacted_; }

 private:
  // What the word before said of this one.
  enum class Next { Ordinary, Secret, UserAndPassword };

  void words();
  void word(std::string_view word);
  bool option(std::string_view word);
  bool passwordOption(std::string_view word);
  bool named(std::string_view word);
  bool marked(std::string_view word);
  void plain(std::string_view word);
  void mark();
  // Skips the value that begins at at_: a quoted text, else up to the word's end.
  void skipValue();
  void skipRestOfLine();
  bool isSecret(std::string_view name) const;
  bool matchesPattern(std::string_view word) const;

  std::span<const std::string> rules_;
  std::size_t redacted_ = 0;
  Next next_ = Next::Ordinary;
  OptionP p_ = OptionP::Other;  // by the last program that was named
  std::string_view text_;
  std::size_t at_ = 0;
  std::string out_;
};

}  // namespace ak::audit
