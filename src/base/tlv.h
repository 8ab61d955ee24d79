#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace ak {

// Compact, self-describing, versioned records: a sequence of fields {varint key, value}, where
// key = field number << 1 | kind, and the value is a varint (kind 0) or a length-prefixed byte
// string (kind 1). A reader skips the fields that it does not know, so a newer peer may add some.
// Records nest as byte strings. Used between daemon, launcher and agent.
class TlvWriter {
 public:
  TlvWriter& number(std::uint32_t field, std::uint64_t value);
  TlvWriter& bytes(std::uint32_t field, std::string_view value);

  TlvWriter& record(std::uint32_t field, const TlvWriter& nested) {
    return bytes(field, nested.text_);
  }

  // Written only when not empty / not 0: a reader's default stands for it.
  TlvWriter& bytesIf(std::uint32_t field, std::string_view value) {
    return value.empty() ? *this : bytes(field, value);
  }

  TlvWriter& numberIf(std::uint32_t field, std::uint64_t value) {
    return value == 0 ? *this : number(field, value);
  }

  const std::string& text() const& { return text_; }

  std::string take() && { return std::move(text_); }

 private:
  void varint(std::uint64_t value);

  std::string text_;
};

// Reads one field at a time; hostile input ends in ok() == false, never in a read outside `text`.
//   TlvReader in(text);
//   while (in.next()) switch (in.field()) { case 1: spec.pid = in.number(); break; ... }
//   if (!in.ok()) return fail(ErrorCode::Protocol, "...");
class TlvReader {
 public:
  explicit TlvReader(std::string_view text) : rest_(text) {}

  // False at the end and at the first malformed field.
  bool next();

  bool ok() const { return ok_; }

  std::uint32_t field() const { return field_; }

  bool isBytes() const { return is_bytes_; }

  // The value; the other kind reads as 0 or empty and makes ok() false.
  std::uint64_t number();

  // Like number(), and ok() false when it does not fit.
  template <typename T>
  T numberAs() {
    const std::uint64_t value = number();
    if (value > static_cast<std::uint64_t>(std::numeric_limits<T>::max())) {
      ok_ = false;
      return T{};
    }
    return static_cast<T>(value);
  }

  std::string_view bytes();

  std::string string() { return std::string(bytes()); }

 private:
  std::optional<std::uint64_t> varint();

  std::string_view rest_;
  std::string_view bytes_;
  std::uint64_t number_ = 0;
  std::uint32_t field_ = 0;
  bool is_bytes_ = false;
  bool ok_ = true;
};

}  // namespace ak
