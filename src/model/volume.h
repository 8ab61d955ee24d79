#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

// Volumes: directories of the daemon's that outlive sandboxes and are shown in any number of them.
namespace ak::model {

// Where a volume's files are in its directory, unless a disk image (model/layer_names.h) beside it
// holds them, where a limit needs one. Beside: no file of a guest can pass for an image.
inline constexpr const char* kVolumeData = "data";

// So many volumes in one sandbox, each at a path of so many bytes.
inline constexpr std::size_t kMaxVolumeMounts = 16;
inline constexpr std::size_t kMaxVolumePath = 255;

// Numbers of volumes for a file system's project quotas: below those of sandboxes, which are ids of
// theirs (docs/adr/0006, 0010).
inline constexpr std::uint32_t kFirstVolumeProject = 0x6f000000;
inline constexpr std::uint32_t kEndOfVolumeProjects = 0x70000000;

// What the daemon remembers of a volume: one row of the store.
struct VolumeRecord {
  std::string uuid;  // names its directory: a slug that is made again is another volume
  std::string slug;
  std::uint64_t size_bytes = 0;  // 0: unlimited
  std::string limited_by;        // loop, project quota, none
  std::uint32_t project = 0;     // of the file system's quotas
  WallTime created_at{};
  WallTime last_used{};  // epoch: never
  std::uint64_t mount_count = 0;
  bool operator==(const VolumeRecord&) const = default;
};

// A volume in a sandbox, as it is asked for ("cache:/root/.cache:ro") and as it is remembered.
struct VolumeMount {
  std::string slug;
  std::string path;  // absolute, in the sandbox
  bool read_only = false;
  std::string uuid;  // of the volume that the slug named when the sandbox was made; "" before
  bool operator==(const VolumeMount&) const = default;
};

// 1 to 63 of ASCII letters, digits, `-` and `_`, the first a letter or digit.
Status validateVolumeSlug(std::string_view slug);

// "SLUG:/PATH" or "SLUG:/PATH:ro"; every part is checked as below.
Result<VolumeMount> parseVolumeMount(std::string_view text);
// As it was written.
std::string mountText(const VolumeMount& mount);

// Absolute and in its shortest form; not the root, nothing around or inside /proc, /dev, /sys,
// /run/agentkernel and /workspace, which are ours.
Status validateVolumePath(std::string_view path);

// Each one's rules, their number, and that none is at or beneath another one's path.
Status validateVolumeMounts(const std::vector<VolumeMount>& mounts);

// Is `path` `directory` or beneath it, by components? Both in their shortest form.
bool isAtOrBeneath(std::string_view path, std::string_view directory);

}  // namespace ak::model
