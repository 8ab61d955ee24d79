#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ak::policy {

// [security.commands]. Matched on the base name of argv[0] and on nothing else: what a shell, an
// interpreter or a renamed copy then runs is not seen. It keeps honest agents on the path; the
// sandbox is what holds dishonest ones.
struct CommandPolicy {
  std::vector<std::string> allow;
  std::vector<std::string> block;
  bool allowlist_only = false;
  std::string origin;  // "file:line" for messages
  bool operator==(const CommandPolicy&) const = default;
};

// PolicyDenied unless every policy lets the command start (user config and project file each have
// one; a project's can so only narrow). Block wins over allow; allowlist_only with nothing allowed
// denies all. InvalidArgument for an empty argv.
Status checkCommand(std::span<const CommandPolicy> policies, const std::vector<std::string>& argv);

// PolicyDenied where an allow-list is set: what is typed into an attached terminal is not checked.
Status checkAttach(std::span<const CommandPolicy> policies);

// The part of argv[0] that rules are written for.
std::string_view commandName(std::string_view argv0);

}  // namespace ak::policy
