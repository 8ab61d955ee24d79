#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ak::config {

// A parsed TOML file as plain data, so that one file includes toml++ and no other needs to.
struct Position {
  std::uint32_t line = 0;
  std::uint32_t column = 0;
};

struct Field;

struct Value {
  enum class Kind { Table, Array, String, Integer, Float, Boolean, Time };
  Kind kind = Kind::Table;
  Position at;
  std::string text;           // String
  std::int64_t integer = 0;   // Integer
  double real = 0;            // Float
  bool boolean = false;       // Boolean
  std::vector<Value> items;   // Array
  std::vector<Field> fields;  // Table, in the order of the file

  const Value* find(std::string_view key) const;  // of a Table; nullptr when absent
};

struct Field {
  std::string name;
  Position at;
  Value value;
};

// "a string", "a table": for messages.
std::string_view kindName(Value::Kind kind);

inline constexpr std::size_t kMaxTomlBytes = std::size_t{1} << 20U;
inline constexpr std::size_t kMaxTomlDepth = 32;

// The root table. TooLarge over kMaxTomlBytes; InvalidArgument "file:line:column: what" for
// anything that is not TOML 1.0, not UTF-8, has a NUL, or nests deeper than kMaxTomlDepth. `file`
// is only used in messages.
Result<Value> parseToml(std::string_view file, std::string_view text);

}  // namespace ak::config
