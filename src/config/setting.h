#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace ak::config {

// Where a value was written; `config show --origin` and every error print it as file:line:column.
struct Origin {
  std::string file;
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  std::string text() const;     // "file:line"
  std::string precise() const;  // "file:line:column"
  bool operator==(const Origin&) const = default;
};

template <typename T>
struct Setting {
  T value{};
  Origin origin;
  bool operator==(const Setting&) const = default;
};

// Absent: nobody said; the built-in default holds.
template <typename T>
using Maybe = std::optional<Setting<T>>;

}  // namespace ak::config
