#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "base/tlv.h"
#include "model/box_codec.h"

// The records that launcher packets are made of; for box_codec.cc and its parts only. Field numbers
// are the wire format: they may be added to, never reused. read() is false for malformed text.
namespace ak::model::codec {

// More than any real box has; a peer that sends more is broken or hostile.
inline constexpr std::size_t kMaxItems = 1024;

// Runs `field` for each field of the record; false when anything was malformed.
template <typename F>
bool eachField(std::string_view text, F&& field) {
  TlvReader in(text);
  bool good = true;
  while (good && in.next()) {
    good = field(in);
  }
  return good && in.ok();
}

template <typename T>
bool append(std::vector<T>& list, T value) {
  if (list.size() >= kMaxItems) {
    return false;
  }
  list.push_back(std::move(value));
  return true;
}

template <typename E>
bool readEnum(TlvReader& in, E last, E& out) {
  const std::uint64_t value = in.number();
  if (value > static_cast<std::uint64_t>(last)) {
    return false;
  }
  out = static_cast<E>(value);
  return true;
}

TlvWriter write(const Limits& limits);
bool read(std::string_view text, Limits& limits);
TlvWriter write(const IdRange& ids);
bool read(std::string_view text, IdRange& ids);
TlvWriter write(const HostPath& path);
bool read(std::string_view text, HostPath& path);
TlvWriter write(const BoxRoot::Bind& bind);
bool read(std::string_view text, BoxRoot::Bind& bind);
TlvWriter write(const BoxRoot& root);
bool read(std::string_view text, BoxRoot& root);
TlvWriter write(const BoxSpec& spec);
bool read(std::string_view text, BoxSpec& spec);
TlvWriter write(const BoxWorkspace& workspace);
bool read(std::string_view text, BoxWorkspace& workspace);
TlvWriter write(const BoxVolume& volume);
bool read(std::string_view text, BoxVolume& volume);
TlvWriter write(const BoxIdentity& identity);
bool read(std::string_view text, BoxIdentity& identity);
TlvWriter write(const EnforcedLimit& limit);
bool read(std::string_view text, EnforcedLimit& limit);
TlvWriter write(const BoxStarted& started);
bool read(std::string_view text, BoxStarted& started);
TlvWriter write(const BoxExited& exited);
bool read(std::string_view text, BoxExited& exited);
TlvWriter write(const BoxStats& stats);
bool read(std::string_view text, BoxStats& stats);
TlvWriter write(const Error& error);
bool read(std::string_view text, Error& error);

}  // namespace ak::model::codec
