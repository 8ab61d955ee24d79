#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/sections/audit.h"
#include "config/sections/commands.h"
#include "config/sections/files.h"
#include "config/sections/limits.h"
#include "config/sections/log.h"
#include "config/sections/pool.h"
#include "config/sections/resources.h"
#include "config/sections/sandbox.h"
#include "config/sections/security.h"

namespace ak::config {

// What a configuration file says. Only what is written there: defaults belong to who uses a value,
// so that `config show --origin` can tell them apart.
struct Config {
  std::string path;  // "" when there is no file
  SandboxSection sandbox;
  ResourcesSection resources;
  SecuritySection security;
  CommandsSection commands;
  std::vector<FileEntry> files;
  PoolSection pool;      // user only
  LimitsSection limits;  // user only
  LogSection log;        // user only
  AuditSection audit;    // user only
  std::vector<std::string> warnings;
  bool operator==(const Config&) const = default;
};

// Two types, so that an attacker's file can never stand where the owner's word is asked for.
struct ProjectConfig : Config {};

struct UserConfig : Config {};

// The content of a project's agentkernel.toml (hostile). Errors: TooLarge over 1 MiB;
// InvalidArgument with file:line:column for what is not TOML, unknown keys (with the nearest known
// one), wrong types and ranges; PermissionDenied for keys of the user's file; Unsupported for
// restrictions that this build cannot enforce. What the project asks for is judged by checkProject
// (config/trust.h).
Result<ProjectConfig> parseProject(std::string_view path, std::string_view content);

// The owner's config.toml. A missing file is an empty one: the caller passes UserConfig{} then. Any
// error here must stop every run, since what the file restricts is unknown.
Result<UserConfig> parseUser(std::string_view path, std::string_view content);

// Every section with its keys, sorted by name: the schema of both files.
std::span<const SectionSpec* const> allSections();

}  // namespace ak::config
