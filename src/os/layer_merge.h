#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "os/mount.h"

// New layers made of old ones. Blocking; for a process that may all that the layers' guests may.
namespace ak::os {

struct LayerMerge {
  std::vector<int> layers;  // directories, top first: one layer is copied, several are merged
  // What will lie below the new layer (an image's layers, the host's directory), top first. In a
  // directory that nothing below has, overlayfs lists whiteouts as names: they are left out there.
  // For one layer, which is copied as it is, there need be none.
  std::vector<int> base;
  int target = -1;  // an empty directory
  // Link: files of the new layer are those of the old ones, which never change. Copy: the content
  // is shared where the file system can (FICLONE), else copied.
  enum class Content : std::uint8_t { Copy, Link } content = Content::Copy;
  Overlay::Xattr xattr = Overlay::Xattr::Trusted;  // that the layers' overlays go by
  std::vector<std::string> without;  // relative paths that are left out, with all below them
  // Bytes that names, directories and links may take while they are remembered: a guest can have
  // made any number of them, and the memory is nobody's of its limits.
  std::size_t memory = std::size_t{512} << 20U;
};

// The new layer over anything shows what the old ones over it show: owners, modes, times, extended
// attributes, whiteouts and opaque directories included; hard links within one copied layer stay.
// The layers do not change meanwhile. Follows no link. TooLarge for a tree so deep that its paths
// cannot be named (PATH_MAX), or that needs more memory than it may; Capacity for a full disk. A
// failure leaves a part in the target.
Status mergeLayers(const LayerMerge& merge);

}  // namespace ak::os
