#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/text.h"
#include "sys/file.h"
#include "sys/random.h"
#include "sys/resolve.h"

namespace ak::sys {

namespace {

struct CloseDirectory {
  void operator()(DIR* dir) const { ::closedir(dir); }
};

// What a directory is opened with: never through a link, never into a mount. A bind mount that was
// left behind in a sandbox's tree may be the user's own project.
constexpr std::uint64_t kStayInside = kBeneath | RESOLVE_NO_XDEV;

// A guest that still runs could fill a directory as fast as it is emptied.
constexpr int kMaxPasses = 1000;

Error removalError(int sys_errno, std::string_view name) {
  if (sys_errno == EBUSY || sys_errno == EXDEV) {
    return Error::make(ErrorCode::Conflict,
                       cat("cannot remove ", printable(name), ": something is mounted there"),
                       "Unmount it, then remove it again.");
  }
  return Error::fromErrno(sys_errno, cat("remove ", printable(name)));
}

std::unexpected<Error> failRemoval(int sys_errno, std::string_view name) {
  return std::unexpected(removalError(sys_errno, name));
}

// Gives ourselves, the owner, access to a directory that its maker closed. Through O_PATH and
// /proc, because chmod by name would follow a link and fchmod wants a descriptor that needs access.
Status makeAccessible(int dir_fd, const std::string& name) {
  const OwnedFd path =
      AK_TRY(openAt(dir_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, kStayInside));
  if (::chmod(cat("/proc/self/fd/", path.get()).c_str(), 0700) != 0) {
    return failRemoval(errno, name);
  }
  return {};
}

Result<OwnedFd> openDirectory(int dir_fd, const std::string& name) {
  constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
  Result<OwnedFd> fd = openAt(dir_fd, name, kFlags, 0, kStayInside);
  if (!fd && fd.error().sys_errno == EACCES) {
    AK_TRY(makeAccessible(dir_fd, name));
    fd = openAt(dir_fd, name, kFlags, 0, kStayInside);
  }
  if (!fd) {
    return failRemoval(fd.error().sys_errno, name);
  }
  struct stat info{};
  if (::fstat(fd->get(), &info) != 0 ||
      ((info.st_mode & 0700U) != 0700U && ::fchmod(fd->get(), 0700) != 0)) {
    return failRemoval(errno, name);
  }
  return fd;
}

// Guests make directories thousands of levels deep, so that neither recursion nor a descriptor per
// level would do: a directory that is not empty is moved up to the top under a number, and emptied
// there in its turn. The names hold a nonce, so that none can be taken.
class TreeRemover {
 public:
  explicit TreeRemover(OwnedFd top)
      : top_(std::move(top)), prefix_(cat(".ak-remove-", KernelRandom().hex(8), "-")) {}

  Status run() {
    AK_TRY(empty(top_.get()));
    for (std::uint64_t next = 0; next < lifted_; ++next) {
      const std::string name = cat(prefix_, next);
      {
        const OwnedFd child = AK_TRY(openDirectory(top_.get(), name));
        AK_TRY(empty(child.get()));
      }
      if (::unlinkat(top_.get(), name.c_str(), AT_REMOVEDIR) != 0) {
        return failRemoval(errno, name);
      }
    }
    return {};
  }

 private:
  // readdir may skip entries when others are removed beside it, so it goes over the directory until
  // nothing is left in it but what was lifted.
  Status empty(int dir_fd) {
    OwnedFd listing = AK_TRY(openAt(dir_fd, ".", O_RDONLY | O_DIRECTORY));
    const std::unique_ptr<DIR, CloseDirectory> dir(::fdopendir(listing.get()));
    if (!dir) {
      return failErrno("fdopendir");
    }
    (void)listing.release();  // closedir owns it now
    for (int pass = 0; pass < kMaxPasses; ++pass) {
      ::rewinddir(dir.get());
      if (!AK_TRY(removeEntries(dir.get(), dir_fd))) {
        return {};
      }
    }
    return fail(ErrorCode::Conflict, "a directory is being filled while it is removed",
                "End what writes there, then remove it again.");
  }

  // False when there was nothing to do.
  Result<bool> removeEntries(DIR* dir, int dir_fd) {
    bool any = false;
    for (;;) {
      errno = 0;
      const dirent* entry = ::readdir(dir);
      if (entry == nullptr) {
        if (errno != 0) {
          return failErrno("readdir");
        }
        return any;
      }
      const std::string name = entry->d_name;
      if (name == "." || name == ".." || (dir_fd == top_.get() && name.starts_with(prefix_))) {
        continue;
      }
      any = true;
      AK_TRY(removeEntry(dir_fd, name));
    }
  }

  Status removeEntry(int dir_fd, const std::string& name) {
    if (::unlinkat(dir_fd, name.c_str(), 0) == 0 || errno == ENOENT) {
      return {};
    }
    const int unlink_errno = errno;
    // EPERM is what some file systems (and POSIX) say for a directory.
    if (unlink_errno != EISDIR && unlink_errno != EPERM) {
      return failRemoval(unlink_errno, name);
    }
    if (::unlinkat(dir_fd, name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) {
      return {};
    }
    if (errno != ENOTEMPTY && errno != EEXIST) {
      return failRemoval(errno == ENOTDIR ? unlink_errno : errno, name);
    }
    return lift(dir_fd, name);
  }

  Status lift(int dir_fd, const std::string& name) {
    const std::string lifted = cat(prefix_, lifted_);
    int moved = ::renameat(dir_fd, name.c_str(), top_.get(), lifted.c_str());
    if (moved != 0 && errno == EACCES) {
      // A directory changes its "..", so that moving it needs write access to itself.
      AK_TRY(makeAccessible(dir_fd, name));
      moved = ::renameat(dir_fd, name.c_str(), top_.get(), lifted.c_str());
    }
    if (moved != 0) {
      return failRemoval(errno, name);
    }
    ++lifted_;
    return {};
  }

  OwnedFd top_;
  std::string prefix_;
  std::uint64_t lifted_ = 0;
};

}  // namespace

Status removeTree(int dir_fd, const std::string& name) {
  if (name.empty() || name == "." || name == ".." || name.contains('/') || name.contains('\0')) {
    return fail(ErrorCode::InvalidArgument,
                cat("not the name of one entry of a directory: '", printable(name), "'"));
  }
  if (::unlinkat(dir_fd, name.c_str(), 0) == 0 || errno == ENOENT) {
    return {};
  }
  if (errno != EISDIR && errno != EPERM) {
    return failRemoval(errno, name);
  }
  TreeRemover remover(AK_TRY(openDirectory(dir_fd, name)));
  Status removed = remover.run();
  if (!removed) {
    return std::unexpected(std::move(removed).error().context(cat("removing ", printable(name))));
  }
  if (::unlinkat(dir_fd, name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) {
    return failRemoval(errno, name);
  }
  return {};
}

}  // namespace ak::sys
