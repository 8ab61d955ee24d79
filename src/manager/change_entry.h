#pragma once

#include <sys/stat.h>

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "manager/tree.h"
#include "sys/owned_fd.h"

// One entry of an overlay's upper layer, looked at without trusting it.
namespace ak::manager {

enum class EntryKind { Missing, File, Directory, Symlink, Whiteout, Special };

struct Entry {
  EntryKind kind = EntryKind::Missing;
  struct stat info{};
};

// Looks at the last component itself, never behind a link, never outside the tree.
Result<Entry> lookAt(const Tree& tree, const std::string& path);
// A directory of it, opened for listing.
Result<sys::OwnedFd> openDirectory(const Tree& tree, const std::string& path);
// A regular file; InvalidArgument when it has become anything else. Never blocks on a FIFO.
Result<sys::OwnedFd> openRegular(const Tree& tree, const std::string& path);
Result<std::string> readLink(const Tree& tree, const std::string& path);
// Sorted names in a directory; TooLarge over `limit`.
Result<std::vector<std::string>> listNames(const Tree& tree,
                                           const std::string& path,
                                           std::size_t limit);
// The directory hides all that the lower layer has there.
Result<bool> isOpaque(const Tree& tree, const std::string& path);
// With all below it; what is gone already is success.
Status removeEntry(const Tree& tree, const std::string& path);

// "a/b" below "a"; "b" below "".
std::string below(const std::string& directory, const std::string& name);

}  // namespace ak::manager
