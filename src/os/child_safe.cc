#include "os/child_safe.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "sys/resolve.h"

namespace ak::os {

int openBeneath(int dir_fd, const char* path, int flags) {
  while (*path == '/') {
    ++path;
  }
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags) | O_CLOEXEC;
  how.resolve = sys::kBeneath;
  for (;;) {
    const long fd = ::syscall(SYS_openat2, dir_fd, *path == '\0' ? "." : path, &how, sizeof how);
    if (fd >= 0) {
      return static_cast<int>(fd);
    }
    if (errno != EINTR && errno != EAGAIN) {
      return -errno;
    }
  }
}

int openMountPoint(int dir_fd, const char* path) {
  int fd = openBeneath(dir_fd, path, O_PATH);
  if (fd != -ENOENT) {
    return fd;
  }
  char prefix[1024];
  const std::size_t size = std::strlen(path);
  if (size >= sizeof prefix) {
    return -ENAMETOOLONG;
  }
  for (std::size_t i = 1; i <= size; ++i) {
    if (path[i] != '/' && path[i] != '\0') {
      continue;
    }
    std::memcpy(prefix, path, i);
    prefix[i] = '\0';
    // Each parent was just opened without links by the same descriptor walk.
    const char* name = std::strrchr(prefix, '/');
    const std::size_t parent_size = name == nullptr ? 0 : static_cast<std::size_t>(name - prefix);
    char parent[1024];
    std::memcpy(parent, prefix, parent_size);
    parent[parent_size] = '\0';
    const int parent_fd = openBeneath(dir_fd, parent, O_PATH | O_DIRECTORY);
    if (parent_fd < 0) {
      return parent_fd;
    }
    const int made = ::mkdirat(parent_fd, name == nullptr ? prefix : name + 1, 0755);
    const int error = errno;
    ::close(parent_fd);
    if (made != 0 && error != EEXIST) {
      return -error;
    }
  }
  fd = openBeneath(dir_fd, path, O_PATH | O_DIRECTORY);
  return fd;
}

int writeFileAt(int dir_fd, const char* path, const char* text) {
  const int fd = openBeneath(dir_fd, path, O_WRONLY);
  if (fd < 0) {
    return -fd;
  }
  const std::size_t size = std::strlen(text);
  const int error = ::write(fd, text, size) == static_cast<ssize_t>(size) ? 0 : errno;
  ::close(fd);
  return error;
}

int attachBeneath(int mount_fd, int dir_fd, const char* path) {
  const int target = openMountPoint(dir_fd, path);
  if (target < 0) {
    return -target;
  }
  const int moved =
      ::move_mount(mount_fd, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
  const int error = moved == 0 ? 0 : errno;
  ::close(target);
  return error;
}

int makeMountRaw(const char* type, const char* const* options, unsigned attributes) {
  const int context = ::fsopen(type, FSOPEN_CLOEXEC);
  if (context < 0) {
    return -errno;
  }
  int failed = 0;
  for (; *options != nullptr && failed == 0; options += 2) {
    failed = ::fsconfig(context, options[1] == nullptr ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING,
                        options[0], options[1], 0);
  }
  failed = failed != 0 ? failed : ::fsconfig(context, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0);
  const int mount = failed != 0 ? -1 : ::fsmount(context, FSMOUNT_CLOEXEC, attributes);
  const int error = errno;
  ::close(context);
  return mount >= 0 ? mount : -error;
}

int bringLoopbackUp() {
  const int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket < 0) {
    return errno;
  }
  ifreq request{};
  std::memcpy(request.ifr_name, "lo", 3);
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  const int error = ::ioctl(socket, SIOCSIFFLAGS, &request) == 0 ? 0 : errno;
  ::close(socket);
  return error;
}

int receiveRaw(int socket,
               void* data,
               std::size_t* size,
               int* fds,
               std::size_t max_fds,
               std::size_t* fd_count) {
  constexpr std::size_t kMost = 80;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kMost)];
  iovec part{data, *size};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t got = 0;
  do {
    got = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  if (got < 0) {
    return errno;
  }
  *size = static_cast<std::size_t>(got);
  *fd_count = 0;
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header != nullptr && header->cmsg_type == SCM_RIGHTS) {
    const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    if (count > max_fds) {
      return EMSGSIZE;
    }
    std::memcpy(fds, CMSG_DATA(header), count * sizeof(int));
    *fd_count = count;
  }
  return (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0 ? EMSGSIZE : 0;
}

}  // namespace ak::os
