#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ak::image {

// Directories nested deeper than this are refused: each level of a walk holds a descriptor.
inline constexpr int kMaxTreeDepth = 200;

// Entries and bytes that may still be written; shared by all copies into one layer.
struct CopyBudget {
  std::uint64_t bytes = 0;
  std::uint64_t entries = 0;
  std::uint64_t used_bytes = 0;
  std::uint64_t used_entries = 0;

  // TooLarge once either is used up.
  Status spend(std::uint64_t more_bytes);
};

enum class CopyRule {
  // As found, but ids above 65535 become nobody's, and set-id bits go.
  Image,
  // Everything belongs to root, and what others may not read is left out: a secret in a system
  // directory is protected by its mode, and by nothing else that we could see.
  PublicOnly,
};

// Copies the entry `name` of source_dir (file, link or whole directory) into dest_dir, which must
// not have it yet. No link is followed. Devices, FIFOs and sockets are left out. File data is
// shared by reflink where the file system can.
Status copyEntry(
    int source_dir, int dest_dir, const std::string& name, CopyRule rule, CopyBudget& budget);

// Copies the contents and the attributes of directory source_dir into the empty dest_dir.
Status copyTree(int source_dir, int dest_dir, CopyRule rule, CopyBudget& budget);

// SHA-256 (hex) over a canonical listing of the tree: sorted names, types, modes, owners, link
// targets and file contents; not the times. The address of a layer that has no
// archive form.
Result<std::string> digestTree(int dir_fd);

}  // namespace ak::image
