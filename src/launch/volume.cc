#include "model/volume.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/text.h"
#include "launch/box_mounts.h"
#include "model/layer_names.h"
#include "os/disk_image.h"
#include "os/mount.h"
#include "sys/file.h"
#include "sys/resolve.h"

namespace ak::launch {

namespace {

// What the volume's directory holds: an image where it has a limit that needs one, else the files.
// nosuid and nodev, so that what one sandbox leaves there gives the next one nothing.
Result<sys::OwnedFd> openContent(int directory, os::Access access) {
  if (::faccessat(directory, model::kDiskImage, F_OK, AT_SYMLINK_NOFOLLOW) != 0) {
    const sys::OwnedFd data = AK_TRY(sys::openAt(
        directory, model::kVolumeData, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, sys::kBeneath));
    return os::cloneTree(data.get(), access);
  }
  sys::OwnedFd mount = AK_TRY(os::mountDiskImage(directory, model::kDiskImage));
  if (access == os::Access::ReadOnly) {
    // This mount alone: others may write to the same file system.
    AK_TRY(os::makeReadOnly(mount.get()));
  }
  return mount;
}

}  // namespace

Result<std::vector<sys::OwnedFd>> openVolumes(Host& host,
                                              const std::vector<model::BoxVolume>& volumes,
                                              const Box& box) {
  std::vector<sys::OwnedFd> mounts;
  for (const model::BoxVolume& volume : volumes) {
    const sys::OwnedFd directory = AK_TRY(os::openHostPath(volume.directory));
    sys::OwnedFd mount = AK_TRY(openContent(
        directory.get(), volume.read_only ? os::Access::ReadOnly : os::Access::ReadWrite));
    if (!host.rootless()) {
      Status mapped = os::idmap(mount.get(), box.user_namespace.get());
      if (!mapped) {
        mapped.error().remedy = "Put the state directory on ext4, xfs or btrfs.";
        return std::unexpected(
            std::move(mapped).error().context(cat("the volume for ", volume.target)));
      }
    }
    mounts.push_back(std::move(mount));
  }
  return mounts;
}

}  // namespace ak::launch
