#pragma once

#include <span>
#include <string_view>

#include "base/result.h"
#include "config/section_reader.h"

namespace ak::config {

// Sections and keys that other versions of agentkernel.toml know and this build does not offer.
// Recognised by name, so that a user learns "not yet" instead of "unknown".

struct ForeignSection {
  std::string_view path;  // "api" or "security.domains"
  // Dotted keys below it that restrict something. Ignoring them would leave the user less protected
  // than the file says, so any of them being set (not false, not empty) is an error in every file.
  // "*" = any content.
  std::span<const std::string_view> restrictions;
  std::string_view instead;  // the remedy
};

std::span<const ForeignSection> foreignSections();

// Unsupported in the user's file, and in a project's where it asks for a restriction; else a
// warning in `context`.
Status readForeign(const ForeignSection& section,
                   Position at,
                   const Value& value,
                   FileContext& context);

}  // namespace ak::config
