#pragma once

#include <cstddef>
#include <cstdint>

// What may be called between clone and exec: system calls, no allocation, no locks, no stdio. Every
// function returns 0 or an errno unless it says otherwise.
namespace ak::os {

// Opens `path` below `dir_fd` without ever following a link or leaving it; makes missing
// directories (0755) on the way and as the end. Returns an O_PATH descriptor or -errno.
// (CVE-2019-19921, CVE-2023-27561, CVE-2026-41579: /proc, /dev or /etc of an image as a link.)
int openMountPoint(int dir_fd, const char* path);

// The same for a regular file as the end, which must exist. -errno.
int openBeneath(int dir_fd, const char* path, int flags);

int writeFileAt(int dir_fd, const char* path, const char* text);

// Attaches detached mount `mount_fd` on `path` below `dir_fd` (see openMountPoint).
int attachBeneath(int mount_fd, int dir_fd, const char* path);

// A detached instance of a file system, or -errno. Options: pairs of key and value, ended by
// nullptr; a null value makes a flag.
int makeMountRaw(const char* type, const char* const* options, unsigned attributes);

// IFF_UP on `lo` of our network namespace; the kernel then gives it 127.0.0.1 and ::1.
int bringLoopbackUp();

// Receives one byte string and up to `max_fds` descriptors from a SEQPACKET socket, all
// close-on-exec. Size in *size (0: peer gone), number of descriptors in *fd_count.
int receiveRaw(int socket,
               void* data,
               std::size_t* size,
               int* fds,
               std::size_t max_fds,
               std::size_t* fd_count);

}  // namespace ak::os
