#include "sys/file.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "base/text.h"
#include "sys/random.h"

namespace ak::sys {

Result<OwnedFd> openAt(
    int dir_fd, const std::string& path, int flags, mode_t mode, std::uint64_t resolve) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags) | O_CLOEXEC;
  // openat2 refuses a mode without O_CREAT or O_TMPFILE.
  how.mode = (flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY))) != 0 ? mode : 0;
  how.resolve = resolve;
  for (;;) {
    const long fd = ::syscall(SYS_openat2, dir_fd, path.c_str(), &how, sizeof how);
    if (fd >= 0) {
      return OwnedFd(static_cast<int>(fd));
    }
    // EAGAIN: a scoped lookup raced with a rename; the kernel asks to try again.
    if (errno != EINTR && !(errno == EAGAIN && resolve != 0)) {
      return failErrno(cat("open ", path));
    }
  }
}

Result<std::optional<OwnedFd>> openAtIfExists(int dir_fd,
                                              const std::string& path,
                                              int flags,
                                              std::uint64_t resolve) {
  Result<OwnedFd> fd = openAt(dir_fd, path, flags, 0, resolve);
  if (fd) {
    return std::optional(std::move(*fd));
  }
  if (fd.error().sys_errno == ENOENT) {
    return std::nullopt;
  }
  return std::unexpected(std::move(fd).error());
}

Result<std::string> readAll(int fd, std::size_t limit) {
  limit = std::min(limit, std::string().max_size() - 1);  // limit + 1 below must not wrap
  std::string data;
  for (;;) {
    const std::size_t have = data.size();
    const std::size_t want = std::min<std::size_t>(have == 0 ? 4096 : have, limit + 1 - have);
    data.resize(have + want);
    ssize_t size = 0;
    do {
      size = ::read(fd, data.data() + have, want);
    } while (size < 0 && errno == EINTR);
    if (size < 0) {
      return failErrno("read");
    }
    data.resize(have + static_cast<std::size_t>(size));
    if (size == 0) {
      return data;
    }
    if (data.size() > limit) {
      return fail(ErrorCode::TooLarge, cat("more than ", limit, " bytes"));
    }
  }
}

Result<std::string> readFile(const std::string& path, std::size_t limit) {
  const OwnedFd fd = AK_TRY(openPath(path, O_RDONLY));
  Result<std::string> data = readAll(fd.get(), limit);
  if (!data) {
    return std::unexpected(std::move(data).error().context(path));
  }
  return data;
}

Result<std::string> readRegularFile(int dir_fd,
                                    const std::string& path,
                                    std::size_t limit,
                                    std::uint64_t resolve) {
  const OwnedFd fd = AK_TRY(openAt(dir_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, resolve));
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0) {
    return failErrno(cat("stat ", path));
  }
  if (S_ISDIR(info.st_mode)) {
    return failErrno(EISDIR, cat("read ", path));
  }
  if (!S_ISREG(info.st_mode)) {
    return fail(ErrorCode::InvalidArgument, cat(path, " is not a regular file"));
  }
  Result<std::string> data = readAll(fd.get(), limit);
  if (!data) {
    return std::unexpected(std::move(data).error().context(path));
  }
  return data;
}

Status writeAll(int fd, std::string_view data) {
  while (!data.empty()) {
    const ssize_t size = ::write(fd, data.data(), data.size());
    if (size < 0) {
      if (errno == EINTR) {
        continue;
      }
      return failErrno("write");
    }
    data.remove_prefix(static_cast<std::size_t>(size));
  }
  return {};
}

namespace {

// Reads until `size` bytes or the end.
Result<std::size_t> readFull(int fd, char* into, std::size_t size) {
  std::size_t have = 0;
  while (have < size) {
    const ssize_t got = ::read(fd, into + have, size - have);
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      return failErrno("read");
    }
    if (got == 0) {
      break;
    }
    have += static_cast<std::size_t>(got);
  }
  return have;
}

}  // namespace

Result<bool> sameBytes(int a, int b) {
  constexpr std::size_t kBlock = 64 * 1024;
  std::string left(kBlock, '\0');
  std::string right(kBlock, '\0');
  for (;;) {
    const std::size_t got_left = AK_TRY(readFull(a, left.data(), kBlock));
    const std::size_t got_right = AK_TRY(readFull(b, right.data(), kBlock));
    if (got_left != got_right || left.compare(0, got_left, right, 0, got_right) != 0) {
      return false;
    }
    if (got_left < kBlock) {
      return true;
    }
  }
}

