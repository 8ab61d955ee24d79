#include "manager/volume_directory.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/text.h"
#include "model/layer_names.h"
#include "model/volume.h"
#include "os/disk_image.h"
#include "os/project_quota.h"
#include "sys/directory.h"
#include "sys/file.h"

namespace ak::manager {

namespace {

constexpr std::size_t kMostVolumes = 1'000'000;
constexpr int kDirectory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;

Result<sys::OwnedFd> openAll(const std::string& state_directory) {
  return sys::openPath(cat(state_directory, "/volumes"), kDirectory);
}

Status sync(int fd) {
  return ::fsync(fd) == 0 ? Status() : failErrno("saving a volume's directory");
}

// True: there was one.
Result<bool> rename(int all, const std::string& from, const std::string& to) {
  if (::renameat(all, from.c_str(), all, to.c_str()) == 0) {
    return true;
  }
  return errno == ENOENT ? Result<bool>(false) : failErrno("renaming a volume's directory");
}

}  // namespace

std::string volumePath(const std::string& state_directory, const std::string& uuid) {
  return cat(state_directory, "/volumes/", uuid);
}

Result<std::string> makeVolumeDirectory(const std::string& state_directory,
                                        const std::string& uuid) {
  std::string path = volumePath(state_directory, cat(uuid, kBeingMade));
  const sys::OwnedFd made = AK_TRY(sys::makePrivateDirectory(path));
  // The guest's root directory of the volume: root's, as a fresh file system's. mkdir obeys the
  // umask.
  if (::mkdirat(made.get(), model::kVolumeData, 0755) != 0 ||
      ::fchmodat(made.get(), model::kVolumeData, 0755, 0) != 0) {
    return failErrno("making a volume's directory");
  }
  return path;
}

Status prepareVolumeImage(const std::string& path) {
  const sys::OwnedFd directory = AK_TRY(sys::openPath(path, kDirectory));
  const sys::OwnedFd mount = AK_TRY(os::mountDiskImage(directory.get(), model::kDiskImage));
  // mke2fs makes it, and many programs want an empty directory.
  if (::unlinkat(mount.get(), "lost+found", AT_REMOVEDIR) != 0 && errno != ENOENT) {
    return failErrno("emptying a volume");
  }
  return {};
}

Status saveVolumeDirectory(const std::string& state_directory, const std::string& uuid) {
  const sys::OwnedFd all = AK_TRY(openAll(state_directory));
  const sys::OwnedFd made = AK_TRY(sys::openAt(all.get(), cat(uuid, kBeingMade), kDirectory));
  const auto image =
      AK_TRY(sys::openAtIfExists(made.get(), model::kDiskImage, O_RDONLY | O_NOFOLLOW));
  if (image) {
    AK_TRY(sync(image->get()));
  }
  AK_TRY(sync(made.get()));
  return sync(all.get());
}

Status keepVolumeDirectory(const std::string& state_directory, const std::string& uuid) {
  const sys::OwnedFd all = AK_TRY(openAll(state_directory));
  if (::faccessat(all.get(), uuid.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
      AK_TRY(rename(all.get(), cat(uuid, kBeingMade), uuid)) ||
      AK_TRY(rename(all.get(), cat(uuid, kBeingRemoved), uuid))) {
    return {};
  }
  return fail(ErrorCode::NotFound, cat("volume ", uuid, " has no directory"));
}

Status setVolumeAside(const std::string& state_directory, const std::string& uuid) {
  const sys::OwnedFd all = AK_TRY(openAll(state_directory));
  // One that another program has removed is as good as set aside.
  (void)AK_TRY(rename(all.get(), uuid, cat(uuid, kBeingRemoved)));
  return sync(all.get());
}

Status removeVolumeDirectory(const std::string& state_directory, const std::string& name) {
  const sys::OwnedFd all = AK_TRY(openAll(state_directory));
  const auto data =
      AK_TRY(sys::openAtIfExists(all.get(), cat(name, "/", model::kVolumeData), kDirectory));
  const std::uint32_t project = data ? os::projectOf(data->get()) : 0;
  AK_TRY(sys::removeTree(all.get(), name));
  return project >= model::kFirstVolumeProject && project < model::kEndOfVolumeProjects
             ? os::forgetProject(all.get(), project)
             : Status();
}

Result<std::vector<std::string>> listVolumeDirectories(const std::string& state_directory) {
  sys::OwnedFd all = AK_TRY(openAll(state_directory));
  sys::DirectoryReader reader = AK_TRY(sys::DirectoryReader::open(std::move(all)));
  return sys::listNames(std::move(reader), kMostVolumes);
}

}  // namespace ak::manager
