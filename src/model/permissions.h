#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ak::model {

enum class Profile : std::uint8_t { Permissive, Moderate, Restrictive, Custom };
enum class NetworkMode : std::uint8_t { None, Proxy, Full };  // Proxy comes with the egress door
enum class WorkspaceMode : std::uint8_t { None, Cow, ReadWrite, ReadOnly };
enum class SeccompSet : std::uint8_t { Default, Moderate, Restrictive, AiAgent };

std::string_view name(Profile value);
std::string_view name(NetworkMode value);
std::string_view name(WorkspaceMode value);  // cow, rw, ro, none
std::string_view name(SeccompSet value);
// InvalidArgument names the accepted words and the nearest one.
Result<Profile> parseProfile(std::string_view word);
Result<NetworkMode> parseNetworkMode(std::string_view word);
Result<WorkspaceMode> parseWorkspaceMode(std::string_view word);
Result<SeccompSet> parseSeccompSet(std::string_view word);

// How much a value allows, for comparing what one asks for with what another allows (higher =
// wider).
int width(Profile profile);
int width(NetworkMode mode);
int width(SeccompSet set);

// What a profile gives when nobody names a set.
SeccompSet seccompSetOf(Profile profile);

// Limits of one sandbox. 0 = not limited (by us). `explicit_*` says that somebody asked for it by
// number: then it holds or start fails; a profile's default may fall back and be reported.
struct Limits {
  std::uint64_t memory_bytes = 0;
  std::uint32_t cpu_percent = 0;  // 100 = one core
  std::uint32_t pids = 0;
  std::uint64_t disk_bytes = 0;  // of the writable layer
  bool explicit_memory = false;
  bool explicit_cpu = false;
  bool explicit_pids = false;
  bool explicit_disk = false;
  bool operator==(const Limits&) const = default;
};

// What a sandbox is allowed, after profile, project file, user config and flags were resolved.
struct Permissions {
  Profile profile = Profile::Moderate;
  NetworkMode network = NetworkMode::None;
  WorkspaceMode workspace = WorkspaceMode::None;
  SeccompSet seccomp = SeccompSet::Moderate;
  bool read_only_root = false;
  bool pass_environment = false;  // the six host variables, sent by the CLI
  std::uint64_t capabilities =
      0;  // bounding set of guest processes, CAP_* bits, in its own user namespace
  Limits limits;
  bool operator==(const Permissions&) const = default;
};

}  // namespace ak::model