namespace {

// From here to the end of a stretch of data, at the same place of both files.
Status copyStretch(int source, int target, off_t from, off_t end) {
  std::string block;
  while (from < end) {
    const auto left = static_cast<std::size_t>(end - from);
    off_t read_at = from;
    off_t write_at = from;
    ssize_t size = block.empty()
                       ? ::copy_file_range(source, &read_at, target, &write_at,
                                           std::min(left, std::size_t{1} << 30U), 0)
                       : ::pread(source, block.data(), std::min(left, block.size()), from);
    if (size < 0 && errno == EINTR) {
      continue;
    }
    if (size < 0 && block.empty()) {
      // EXDEV, EINVAL and friends: these two file systems cannot do it between them.
      block.resize(64 * 1024);
      continue;
    }
    if (size < 0) {
      return failErrno("read");
    }
    if (size == 0) {
      return {};  // it became shorter
    }
    if (!block.empty()) {
      size = ::pwrite(target, block.data(), static_cast<std::size_t>(size), from);
      if (size < 0 && errno != EINTR) {
        return failErrno("write");
      }
    }
    from += std::max<ssize_t>(size, 0);
  }
  return {};
}

}  // namespace

Status copyBytes(int source, int target) {
  struct stat info{};
  if (::fstat(source, &info) != 0) {
    return failErrno("stat");
  }
  // A file system without holes says that all is data.
  for (off_t at = 0; at < info.st_size;) {
    const off_t data = ::lseek(source, at, SEEK_DATA);
    if (data < 0 && errno == ENXIO) {
      break;
    }
    const off_t hole = data < 0 ? -1 : ::lseek(source, data, SEEK_HOLE);
    if (hole < 0) {
      return failErrno("looking for holes of a file");
    }
    AK_TRY(copyStretch(source, target, data, hole));
    at = hole;
  }
  if (::ftruncate(target, info.st_size) != 0) {
    return failErrno("setting the size of a file");
  }
  return {};
}

namespace {

Status writeTemporary(int dir_fd, const std::string& name, std::string_view data, mode_t mode) {
  OwnedFd fd = AK_TRY(openAt(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode & 0700U));
  AK_TRY(writeAll(fd.get(), data));
  // The mode asked for, whatever the umask.
  if (::fchmod(fd.get(), mode) != 0) {
    return failErrno("chmod");
  }
  if (::fsync(fd.get()) != 0) {
    return failErrno("fsync");
  }
  return fd.close();
}

}  // namespace

Status replaceFile(int dir_fd, const std::string& name, std::string_view data, mode_t mode) {
  // Not made of `name`: with it a name of 255 bytes would be too long.
  const std::string temporary = cat(".ak-new-", KernelRandom().hex(8));
  Status written = writeTemporary(dir_fd, temporary, data, mode);
  if (written && ::renameat(dir_fd, temporary.c_str(), dir_fd, name.c_str()) != 0) {
    written = failErrno("rename");
  }
  if (!written) {
    ::unlinkat(dir_fd, temporary.c_str(), 0);
    return std::unexpected(std::move(written).error().context(cat("replacing ", name)));
  }
  if (::fsync(dir_fd) != 0) {
    return failErrno(cat("replacing ", name, ": fsync of its directory"));
  }
  return {};
}

Result<OwnedFd> makePrivateDirectory(const std::string& path, mode_t mode) {
  for (std::size_t at = path.find('/', 1); at != std::string::npos; at = path.find('/', at + 1)) {
    if (::mkdir(path.substr(0, at).c_str(), 0755) != 0 && errno != EEXIST) {
      return failErrno(cat("mkdir ", path.substr(0, at)));
    }
  }
  const bool made = ::mkdir(path.c_str(), mode) == 0;
  if (!made && errno != EEXIST) {
    return failErrno(cat("mkdir ", path));
  }
  OwnedFd fd = AK_TRY(openPath(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0) {
    return failErrno(cat("stat ", path));
  }
  if (info.st_uid != ::geteuid()) {
    return fail(ErrorCode::PermissionDenied,
                cat(path, " belongs to user ", info.st_uid, ", not to us"),
                "Remove it or choose another directory.");
  }
  if ((info.st_mode & 07777U) != mode && ::fchmod(fd.get(), mode) != 0) {
    return failErrno(cat("chmod ", path));
  }
  return fd;
}

}  // namespace ak::sys
