#pragma once

#include <string>

#include "sys/owned_fd.h"

namespace ak::os {

// Mounts the ext4 image dir_fd/name through a loop device, as a detached mount: nosuid, nodev,
// errors make it read-only. The device frees itself with the last mount and open file of it
// (LO_FLAGS_AUTOCLEAR), so nothing is left when their processes are killed. An image that is
// mounted already is shown once more, by the same device: two file systems on one file would
// destroy it.
//
// The image must be of our own making: its content is the kernel's, since a guest can write files
// on it but never the device or the image.
//
// Unsupported: no loop devices here (a container, or not root). Conflict: it is being unmounted for
// longer than we wait (2 s).
Result<sys::OwnedFd> mountDiskImage(int dir_fd, const std::string& name);

}  // namespace ak::os
