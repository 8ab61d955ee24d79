#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "model/box.h"
#include "model/label.h"
#include "model/lifetime.h"
#include "model/permissions.h"
#include "model/port.h"
#include "model/run_request.h"

namespace ak::model {

// Archived and dormant ones do not run. A start wakes a dormant one; an archived one must be
// recovered first. Paused: only records of other implementations, whose machines may be saved to
// disk. Unknown: whoever could say whether it runs cannot be asked.
enum class SandboxStatus : std::uint8_t { Archived, Dormant, Paused, Running, Stopped, Unknown };
std::string_view name(SandboxStatus value);

// What the daemon remembers of a sandbox across its own death: one SQLite row.
struct SandboxRecord {
  std::string uuid;  // UUIDv7
  std::string name;
  std::string image;
  std::string image_digest;
  std::string backend;
  Permissions permissions;
  std::vector<std::string> environment;
  std::string workdir;
  std::string user;
  std::string workspace_path;  // host directory, "" none
  std::vector<std::string> workspace_masks;
  std::vector<std::string> protected_paths;
  IdRange ids;
  std::string init_script;
  std::vector<VolumeMount> volumes;
  std::vector<PortMapping> ports;  // published while it runs; a chosen host port is kept
  // Frozen layers that it stands on, top first, by id: under its root, and under its workspace.
  // Both are of the same layers until changes of the workspace were discarded.
  std::vector<std::string> layers;
  std::vector<std::string> workspace_layers;
  // The layer that its own writable directory is becoming: written before that happens, so that
  // whoever finds it half done completes it (manager/frozen_layers.h). "" most of the time.
  std::string freezing;
  bool one_shot = false;  // recorded only while it lives, to be ended by recovery
  WallTime created_at{};
  Labels labels;
  std::string description;
  Lifetime lifetime;
  // Of the running box; pid 0 when stopped.
  std::int32_t pid = 0;
  std::uint64_t start_ticks = 0;
  std::string boot_id;
  std::string agent_key;  // 32 bytes; kept 0600 with the database
  std::uint64_t epoch = 0;
  std::vector<EnforcedLimit> limits;
  std::string stop_reason;
  std::uint32_t vsock_cid = 0;  // where a channel needs one: kFirstCid and above; 0 none
  // What it was made from, for people.
  std::string created_from_template;
  std::string template_help_text;
  // Of one that came from elsewhere (model/sandbox_state.h): created_at as it was written, and, as
  // the text of one JSON object, what its record says that means nothing here. Else "".
  std::string created_as;
  std::string kept_aside;
  bool operator==(const SandboxRecord&) const = default;
};

// vsock(7): 0 to 2 are the hypervisor's, the machine's own and the host's.
inline constexpr std::uint32_t kFirstCid = 3;

// Names of sandboxes and snapshots: 1-63 ASCII, first and last alphanumeric, else also `-` and `_`,
// never two of those side by side.
Status validateSandboxName(std::string_view name);
// KEY=VALUE with a key that a shell could set; no NUL.
Status validateEnvironment(const std::vector<std::string>& environment);
// Absolute, at most 1024 bytes, no `..` component, no NUL, CR or LF.
Status validateWorkdir(std::string_view workdir);
// 1 to 1024 arguments, first not empty, no NUL, at most 128 KiB each and 1 MiB in all.
Status validateCommand(const std::vector<std::string>& command);
// What to do about a command that was not found and is one word with spaces, which is how a whole
// command line in quotes arrives; "" for any other.
std::string remedyForOneWord(const std::vector<std::string>& command);

// At most 64 KiB of UTF-8 without NUL.
Status validateInitScript(std::string_view script);

// Time-ordered unique id, RFC 9562 version 7.
std::string makeUuid(WallTime now, Random& random);
// Is it written as RFC 9562 says: 32 hexadecimal digits in groups of 8, 4, 4, 4 and 12?
bool isUuid(std::string_view text);

}  // namespace ak::model
