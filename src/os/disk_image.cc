#include "os/disk_image.h"

#include <fcntl.h>
#include <linux/loop.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <optional>
#include <thread>

#include "base/text.h"
#include "os/mount.h"
#include "sys/directory.h"
#include "sys/file.h"

namespace ak::os {

namespace {

constexpr int kTries = 200;
constexpr std::chrono::milliseconds kPause{10};  // nothing to wait on tells that a device is free

struct Loop {
  std::string name;  // "loop0"
  sys::OwnedFd device;
};

Error noLoopDevices(int error) {
  return Error::make(ErrorCode::Unsupported,
                     cat("this machine gives us no loop device: ", errnoText(error)),
                     "Load the module 'loop', or put the state directory on ext4 or xfs with "
                     "project quotas (mount option prjquota).");
}

Result<sys::OwnedFd> openDevice(const std::string& name) {
  return sys::openPath(cat("/dev/", name), O_RDWR | O_NOFOLLOW);
}

Result<Loop> takeLoop(int file_fd) {
  const Result<sys::OwnedFd> control = sys::openPath("/dev/loop-control", O_RDWR);
  if (!control) {
    return std::unexpected(noLoopDevices(control.error().sys_errno));
  }
  for (int tried = 0; tried < kTries; ++tried) {
    const int number = ::ioctl(control->get(), LOOP_CTL_GET_FREE);
    if (number < 0) {
      return std::unexpected(noLoopDevices(errno));
    }
    Loop loop{cat("loop", number), {}};
    Result<sys::OwnedFd> device = openDevice(loop.name);
    if (!device) {
      return std::unexpected(noLoopDevices(device.error().sys_errno));
    }
    loop.device = std::move(*device);
    // Through the page cache, not around it (no LO_FLAGS_DIRECT_IO): the image's file system may
    // have blocks larger than ours.
    loop_config config{};
    config.fd = static_cast<std::uint32_t>(file_fd);
    config.info.lo_flags = LO_FLAGS_AUTOCLEAR;
    if (::ioctl(loop.device.get(), LOOP_CONFIGURE, &config) == 0) {
      return loop;
    }
    if (errno != EBUSY) {  // else somebody else took it meanwhile
      return failErrno("setting up a loop device");
    }
  }
  return fail(ErrorCode::Unavailable, "no loop device stays free for long enough", "Try again.");
}

// The loop device of this very file. It is held open, so it cannot become another file's.
std::optional<Loop> findLoop(int file_fd) {
  struct stat file{};
  Result<sys::DirectoryReader> entries = sys::DirectoryReader::open(AT_FDCWD, "/sys/block");
  if (::fstat(file_fd, &file) != 0 || !entries) {
    return std::nullopt;
  }
  while (const dirent* entry = entries->next().value_or(nullptr)) {
    const std::string name = entry->d_name;
    if (!name.starts_with("loop") ||
        ::access(cat("/sys/block/", name, "/loop").c_str(), F_OK) != 0) {
      continue;
    }
    Result<sys::OwnedFd> device = openDevice(name);
    loop_info64 info{};
    if (device && ::ioctl(device->get(), LOOP_GET_STATUS64, &info) == 0 &&
        info.lo_device == file.st_dev && info.lo_inode == file.st_ino) {
      return Loop{name, std::move(*device)};
    }
  }
  return std::nullopt;
}

// The lock belongs to the file's description, which the loop device keeps for as long as it is set
// up: whoever gets it knows that no other device has this image, whoever died in between.
Result<Loop> loopOf(int file_fd) {
  for (int tried = 0; tried < kTries; ++tried) {
    if (::flock(file_fd, LOCK_EX | LOCK_NB) == 0) {
      return takeLoop(file_fd);
    }
    if (errno != EWOULDBLOCK) {
      return failErrno("locking a disk image");
    }
    if (std::optional<Loop> loop = findLoop(file_fd)) {
      return *std::move(loop);
    }
    std::this_thread::sleep_for(kPause);
  }
  return fail(ErrorCode::Conflict, "the sandbox's disk is still in use", "Try again in a moment.");
}

}  // namespace

Result<sys::OwnedFd> mountDiskImage(int dir_fd, const std::string& name) {
  // A description of our own: the lock of an earlier mount must not pass for ours.
  const sys::OwnedFd file = AK_TRY(sys::openAt(dir_fd, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK));
  struct stat info{};
  if (::fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode)) {
    return fail(ErrorCode::Internal, "the sandbox's disk is not a regular file");
  }
  const Loop loop = AK_TRY(loopOf(file.get()));
  const NewMount ext4{
      "ext4",
      // discard: what the guest removes is given back to the host's file system.
      {{"source", cat("/dev/", loop.name)}, {"errors", "remount-ro"}, {"discard", ""}},
      MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV};
  return makeMount(ext4);
}

}  // namespace ak::os
