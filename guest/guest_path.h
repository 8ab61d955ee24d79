#pragma once

#include <sys/stat.h>

#include <string>

#include "base/result.h"
#include "sys/owned_fd.h"

// Opening paths that a guest controls. Resolution stays beneath our root and takes no magic links
// (RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS): /proc/self/fd and the like lead nowhere.
namespace ak::guest {

// O_PATH: no device, FIFO or socket is touched. `last`: whether a final symbolic link is followed.
enum class LastLink { Follow, Keep };
Result<sys::OwnedFd> openNode(const std::string& path, LastLink last);

// A regular file of an ordinary file system, for reading. FIFOs, sockets, devices and kernel files
// (/proc, /sys) are Unsupported: reading them could hang us or have effects.
Result<sys::OwnedFd> openRegular(const std::string& path);

// The directory that holds the path's last component, O_PATH, and that component. InvalidArgument
// for a path without one ("/", "/a/..").
struct Place {
  sys::OwnedFd directory;
  std::string name;
};
enum class Parents { MustExist, Make };
Result<Place> openPlace(const std::string& path, Parents parents);

Result<struct stat> statNode(int fd);
// proc, sysfs, cgroup and their kind: never a target of file operations that write.
bool onKernelFileSystem(int fd);

}  // namespace ak::guest
