#pragma once

#include <sys/stat.h>

#include <string>
#include <string_view>
#include <vector>

#include <climits>

#include "base/result.h"
#include "manager/tree.h"
#include "sys/owned_fd.h"

// One entry of one writable layer of an overlay, looked at without trusting it.
namespace ak::manager {

inline constexpr const char* kNameThem = "Name the paths that you want.";

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

// What no longer fits here no system call can name (PATH_MAX counts the end, limits.h).
inline constexpr std::size_t kMaxChangePath = PATH_MAX - 1;

// A path as people write it ("./a/", "."), in the form that a tree takes; "" is its top.
// InvalidArgument when it is absolute, too long, or has "..".
Result<std::string> treePath(std::string_view written);

// NotFound, with where to look.
std::unexpected<Error> nothingChangedAt(const std::string& path);

// "a/b" below "a"; "b" below "".
std::string below(const std::string& directory, const std::string& name);

}  // namespace ak::manager
