#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/permissions.h"

namespace ak::policy {

// A value that somebody asked for, and who: "flag --memory", "/p/agentkernel.toml:4".
template <typename T>
struct Wish {
  T value{};
  std::string origin;
  bool operator==(const Wish&) const = default;
};

template <typename T>
using MaybeWish = std::optional<Wish<T>>;

// What one source asks for. Limits are numbers over zero: "no limit" cannot be asked for.
struct Wishes {
  MaybeWish<model::Profile> profile;
  MaybeWish<model::NetworkMode> network;
  MaybeWish<model::SeccompSet> seccomp;
  MaybeWish<bool> read_only_root;
  MaybeWish<bool> pass_environment;
  MaybeWish<std::uint64_t> memory_bytes;
  MaybeWish<std::uint32_t> cpu_percent;
  MaybeWish<std::uint32_t> pids;
  MaybeWish<std::uint64_t> disk_bytes;
};

// The most that one sandbox may have by the user config ([limits]); also binds flags.
struct LimitCeilings {
  MaybeWish<std::uint64_t> memory_bytes;
  MaybeWish<std::uint32_t> cpu_percent;
  MaybeWish<std::uint32_t> pids;
  MaybeWish<std::uint64_t> disk_bytes;
};

// Weakest word first to last: later sources win over earlier ones. Whether a project file may ask
// for what it asks is decided before (config/trust.h); here all wishes are allowed ones.
struct PermissionInputs {
  Wishes user;
  Wishes project;
  Wishes flags;
  LimitCeilings ceilings;
  model::WorkspaceMode workspace = model::WorkspaceMode::None;  // policy/workspace.h decided
};

// One line of `config show --origin`.
struct Provenance {
  std::string key;
  std::string value;
  std::string origin;
  bool operator==(const Provenance&) const = default;
};

struct Resolved {
  model::Permissions permissions;
  std::vector<std::string> notes;  // one sentence per clamp or ignored wish
  std::vector<Provenance> origins;
};

// What a profile gives when nothing else is said.
model::Permissions profileDefaults(model::Profile profile);

// Profile defaults, then user config, project file and flags, then ceilings.
// - A profile named by flag also bounds what files ask: where they ask for more, the profile holds
// and
//   a note says so.
// - Memory, cpu and pids of a profile are defaults and may fall back where a host cannot enforce
// them
//   (explicit_* false); asked numbers, ceilings of the user config and all numbers of `restrictive`
//   hold or the start fails (explicit_* true). Restrictive's numbers are ceilings too.
// - Over a ceiling: the ceiling, with a note. A zero or absurdly small limit: InvalidArgument.
// - NetworkMode::Proxy is Unsupported until the egress door exists; the error names what is.
Result<Resolved> resolvePermissions(const PermissionInputs& inputs);

struct NewLimits {
  model::Limits limits;
  std::vector<std::string> notes;  // one sentence per clamp
};

// The limits of a sandbox that has `now`, with those of `asked` in the place of its own: under the
// same ceilings as at its making. Unsupported for the disk, which a layer has from its beginning.
Result<NewLimits> resolveResize(const model::Permissions& now,
                                const Wishes& asked,
                                const LimitCeilings& ceilings);

inline constexpr std::uint64_t kMinMemoryBytes = std::uint64_t{8} << 20U;
inline constexpr std::uint64_t kMinDiskBytes = std::uint64_t{1} << 20U;
inline constexpr std::uint32_t kMinPids = 8;
inline constexpr std::uint32_t kMaxCpuPercent = 1024 * 100;

}  // namespace ak::policy
