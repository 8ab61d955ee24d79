#include "cli/detach_keys.h"

#include <optional>
#include <utility>

#include "base/text.h"

namespace ak::cli {

namespace {

constexpr std::size_t kMaxKeys = 16;
constexpr std::string_view kControl = "ctrl-";

std::optional<char> parseKey(std::string_view word) {
  if (word.size() == 1 && word[0] > ' ' && word[0] < 0x7f) {
    return word[0];
  }
  if (word.size() != kControl.size() + 1 || !toLower(word).starts_with(kControl)) {
    return std::nullopt;
  }
  const char key = word.back();
  const bool letter = (key >= 'a' && key <= 'z') || (key >= '@' && key <= '_');
  return letter ? std::optional(static_cast<char>(key & 0x1f)) : std::nullopt;
}

}  // namespace

Result<std::string> parseDetachKeys(std::string_view words) {
  if (words == "none") {
    return std::string();
  }
  std::string keys;
  for (const std::string_view word : split(words, ',')) {
    const auto key = parseKey(word);
    if (!key || keys.size() == kMaxKeys) {
      return fail(ErrorCode::InvalidArgument,
                  cat("--detach-keys '", printable(words), "' are no keys"),
                  "Write up to 16 of them like ctrl-p,ctrl-q or ctrl-a,d, or none.");
    }
    keys += *key;
  }
  return keys;
}

DetachKeys::Found DetachKeys::feed(std::string_view bytes) {
  Found found;
  if (keys_.empty()) {
    found.typed = bytes;
    return found;
  }
  for (const char byte : bytes) {
    // What was held and cannot be the beginning any more is passed on, from its front.
    while (matched_ != 0 && keys_[matched_] != byte) {
      std::size_t shorter = matched_ - 1;
      while (shorter != 0 && std::string_view(keys_).substr(0, shorter) !=
                                 std::string_view(keys_).substr(matched_ - shorter, shorter)) {
        --shorter;
      }
      found.typed.append(keys_, 0, matched_ - shorter);
      matched_ = shorter;
    }
    if (keys_[matched_] != byte) {
      found.typed += byte;
      continue;
    }
    if (++matched_ == keys_.size()) {
      matched_ = 0;
      found.detach = true;
      return found;
    }
  }
  return found;
}

std::string DetachKeys::release() {
  return keys_.substr(0, std::exchange(matched_, 0));
}

}  // namespace ak::cli
