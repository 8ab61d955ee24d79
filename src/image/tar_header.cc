#include "image/tar_header.h"

#include <algorithm>

#include "base/text.h"

namespace ak::image {

std::string_view tarText(std::string_view header, TarField field) {
  const std::string_view bytes = header.substr(field.offset, field.size);
  return bytes.substr(0, bytes.find('\0'));
}

std::optional<std::uint64_t> tarNumber(std::string_view header, TarField field) {
  std::string_view bytes = header.substr(field.offset, field.size);
  if ((static_cast<unsigned char>(bytes.front()) & 0x80U) != 0) {
    // The bit below the marker is the sign.
    std::uint64_t value = static_cast<unsigned char>(bytes.front()) & 0x7fU;
    if ((value & 0x40U) != 0) {
      return std::nullopt;
    }
    for (const char byte : bytes.substr(1)) {
      if (value >> 55U != 0) {
        return std::nullopt;
      }
      value = value << 8U | static_cast<unsigned char>(byte);
    }
    return value;
  }
  const auto is_blank = [](char c) { return c == ' ' || c == '\0'; };
  while (!bytes.empty() && is_blank(bytes.front())) {
    bytes.remove_prefix(1);
  }
  const auto end = std::ranges::find_if(bytes, is_blank);
  const std::string_view digits = bytes.substr(0, static_cast<std::size_t>(end - bytes.begin()));
  if (!std::all_of(end, bytes.end(), is_blank)) {
    return std::nullopt;
  }
  return digits.empty() ? 0 : parseNumber<std::uint64_t>(digits, 8);
}

bool tarChecksumOk(std::string_view header) {
  const std::optional<std::uint64_t> stored = tarNumber(header, kTarChecksum);
  std::uint64_t unsigned_sum = 0;
  std::int64_t signed_sum = 0;
  for (std::size_t i = 0; i < kTarBlock; ++i) {
    const bool in_field = i >= kTarChecksum.offset && i < kTarChecksum.offset + kTarChecksum.size;
    const char byte = in_field ? ' ' : header[i];
    unsigned_sum += static_cast<unsigned char>(byte);
    signed_sum += static_cast<signed char>(byte);
  }
  return stored && (*stored == unsigned_sum || static_cast<std::int64_t>(*stored) == signed_sum);
}

bool tarBlockIsZero(std::string_view block) {
  return std::ranges::all_of(block, [](char c) { return c == '\0'; });
}

}  // namespace ak::image
