#include "manager/config_lines.h"

#include <array>
#include <utility>

#include "base/text.h"
#include "manager/wishes.h"

namespace ak::manager {

namespace {

using policy::Provenance;
using Lines = std::vector<Provenance>;

constexpr std::string_view kBuiltIn = "built in";

// What policy calls a switch, and the key that is written for it.
constexpr std::array<std::pair<std::string_view, std::string_view>, 9> kPolicyKeys = {{
    {"profile", "security.profile"},
    {"network", "security.network"},
    {"seccomp", "security.seccomp"},
    {"read_only_root", "security.read_only"},
    {"pass_env", "security.pass_env"},
    {"memory", "resources.memory"},
    {"cpu", "resources.cpu"},
    {"pids", "resources.pids"},
    {"disk", "resources.disk"},
}};

std::string shown(const std::string& value) {
  return value;
}

std::string shown(bool value) {
  return value ? "true" : "false";
}

std::string shown(const std::vector<std::string>& value) {
  return cat("[", join(value, ", "), "]");
}

template <std::integral T>
std::string shown(T value) {
  return std::to_string(value);
}

std::string shown(model::WorkspaceMode value) {
  return std::string(name(value));
}

std::string shown(config::AuditFailure choice) {
  return choice == config::AuditFailure::Refuse ? "refuse" : "warn";
}

std::string shown(config::LogLevel level) {
  switch (level) {
    case config::LogLevel::Debug:
      return "debug";
    case config::LogLevel::Info:
      return "info";
    case config::LogLevel::Warning:
      return "warning";
    case config::LogLevel::Error:
      return "error";
  }
  return "info";
}

template <typename T>
void add(Lines& lines,
         std::string_view key,
         const config::Maybe<T>& said,
         std::string_view otherwise) {
  lines.push_back(
      said ? Provenance{std::string(key), shown(said->value), said->origin.text()}
           : Provenance{std::string(key), std::string(otherwise), std::string(kBuiltIn)});
}

void addMebibytes(Lines& lines,
                  std::string_view key,
                  config::Maybe<std::uint64_t> said,
                  std::string_view otherwise) {
  if (said) {
    said->value >>= 20U;
  }
  add(lines, key, said, otherwise);
}

// The project's word where it may be given and was, else the owner's.
template <typename T>
const config::Maybe<T>& stronger(const config::Maybe<T>& project, const config::Maybe<T>& user) {
  return project ? project : user;
}

// Both files bind: neither replaces the other's list.
void addCommands(Lines& lines, const config::CommandsSection& commands) {
  if (commands.allow) {
    add(lines, "security.commands.allow", commands.allow, "");
  }
  if (commands.block) {
    add(lines, "security.commands.block", commands.block, "");
  }
  if (commands.allowlist_only) {
    add(lines, "security.commands.allowlist_only", commands.allowlist_only, "");
  }
}

void addFiles(Lines& lines, const std::vector<config::FileEntry>& files) {
  for (const config::FileEntry& file : files) {
    lines.push_back({"files", cat(file.source.value, " -> ", file.destination.value),
                     file.source.origin.text()});
  }
}

void addOwners(Lines& lines, const config::UserConfig& user) {
  const config::LimitsSection& limits = user.limits;
  addMebibytes(lines, "limits.memory_mb", limits.memory_bytes, "none");
  add(lines, "limits.cpu_percent", limits.cpu_percent, "none");
  add(lines, "limits.pids", limits.pids, "none");
  addMebibytes(lines, "limits.disk_mb", limits.disk_bytes, "none");
  addMebibytes(lines, "limits.host_memory_mb", limits.host_memory_bytes, "80% of memory");
  add(lines, "limits.host_pids", limits.host_pids, "half of the host's");
  add(lines, "limits.host_descriptors", limits.host_descriptors, "80% of the daemon's limit");
  addMebibytes(lines, "limits.host_disk_mb", limits.host_disk_bytes, "90% of what is free");
  add(lines, "limits.host_sandboxes", limits.host_sandboxes, "none");
  add(lines, "pool.size", user.pool.size, std::to_string(config::kDefaultPoolSize));
  add(lines, "pool.max", user.pool.max, std::to_string(config::poolMax(user.pool)));
  add(lines, "audit.enabled", user.audit.enabled, "true");
  addMebibytes(lines, "audit.max_mb", user.audit.max_bytes, "16");
  add(lines, "audit.max_files", user.audit.max_files, "8");
  add(lines, "audit.on_failure", user.audit.on_failure, "warn");
  add(lines, "audit.redact", user.audit.redact, "none");
  add(lines, "log.level", user.log.level, "info");
  addMebibytes(lines, "log.max_mb", user.log.max_bytes, "16");
  add(lines, "log.max_files", user.log.max_files, "4");
}

}  // namespace

Result<Lines> linesOf(const config::UserConfig& user, const config::ProjectConfig& project) {
  Lines lines;
  const config::SandboxSection& ours = project.sandbox;
  add(lines, "sandbox.name", ours.name, "none");
  add(lines, "sandbox.base_image", stronger(ours.base_image, user.sandbox.base_image), "detected");
  add(lines, "sandbox.runtime", stronger(ours.runtime, user.sandbox.runtime), "detected");
  add(lines, "sandbox.command", ours.command, "none");
  policy::PermissionInputs inputs;
  inputs.user = wishesOf(user);
  inputs.project = wishesOf(project);
  inputs.ceilings = ceilingsOf(user);
  policy::Resolved resolved = AK_TRY(policy::resolvePermissions(inputs));
  for (Provenance& line : resolved.origins) {
    for (const auto& [word, key] : kPolicyKeys) {
      if (line.key == word) {
        line.key = key;
        break;
      }
    }
    lines.push_back(std::move(line));
  }
  add(lines, "security.mount", stronger(project.security.mount, user.security.mount), "cow");
  addCommands(lines, user.commands);
  addCommands(lines, project.commands);
  addFiles(lines, user.files);
  addFiles(lines, project.files);
  addOwners(lines, user);
  return lines;
}

}  // namespace ak::manager
