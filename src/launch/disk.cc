#include "launch/disk.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "model/layer_names.h"
#include "os/disk_image.h"
#include "os/mount.h"
#include "os/project_quota.h"
#include "sys/file.h"

namespace ak::launch {

namespace {

constexpr std::uint64_t kBytesPerInode = 8192;  // as in an image: an inode bomb ends too

bool has(int directory, const char* name) {
  return ::faccessat(directory, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

// A box's range of ids is its own, recorded and free again with its files: its first id names the
// project too.
bool canUseProject(int directory, std::uint32_t project) {
  return os::enforcesProjectQuota(directory) &&
         (os::projectOf(directory) == project || !has(directory, model::kRootLayer));
}

Error cannotHold(const Host& host) {
  if (host.rootless()) {
    return Error::make(ErrorCode::Unsupported,
                       "a named sandbox's disk limit needs root (a loop device or a quota)",
                       "Leave --disk out, or leave out --keep and --name: what a one-shot sandbox "
                       "writes is limited without root.");
  }
  return Error::make(ErrorCode::Unsupported, "this sandbox was made without a disk limit",
                     "Make a new sandbox with --disk.");
}

}  // namespace

Status limitDisk(const Host& host,
                 const model::BoxSpec& spec,
                 std::vector<model::EnforcedLimit>& enforced) {
  if (spec.root.writable.path.empty()) {
    enforced.push_back({"disk", "tmpfs", ""});
    return {};
  }
  const sys::OwnedFd place = AK_TRY(os::openHostPath(spec.root.writable));
  const sys::OwnedFd directory = AK_TRY(sys::openAt(place.get(), ".", O_RDONLY | O_DIRECTORY));
  if (has(directory.get(), model::kDiskImage)) {
    enforced.push_back({"disk", "loop", ""});
    return {};
  }
  if (spec.limits.disk_bytes == 0) {
    enforced.push_back({"disk", "none",
                        host.rootless() ? "Without root a named sandbox's disk cannot be limited."
                                        : "A new sandbox gets a disk limit by --disk SIZE."});
    return {};
  }
  if (!host.rootless() && canUseProject(directory.get(), spec.ids.base)) {
    const std::uint64_t bytes = spec.limits.disk_bytes;
    AK_TRY(os::limitProject(
        directory.get(),
        {spec.ids.base, bytes, std::max<std::uint64_t>(bytes / kBytesPerInode, 128)}));
    enforced.push_back({"disk", "project quota", ""});
    return {};
  }
  Error error = cannotHold(host);
  if (spec.limits.explicit_disk) {
    return std::unexpected(std::move(error));
  }
  enforced.push_back({"disk", "unenforced", "Ask for a disk limit by name (--disk)."});
  return {};
}

Result<DurableLayer> openDurableLayer(const model::HostPath& path) {
  DurableLayer layer;
  layer.raw = AK_TRY(os::openHostPath(path));
  if (has(layer.raw.get(), model::kDiskImage)) {
    const sys::OwnedFd directory = std::move(layer.raw);
    layer.raw = AK_TRY(os::mountDiskImage(directory.get(), model::kDiskImage));
    // Once more, not a copy: before Linux 6.15 a detached mount cannot be cloned.
    layer.mount = AK_TRY(os::mountDiskImage(directory.get(), model::kDiskImage));
    return layer;
  }
  layer.mount = AK_TRY(os::cloneTree(layer.raw.get(), os::Access::ReadWrite));
  return layer;
}

Result<sys::OwnedFd> openFrozenLayer(const model::HostPath& path) {
  const sys::OwnedFd directory = AK_TRY(os::openHostPath(path));
  if (!has(directory.get(), model::kDiskImage)) {
    return os::cloneTree(directory.get(), os::Access::ReadOnly);
  }
  sys::OwnedFd image = AK_TRY(os::mountDiskImage(directory.get(), model::kDiskImage));
  AK_TRY(os::makeReadOnly(image.get()));
  return image;
}

}  // namespace ak::launch
