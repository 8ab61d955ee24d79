#pragma once

#include <optional>
#include <string>

#include "os/mount.h"
#include "sys/owned_fd.h"

// Ways into a tree that a guest made, and may still be changing: beneath directory `top` whatever
// the path says, through no link, into no special file. Paths are relative; "" is `top` itself.
namespace ak::os {

// The last component itself, also a link (O_PATH); nullopt when it does not exist.
Result<std::optional<sys::OwnedFd>> openHandleBeneath(int top, const std::string& path);
// For listing.
Result<sys::OwnedFd> openDirectoryBeneath(int top, const std::string& path);
// InvalidArgument when it is no regular file. Never blocks on a FIFO.
Result<sys::OwnedFd> openFileBeneath(int top, const std::string& path);
// Of an overlay's upper layer: the directory hides all that the lower layer has there. `marks` are
// the attributes that this overlay goes by: the others may be a guest's.
Result<bool> isOpaqueBeneath(int top, const std::string& path, Overlay::Xattr marks);
// Whatever it is, with all below it; what is gone, with its parent too, is success.
Status removeBeneath(int top, const std::string& path);

}  // namespace ak::os
