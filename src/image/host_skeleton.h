#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "image/tree_copy.h"

// What image `host` shows of this machine besides /usr: a root of its own with an /etc made of what
// programs under /usr need to start, and nothing that belongs to this machine's users.
namespace ak::image {

// One file or directory whose change makes the skeleton stale.
struct HostInput {
  std::string path;  // below the host's root, no leading slash
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t size = 0;
  std::int64_t modified_ns = 0;
  std::int64_t changed_ns = 0;
  bool operator==(const HostInput&) const = default;
};

// Every directory and file that buildSkeleton would read, in a fixed order. Symbolic links are
// covered by the directory that holds them.
Result<std::vector<HostInput>> listHostInputs(int host_root);

// The same input as it is now; size and times 0 when it is gone.
HostInput statHostInput(int host_root, const std::string& path);

// Directories of the host that are bound over the skeleton: "usr", and where /bin and its like are
// not links into /usr, those too.
Result<std::vector<std::string>> hostBinds(int host_root);

Status buildSkeleton(int host_root, int dest, CopyBudget& budget);

}  // namespace ak::image
