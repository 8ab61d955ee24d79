#include "base/tlv.h"

namespace ak {

void TlvWriter::varint(std::uint64_t value) {
  while (value >= 0x80U) {
    text_ += static_cast<char>((value & 0x7fU) | 0x80U);
    value >>= 7U;
  }
  text_ += static_cast<char>(value);
}

TlvWriter& TlvWriter::number(std::uint32_t field, std::uint64_t value) {
  varint(std::uint64_t{field} << 1U);
  varint(value);
  return *this;
}

TlvWriter& TlvWriter::bytes(std::uint32_t field, std::string_view value) {
  varint(std::uint64_t{field} << 1U | 1U);
  varint(value.size());
  text_ += value;
  return *this;
}

std::optional<std::uint64_t> TlvReader::varint() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (rest_.empty()) {
      return std::nullopt;
    }
    const auto byte = static_cast<unsigned char>(rest_.front());
    rest_.remove_prefix(1);
    const std::uint64_t bits = byte & 0x7fU;
    if (shift == 63 && bits > 1) {
      return std::nullopt;  // would not fit in 64 bits
    }
    value |= bits << shift;
    if ((byte & 0x80U) == 0) {
      return value;
    }
  }
  return std::nullopt;
}

bool TlvReader::next() {
  if (!ok_ || rest_.empty()) {
    return false;
  }
  const auto key = varint();
  const auto value = key ? varint() : std::nullopt;
  if (!value || (*key >> 1U) > std::numeric_limits<std::uint32_t>::max()) {
    ok_ = false;
    return false;
  }
  field_ = static_cast<std::uint32_t>(*key >> 1U);
  is_bytes_ = (*key & 1U) != 0;
  number_ = 0;
  bytes_ = {};
  if (!is_bytes_) {
    number_ = *value;
    return true;
  }
  if (*value > rest_.size()) {
    ok_ = false;
    return false;
  }
  bytes_ = rest_.substr(0, static_cast<std::size_t>(*value));
  rest_.remove_prefix(bytes_.size());
  return true;
}

std::uint64_t TlvReader::number() {
  ok_ = ok_ && !is_bytes_;
  return number_;
}

std::string_view TlvReader::bytes() {
  ok_ = ok_ && is_bytes_;
  return bytes_;
}

}  // namespace ak
