#include "base/text.h"

#include <algorithm>
#include <array>
#include <cstdio>

namespace ak {

std::string catPieces(std::initializer_list<CatPiece> pieces) {
  std::size_t size = 0;
  for (const CatPiece& piece : pieces) {
    size += piece.view().size();
  }
  std::string text;
  text.reserve(size);
  for (const CatPiece& piece : pieces) {
    text += piece.view();
  }
  return text;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) {
      return parts;
    }
    text.remove_prefix(at + 1);
  }
}

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
  std::string text;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    text += i == 0 ? std::string_view() : separator;
    text += parts[i];
  }
  return text;
}

std::string_view trim(std::string_view text) {
  const auto is_space = [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
  while (!text.empty() && is_space(text.front())) {
    text.remove_prefix(1);
  }
  while (!text.empty() && is_space(text.back())) {
    text.remove_suffix(1);
  }
  return text;
}

std::string toLower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') {
      c = static_cast<char>(c - 'A' + 'a');
    }
  }
  return lower;
}

std::string toHex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  hex.reserve(bytes.size() * 2);
  for (const char byte : bytes) {
    hex += kDigits[static_cast<unsigned char>(byte) >> 4U];
    hex += kDigits[static_cast<unsigned char>(byte) & 15U];
  }
  return hex;
}

namespace {

struct Utf8Class {
  unsigned char first_low, first_high;    // what the first byte may be
  unsigned char second_low, second_high;  // and the second; all later ones are 80..bf
  std::size_t length;
};

// RFC 3629 section 4: no surrogates, no overlong forms, at most U+10FFFF.
constexpr Utf8Class kUtf8[] = {
    {0x00, 0x7f, 0x00, 0x00, 1}, {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
    {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
    {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4}};

// Length of the valid UTF-8 sequence at the front of a text that is not empty; 0 when invalid.
std::size_t utf8Length(std::string_view text) {
  const auto in = [&](std::size_t at, unsigned char low, unsigned char high) {
    const auto byte = static_cast<unsigned char>(text[at]);
    return byte >= low && byte <= high;
  };
  for (const Utf8Class& row : kUtf8) {
    if (!in(0, row.first_low, row.first_high)) {
      continue;
    }
    if (row.length > text.size() || (row.length > 1 && !in(1, row.second_low, row.second_high))) {
      return 0;
    }
    for (std::size_t i = 2; i < row.length; ++i) {
      if (!in(i, 0x80, 0xbf)) {
        return 0;
      }
    }
    return row.length;
  }
  return 0;
}

// One valid sequence that does something to a terminal other than show a character: C0, DEL, C1
// (U+0080..U+009F, which terminals obey too), and what reorders or breaks lines (U+061C, U+200E,
// U+200F, U+2028..U+202E, U+2066..U+2069), with which one file name can look like another.
bool steersTerminal(std::string_view sequence) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(sequence[i]); };
  switch (sequence.size()) {
    case 1:
      return at(0) < 0x20U || at(0) == 0x7fU;
    case 2:
      return (at(0) == 0xc2U && at(1) < 0xa0U) || sequence == "\xd8\x9c";
    case 3:
      return (sequence.starts_with("\xe2\x80") &&
              (at(2) == 0x8eU || at(2) == 0x8fU || (at(2) >= 0xa8U && at(2) <= 0xaeU))) ||
             (sequence.starts_with("\xe2\x81") && at(2) >= 0xa6U && at(2) <= 0xa9U);
    default:
      return false;
  }
}

}  // namespace

bool isUtf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8Length(text);
    if (length == 0) {
      return false;
    }
    text.remove_prefix(length);
  }
  return true;
}

std::size_t wholeCharacters(std::string_view text) {
  constexpr std::size_t kLongest = 4;
  for (std::size_t back = 1; back < kLongest && back <= text.size(); ++back) {
    const auto byte = static_cast<unsigned char>(text[text.size() - back]);
    if ((byte & 0xc0U) == 0x80U) {
      continue;  // in the middle of one
    }
    const std::size_t length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return length > back ? text.size() - back : text.size();
  }
  return text.size();
}

std::string printable(std::string_view text) {
  std::string safe;
  safe.reserve(text.size());
  while (!text.empty()) {
    std::size_t length = utf8Length(text);
    if (length == 0 || steersTerminal(text.substr(0, length))) {
      length = std::max<std::size_t>(length, 1);
      for (const char c : text.substr(0, length)) {
        safe += "\\x";
        safe += toHex(std::string_view(&c, 1));
      }
    } else {
      safe += text.substr(0, length);
    }
    text.remove_prefix(length);
  }
  return safe;
}

std::string printableEnds(std::string_view text, std::size_t limit) {
  if (text.size() <= limit) {
    return printable(text);
  }
  const std::size_t end = limit / 2;
  return cat(printable(text.substr(0, limit - end)), "...",
             printable(text.substr(text.size() - end)));
}

namespace {

// Two neighbours that changed places count as one edit: the commonest slip of fingers, and in short
// words ("rnu") the only one that can be told from another word.
std::size_t editDistance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> above(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) {
    row[j] = j;
  }
  for (std::size_t i = 1; i <= a.size(); ++i) {
    before.swap(above);
    above.swap(row);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t changed = above[j - 1] + (a[i - 1] == b[j - 1] ? 0U : 1U);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, changed});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
  }
  return row[b.size()];
}

}  // namespace

std::string_view nearestWord(std::string_view word,
                             const std::vector<std::string_view>& candidates) {
  std::string_view best;
  std::size_t best_distance = 3;
  for (const std::string_view candidate : candidates) {
    const std::size_t distance = editDistance(word, candidate);
    if (distance < best_distance && distance * 2 < std::max<std::size_t>(word.size(), 2)) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

std::string readableBytes(std::uint64_t bytes) {
  constexpr std::array<std::string_view, 5> kUnits = {" B", " KiB", " MiB", " GiB", " TiB"};
  std::uint64_t whole = bytes;
  std::uint64_t tenth = 0;
  std::size_t unit = 0;
  for (; whole >= 1024 && unit + 1 < kUnits.size(); ++unit) {
    tenth = whole % 1024 * 10 / 1024;
    whole /= 1024;
  }
  return tenth == 0 ? cat(whole, kUnits[unit]) : cat(whole, ".", tenth, kUnits[unit]);
}

}  // namespace ak
