#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sys/owned_fd.h"

namespace ak::sys {

// openat2(2) with O_CLOEXEC added. `resolve` are RESOLVE_* bits.
Result<OwnedFd> openAt(
    int dir_fd, const std::string& path, int flags, mode_t mode = 0, std::uint64_t resolve = 0);
// nullopt when it does not exist (ENOENT only).
Result<std::optional<OwnedFd>> openAtIfExists(int dir_fd,
                                              const std::string& path,
                                              int flags,
                                              std::uint64_t resolve = 0);

inline Result<OwnedFd> openPath(const std::string& path, int flags, mode_t mode = 0) {
  return openAt(-100 /* AT_FDCWD */, path, flags, mode);
}

// The whole file; TooLarge when it has more than `limit` bytes.
Result<std::string> readAll(int fd, std::size_t limit);
Result<std::string> readFile(const std::string& path, std::size_t limit);
// The same for a file that a stranger may have put there: a FIFO would keep us waiting for ever,
// and a device do worse. InvalidArgument when it is not a regular file; EISDIR for a directory.
// `resolve` are RESOLVE_* bits.
Result<std::string> readRegularFile(int dir_fd,
                                    const std::string& path,
                                    std::size_t limit,
                                    std::uint64_t resolve = 0);
Status writeAll(int fd, std::string_view data);

// Two open files hold the same bytes from their current offsets to their ends.
Result<bool> sameBytes(int a, int b);

// Makes the empty file `target` the same as all of `source`, with its holes: a file of a guest may
// be a terabyte of nothing. Reflinks where the file system can.
Status copyBytes(int source, int target);

// New content or old content, never a mixture, also after a power cut: temporary file in the same
// directory, fsync, rename, fsync of the directory. `name` is one path component; `mode` holds
// whatever the umask. A link of that name is replaced, not followed.
Status replaceFile(int dir_fd, const std::string& name, std::string_view data, mode_t mode);

// A private directory: made with `mode` if missing, parents too; refused when it exists as anything
// but a directory of ours.
Result<OwnedFd> makePrivateDirectory(const std::string& path, mode_t mode = 0700);

// Removes dir_fd/name, whatever it is, and all below it; missing is success. For trees that a guest
// made: follows no link, crosses no mount point (Conflict: unmount first), and needs neither stack
// nor memory that grows with the tree. `name` is one path component; "", ".", ".." and anything
// with a slash are InvalidArgument. After an error a part of the tree is left, for another call.
Status removeTree(int dir_fd, const std::string& name);

}  // namespace ak::sys
