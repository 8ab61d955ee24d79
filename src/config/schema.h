#pragma once

#include <span>
#include <string_view>

namespace ak::config {

// One definition of what may be written, for both files. docs/configuration.md is compared with it
// by a test, so a key cannot exist without its line there.

enum class Audience { User, Project };

enum class Where { Both, UserOnly, ProjectOnly };

struct KeySpec {
  std::string_view key;
  std::string_view type;           // for people: "string", "whole number 1..1024"
  std::string_view default_value;  // for people
  Where where = Where::Both;
  std::string_view meaning;  // one sentence
};

struct SectionSpec {
  std::string_view name;  // "security.commands"
  enum class Shape { Table, ArrayOfTables } shape = Shape::Table;
  std::span<const KeySpec> keys;
};

}  // namespace ak::config
