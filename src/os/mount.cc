#include "os/mount.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/text.h"
#include "sys/file.h"

namespace ak::os {

namespace {

constexpr std::uint64_t kDefaultAttributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;

// The kernel explains a refused mount in the context's log, which reads one message at a time.
std::string contextLog(int context) {
  char text[256];
  const ssize_t size = ::read(context, text, sizeof text);
  return size > 2 ? cat(" (", printable(trim(std::string_view(text + 2, size - 2))), ")") : "";
}

Status setOption(int context, const std::string& key, const std::string& value) {
  const int result = value.empty()
                         ? ::fsconfig(context, FSCONFIG_SET_FLAG, key.c_str(), nullptr, 0)
                         : ::fsconfig(context, FSCONFIG_SET_STRING, key.c_str(), value.c_str(), 0);
  if (result != 0) {
    const int error = errno;
    return failErrno(error, cat("mount option ", key, contextLog(context)));
  }
  return {};
}

Result<sys::OwnedFd> finish(int context, std::string_view type, std::uint64_t attributes) {
  if (::fsconfig(context, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
    const int error = errno;
    return failErrno(error, cat("making ", type, contextLog(context)));
  }
  sys::OwnedFd mount(::fsmount(context, FSMOUNT_CLOEXEC, static_cast<unsigned>(attributes)));
  if (!mount.valid()) {
    return failErrno(cat("mounting ", type));
  }
  return mount;
}

Result<sys::OwnedFd> openContext(const std::string& type) {
  sys::OwnedFd context(::fsopen(type.c_str(), FSOPEN_CLOEXEC));
  if (!context.valid()) {
    return failErrno(cat("fsopen ", type));
  }
  return context;
}

Status commonOverlayOptions(int context, const Overlay& overlay) {
  if (overlay.xattr == Overlay::Xattr::User) {
    AK_TRY(setOption(context, "userxattr", ""));
  } else {
    // A hostile layer must not be able to point at data elsewhere by an attribute.
    AK_TRY(setOption(context, "redirect_dir", "nofollow"));
    AK_TRY(setOption(context, "metacopy", "off"));
  }
  if (overlay.sync == Overlay::Sync::Volatile) {
    AK_TRY(setOption(context, "volatile", ""));
  }
  return setOption(context, "index", "off");
}

// Linux 6.15: layers and upper directory as descriptors of detached mounts.
Result<sys::OwnedFd> overlayByDescriptor(const Overlay& overlay) {
  const sys::OwnedFd context = AK_TRY(openContext("overlay"));
  const auto give = [&](const char* key, int fd) {
    return ::fsconfig(context.get(), FSCONFIG_SET_FD, key, nullptr, fd) == 0;
  };
  for (const Overlay::Lower& lower : overlay.lower) {
    sys::OwnedFd below;
    if (!lower.below.empty()) {
      below = AK_TRY(sys::openAt(lower.mount, lower.below, O_PATH | O_DIRECTORY | O_NOFOLLOW));
    }
    if (!give("lowerdir+", below.valid() ? below.get() : lower.mount)) {
      return failErrno("overlay layer");
    }
  }
  if (!give("upperdir", overlay.upper) || !give("workdir", overlay.work)) {
    return failErrno("overlay upper directory");
  }
  AK_TRY(commonOverlayOptions(context.get(), overlay));
  return finish(context.get(), "overlay", kDefaultAttributes);
}

// Before that: everything attached below `place`, named by short relative paths (a value may have
// 255 bytes), the working directory being ours alone in this single-threaded program.
class Attached {
 public:
  explicit Attached(int place) : place_(place) {}

  Attached(const Attached&) = delete;
  Attached& operator=(const Attached&) = delete;

  ~Attached() {
    for (const std::string& name : names_) {
      (void)::umount2(name.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);
      (void)::unlinkat(place_, name.c_str(), AT_REMOVEDIR);
    }
  }

  Status add(const std::string& name, int mount_fd) {
    if (::fchdir(place_) != 0 || (::mkdirat(place_, name.c_str(), 0700) != 0 && errno != EEXIST)) {
      return failErrno("overlay scratch");
    }
    names_.push_back(name);
    return attach(mount_fd, place_, name);
  }

 private:
  int place_;
  std::vector<std::string> names_;
};

Result<sys::OwnedFd> overlayByPath(const Overlay& overlay) {
  Attached attached(overlay.place);
  std::string lower;
  for (std::size_t i = 0; i < overlay.lower.size(); ++i) {
    const std::string name = cat(i);
    const std::string& below = overlay.lower[i].below;
    AK_TRY(attached.add(name, overlay.lower[i].mount));
    lower += cat(i == 0 ? "" : ":", name, below.empty() ? "" : "/", below);
  }
  if (lower.size() > 255) {
    return fail(ErrorCode::TooLarge, cat("a stack of ", overlay.lower.size(), " layers"),
                "Use a kernel of 6.15 or newer, or squash the image.");
  }
  // Both directories of one mount are reached through their own magic links: the upper file
  // system is attached by whoever made it.
  const sys::OwnedFd context = AK_TRY(openContext("overlay"));
  AK_TRY(setOption(context.get(), "lowerdir", lower));
  AK_TRY(setOption(context.get(), "upperdir", cat("/proc/self/fd/", overlay.upper)));
  AK_TRY(setOption(context.get(), "workdir", cat("/proc/self/fd/", overlay.work)));
  AK_TRY(commonOverlayOptions(context.get(), overlay));
  return finish(context.get(), "overlay", kDefaultAttributes);
}

}  // namespace

Result<sys::OwnedFd> openHostPath(const model::HostPath& path) {
  sys::OwnedFd fd =
      AK_TRY(sys::openAt(AT_FDCWD, path.path, O_PATH | O_NOFOLLOW, 0, RESOLVE_NO_MAGICLINKS));
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0) {
    return failErrno(cat("stat ", path.path));
  }
  if (info.st_dev != path.device || info.st_ino != path.inode) {
    return fail(ErrorCode::Conflict, cat(path.path, " was replaced while the sandbox started"),
                "Start it again.");
  }
  return fd;
}

Result<sys::OwnedFd> cloneTree(int path_fd, Access access) {
  constexpr unsigned kFlags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH;
  sys::OwnedFd tree(::open_tree(path_fd, "", kFlags));
  if (!tree.valid() && errno == EINVAL) {
    // In a user namespace a mount that covers something may not be left behind: take all.
    tree = sys::OwnedFd(::open_tree(path_fd, "", kFlags | AT_RECURSIVE));
  }
  if (!tree.valid()) {
    return failErrno("open_tree");
  }
  struct mount_attr attributes{};
  attributes.attr_set =
      kDefaultAttributes | (access == Access::ReadOnly ? std::uint64_t{MOUNT_ATTR_RDONLY} : 0);
  if (::mount_setattr(tree.get(), "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes,
                      sizeof attributes) != 0) {
    return failErrno("mount_setattr");
  }
  return tree;
}

Status makeReadOnly(int mount_fd) {
  struct mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_RDONLY;
  if (::mount_setattr(mount_fd, "", AT_EMPTY_PATH, &attributes, sizeof attributes) != 0) {
    return failErrno("making a mount read-only");
  }
  return {};
}

Status idmap(int mount_fd, int userns_fd) {
  struct mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_IDMAP;
  attributes.userns_fd = static_cast<std::uint64_t>(userns_fd);
  if (::mount_setattr(mount_fd, "", AT_EMPTY_PATH, &attributes, sizeof attributes) != 0) {
    const int error = errno;
    if (error == EINVAL || error == EPERM) {
      return fail(ErrorCode::Unsupported, "this file system cannot be id-mapped");
    }
    return failErrno(error, "id-mapping a mount");
  }
  return {};
}

Result<sys::OwnedFd> makeMount(const NewMount& mount) {
  const sys::OwnedFd context = AK_TRY(openContext(mount.type));
  for (const auto& [key, value] : mount.options) {
    AK_TRY(setOption(context.get(), key, value));
  }
  return finish(context.get(), mount.type, mount.attributes);
}

Result<sys::OwnedFd> makeOverlay(const Overlay& overlay) {
  return overlay.layers == Overlay::Layers::Detached ? overlayByDescriptor(overlay)
                                                     : overlayByPath(overlay);
}

bool overlayTakesDetachedLayers(Overlay::Xattr xattr) {
  const Result<sys::OwnedFd> tmpfs = makeMount({"tmpfs", {{"size", "64k"}}, 0});
  if (!tmpfs) {
    return false;
  }
  for (const char* name : {"lower", "upper", "work"}) {
    (void)::mkdirat(tmpfs->get(), name, 0700);
  }
  const Result<sys::OwnedFd> lower = sys::openAt(tmpfs->get(), "lower", O_PATH);
  const Result<sys::OwnedFd> upper = sys::openAt(tmpfs->get(), "upper", O_PATH);
  const Result<sys::OwnedFd> work = sys::openAt(tmpfs->get(), "work", O_PATH);
  if (!lower || !upper || !work) {
    return false;
  }
  Overlay overlay;
  overlay.lower = {{lower->get(), ""}};
  overlay.upper = upper->get();
  overlay.work = work->get();
  overlay.xattr = xattr;
  return makeOverlay(overlay).has_value();
}

Status attach(int mount_fd, int dir_fd, const std::string& path) {
  if (::move_mount(mount_fd, "", dir_fd, path.c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0) {
    return failErrno(cat("attaching ", path));
  }
  return {};
}

}  // namespace ak::os
