#include "api/output_text.h"

#include <algorithm>

#include "base/text.h"

namespace ak::api {
namespace {

// Costs in the JSON text of an event, which stays below 32 KiB with its frame: a control byte takes
// six ("\u0007"), a byte that is not UTF-8 up to three as U+FFFD and 4/3 more in base64.
constexpr std::size_t kTextCost = 30 * 1024;
constexpr std::size_t kMaxRaw = 6 * 1024;

std::size_t jsonCost(std::string_view character) {
  const auto c = static_cast<unsigned char>(character.front());
  if (c < 0x20 || c == 0x7f) {
    return 6;
  }
  return c == '"' || c == '\\' ? 2 : character.size();
}

}  // namespace

int characterLength(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  const std::size_t want = lead < 0x80 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (text.size() >= want) {
    return isUtf8(text.substr(0, want)) ? static_cast<int>(want) : 0;
  }
  // Cut short: completed with the smallest and with the largest continuation, one must be good.
  std::string low(text);
  std::string high(text);
  low.append(want - text.size(), '\x80');
  high.append(want - text.size(), '\xbf');
  return isUtf8(low) || isUtf8(high) ? -1 : 0;
}

void TextPieces::feed(std::string_view bytes) {
  buffer_.erase(0, offset_);
  offset_ = 0;
  buffer_.append(bytes);
}

bool TextPieces::next(Piece& piece) {
  const std::string_view rest = std::string_view(buffer_).substr(offset_);
  if (rest.empty()) {
    return false;
  }
  const int first = characterLength(rest);
  if (first < 0 && !ended_) {
    return false;
  }
  piece.is_text = first > 0;
  std::size_t size = 0;
  std::size_t cost = 0;
  while (size < rest.size()) {
    const int length = characterLength(rest.substr(size));
    if ((length > 0) != piece.is_text || (length < 0 && !ended_)) {
      break;
    }
    const std::size_t step = length > 0 ? static_cast<std::size_t>(length) : 1;
    cost += piece.is_text ? jsonCost(rest.substr(size, step)) : kTextCost / kMaxRaw;
    if (cost > kTextCost) {
      break;
    }
    size += step;
  }
  piece.bytes = rest.substr(0, size);
  offset_ += size;
  return true;
}

}  // namespace ak::api
