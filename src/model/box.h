#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/permissions.h"

// What the daemon asks of ak-launcher. A "box" is the launcher's view of a sandbox: namespaces, a
// root and an agent in it. Encoded as TLV records (model/box_codec.h) in SEQPACKET packets.
namespace ak::model {

// A contiguous range of host ids; guest id 0 is `base`. count 1 with base = our own uid: rootless.
struct IdRange {
  std::uint32_t base = 0;
  std::uint32_t count = 65536;
  bool operator==(const IdRange&) const = default;
};

// A directory or file of the host that the daemon has checked: the launcher opens `path` without
// following a final link and refuses when it is not the same inode any more.
struct HostPath {
  std::string path;
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  bool operator==(const HostPath&) const = default;
};

struct BoxRoot {
  // Lowest layer last, as overlayfs wants it. All are content-addressed directories of the image
  // store, on-disk ids 0..65535, shown through the box's id range.
  std::vector<HostPath> layers;
  // Frozen writable layers above them, top first: directories like `writable`, which hold the same
  // (or have nothing for the root).
  std::vector<HostPath> frozen;

  // Directories bound read-only over the assembled root (for image `host`: /usr).
  struct Bind {
    HostPath source;
    std::string target;
    bool operator==(const Bind&) const = default;
  };

  std::vector<Bind> binds;
  // Where the writable layers are: empty = a tmpfs of Limits::disk_bytes (or half of memory) that
  // dies with the box; else a directory that holds the layers (model/layer_names.h), or their disk
  // image where a limit was asked for.
  HostPath writable;
  bool read_only = false;
  bool operator==(const BoxRoot&) const = default;
};

struct BoxWorkspace {
  WorkspaceMode mode = WorkspaceMode::None;
  HostPath source;
  std::string target = "/workspace";
  std::uint32_t owner_uid = 0;  // host ids shown as guest root
  std::uint32_t owner_gid = 0;
  // Paths below the workspace that the guest may not write or create (rw only; policy decides).
  std::vector<std::string> protected_paths;
  // Directories and files below the workspace that the guest sees empty (credentials).
  std::vector<std::string> masks;
  bool want_changes_fd = false;  // hand back a descriptor of the writable layer of the workspace
  // Frozen writable layers between the guest's and `source`, top first (cow only).
  std::vector<HostPath> frozen;
  bool operator==(const BoxWorkspace&) const = default;
};

// Which limits are in force, by what means, and what is not.
struct EnforcedLimit {
  std::string name;  // memory, cpu, pids, disk
  std::string by;    // cgroup-v1, cgroup-v2, rlimit, tmpfs, loop, project quota, none, unenforced
  std::string remedy;
  bool operator==(const EnforcedLimit&) const = default;
};

// All that is known before a claim: what the pool's key is made of.
struct BoxSpec {
  std::string id;  // 8 to 64 of [a-z0-9-]; names cgroup and scratch directory
  IdRange ids;
  BoxRoot root;
  NetworkMode network = NetworkMode::None;
  Limits limits;
  std::string base_filter;  // BPF that the agent and all it starts run under
  std::uint64_t agent_capabilities = 0;
  bool one_shot = true;  // the box ends with the launcher's and daemon's lease, never outlives both
  bool operator==(const BoxSpec&) const = default;
};

// A volume in the box. Files on disk hold ids 0..65535, shown through the box's id range, so that
// all boxes see the same owners.
struct BoxVolume {
  HostPath directory;  // holds what model/volume.h names
  std::string target;
  bool read_only = false;
  bool operator==(const BoxVolume&) const = default;
};

// What a claim adds.
struct BoxIdentity {
  std::string hostname;
  BoxWorkspace workspace;
  std::vector<BoxVolume> volumes;  // none at or beneath another
  bool operator==(const BoxIdentity&) const = default;
};

struct BoxPhases {  // microseconds
  std::uint32_t mounts = 0;
  std::uint32_t clone = 0;
  std::uint32_t setup = 0;
  std::uint32_t claim = 0;
  bool operator==(const BoxPhases&) const = default;
};

struct BoxStarted {
  std::int32_t pid = 0;  // host pid of the agent
  std::uint64_t start_ticks = 0;
  std::vector<EnforcedLimit> limits;
  BoxPhases phases;
  bool operator==(const BoxStarted&) const = default;
};

struct BoxExited {
  std::string id;
  std::int32_t code = 0;
  std::int32_t signal = 0;
  bool out_of_memory = false;
  bool operator==(const BoxExited&) const = default;
};

struct BoxStats {
  std::uint64_t memory_bytes = 0;
  std::uint64_t cpu_usec = 0;
  std::uint32_t pids = 0;
  bool operator==(const BoxStats&) const = default;
};

}  // namespace ak::model
