#pragma once

#include <charconv>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace ak {

// cat("pid ", 42, ": gone") without streams, locales or format strings: base is linked into the
// guest agent, where fmt would double the binary.
class CatPiece {
 public:
  // Converting is what they are for; a number's size is known once its digits are written.
  // NOLINTBEGIN(google-explicit-constructor,cppcoreguidelines-prefer-member-initializer)
  CatPiece(std::string_view text) : text_(text) {}

  CatPiece(const std::string& text) : text_(text) {}

  CatPiece(const char* text) : text_(text) {}

  CatPiece(char c) : size_(1), text_() { digits_[0] = c; }

  template <std::integral T>
    requires(!std::same_as<T, char> && !std::same_as<T, bool>)
  CatPiece(T value) : text_() {
    size_ = static_cast<std::size_t>(std::to_chars(digits_, digits_ + sizeof digits_, value).ptr -
                                     digits_);
  }

  // NOLINTEND(google-explicit-constructor,cppcoreguidelines-prefer-member-initializer)

  std::string_view view() const { return size_ != 0 ? std::string_view(digits_, size_) : text_; }

 private:
  char digits_[24];
  std::size_t size_ = 0;
  std::string_view text_;
};

std::string catPieces(std::initializer_list<CatPiece> pieces);

template <typename... Ts>
std::string cat(const Ts&... parts) {
  return catPieces({CatPiece(parts)...});
}

std::vector<std::string_view> split(std::string_view text, char separator);
std::string join(const std::vector<std::string>& parts, std::string_view separator);
std::string_view trim(std::string_view text);
std::string toLower(std::string_view text);

// The whole text as a number; nullopt on anything else (sign, space, overflow).
template <std::integral T>
std::optional<T> parseNumber(std::string_view text, int base = 10) {
  T value{};
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty()) {
    return std::nullopt;
  }
  return value;
}

std::string toHex(std::string_view bytes);

// RFC 3629: no surrogates, no overlong forms, at most U+10FFFF. What JSON text can carry.
bool isUtf8(std::string_view text);

// Text safe to print on a terminal or put in a log line: control bytes, bidirectional controls and
// invalid UTF-8 become \xNN, so that a guest's output or name cannot drive the user's terminal.
std::string printable(std::string_view text);

// The same for a path in a message: a guest's may have 4095 bytes, so only its ends are shown where
// it is longer than `limit` bytes.
std::string printableEnds(std::string_view text, std::size_t limit = 200);

// How much of `text` there is without the UTF-8 character that its last bytes begin and do not end:
// for text that comes in pieces. Bytes that begin no character count as whole.
std::size_t wholeCharacters(std::string_view text);

// The candidate closest to `word` (edit distance at most 2 and less than half of it, neighbours
// that changed places being one edit); empty if none.
std::string_view nearestWord(std::string_view word,
                             const std::vector<std::string_view>& candidates);

// "1.8 MiB", "512 MiB", "17 B": rounded down to a tenth of the unit, for people.
std::string readableBytes(std::uint64_t bytes);

}  // namespace ak
