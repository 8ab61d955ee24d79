#include "config/toml_bounds.h"

#include "base/text.h"
#include "config/toml_document.h"

namespace ak::config {

namespace {

constexpr std::size_t kMaxTokens = 10'000;

// Knows just enough of TOML's lexical rules to tell structure from the insides of strings.
class ShapeScanner {
 public:
  ShapeScanner(std::string_view file, std::string_view text) : file_(file), text_(text) {}

  Status scan() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '"' || c == '\'') {
        skipString(c);
        continue;
      }
      if (c == '#') {
        skipComment();
        continue;
      }
      ++at_;
      AK_TRY(structure(c));
    }
    return {};
  }

 private:
  Status structure(char c) {
    switch (c) {
      case '\n':
        ++line_;
        dots_ = 0;
        return {};
      case '.':
        ++dots_;
        return check(++total_);
      case '[':
      case '{':
        ++depth_;
        dots_ = 0;
        return check(total_);
      case ']':
      case '}':
        depth_ -= depth_ != 0 ? 1 : 0;
        dots_ = 0;
        return {};
      case '=':
      case ',':
        dots_ = 0;
        return check(c == '=' ? ++total_ : total_);
      default:
        return {};
    }
  }

  Status check(std::size_t total) const {
    if (depth_ <= kMaxTomlDepth && dots_ < kMaxTomlDepth && total <= kMaxTokens) {
      return {};
    }
    return fail(
        ErrorCode::InvalidArgument,
        cat(file_, ":", line_, ": ", total > kMaxTokens ? "too many keys" : "nested too deeply"),
        "A configuration has at most 32 levels and 10,000 keys.");
  }

  void skipComment() {
    while (at_ < text_.size() && text_[at_] != '\n') {
      ++at_;
    }
  }

  void skipString(char quote) {
    const bool multi = text_.substr(at_, 3) == std::string(3, quote);
    at_ += multi ? 3 : 1;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '\\' && quote == '"') {
        line_ += at_ + 1 < text_.size() && text_[at_ + 1] == '\n' ? 1 : 0;
        at_ += 2;
        continue;
      }
      if (c == '\n') {
        if (!multi) {
          return;  // unterminated: the parser will say so
        }
        ++line_;
      }
      if (c == quote && (!multi || text_.substr(at_, 3) == std::string(3, quote))) {
        at_ += multi ? 3 : 1;
        return;
      }
      ++at_;
    }
  }

  std::string_view file_;
  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  std::size_t depth_ = 0;
  std::size_t dots_ = 0;
  std::size_t total_ = 0;
};

}  // namespace

Status checkTomlShape(std::string_view file, std::string_view text) {
  return ShapeScanner(file, text).scan();
}

}  // namespace ak::config
