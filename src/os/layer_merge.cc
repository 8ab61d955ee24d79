#include "os/layer_merge.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <map>
#include <optional>
#include <set>

#include <climits>

#include "base/text.h"
#include "os/guest_tree.h"
#include "sys/directory.h"
#include "sys/file.h"
#include "sys/resolve.h"

namespace ak::os {

namespace {

constexpr std::size_t kMostAttributes = 64 * 1024;  // XATTR_LIST_MAX, XATTR_SIZE_MAX
constexpr int kDirectory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;

std::string below(const std::string& directory, const std::string& name) {
  return directory.empty() ? name : cat(directory, "/", name);
}

std::unexpected<Error> failAt(const std::string& path, std::string_view what) {
  return failErrno(cat(what, " ", printableEnds(path)));
}

class Merger {
 public:
  explicit Merger(const LayerMerge& merge)
      : merge_(merge),
        ours_(merge.xattr == Overlay::Xattr::Trusted ? "trusted.overlay." : "user.overlay."),
        without_(merge.without.begin(), merge.without.end()) {}

  Status run() {
    Directory top;
    for (std::size_t i = 0; i < merge_.layers.size(); ++i) {
      top.layers.push_back(i);
    }
    for (std::size_t i = 0; i < merge_.base.size(); ++i) {
      top.base.push_back(i);
    }
    directories_.push_back(std::move(top));
    pending_.push_back(&directories_.front());
    while (!pending_.empty()) {
      const Directory& directory = *pending_.back();
      pending_.pop_back();
      AK_TRY(fill(directory));
    }
    // Last: what is made in a directory changes its times, and its default access list would change
    // what is made.
    for (auto made = directories_.rbegin(); made != directories_.rend(); ++made) {
      AK_TRY(finish(*made));
    }
    return {};
  }

 private:
  struct Directory {
    std::string path;
    std::vector<std::size_t> layers;  // that it is made of, top first
    bool opaque = false;
    std::vector<std::size_t> base;  // what is below it, likewise
  };

  struct Open {
    std::size_t layer;
    sys::OwnedFd fd;
  };

  // Of a container's node with its string, whatever the library makes of it.
  static constexpr std::size_t kNode = 128;

  Status remember(std::size_t bytes) {
    if (bytes > memory_left_) {
      return fail(ErrorCode::TooLarge, "too many names in the sandbox's files to be copied",
                  "Remove some of them. Of a stopped sandbox nothing is copied.");
    }
    memory_left_ -= bytes;
    return {};
  }

  Status fill(const Directory& directory) {
    const sys::OwnedFd target = AK_TRY(openDirectoryBeneath(merge_.target, directory.path));
    const std::size_t memory_before = memory_left_;
    std::vector<Open> sources;
    std::set<std::string> names;
    for (const std::size_t layer : directory.layers) {
      sys::OwnedFd fd = AK_TRY(openDirectoryBeneath(merge_.layers[layer], directory.path));
      sys::OwnedFd listed = AK_TRY(sys::openAt(fd.get(), ".", kDirectory));
      sys::DirectoryReader reader = AK_TRY(sys::DirectoryReader::open(std::move(listed)));
      while (const dirent* entry = AK_TRY(reader.next())) {
        if (const auto [name, added] = names.insert(entry->d_name); added) {
          AK_TRY(remember(kNode + name->size()));
        }
      }
      sources.push_back({layer, std::move(fd)});
    }
    const std::size_t listed = memory_before - memory_left_;
    for (const std::string& name : names) {
      const std::string path = below(directory.path, name);
      if (path.size() >= PATH_MAX) {
        return fail(ErrorCode::TooLarge, "a path in the sandbox's files is too long to be copied",
                    "Stop the sandbox first: then nothing is copied.");
      }
      if (!without_.contains(path)) {
        AK_TRY(take({directory, sources, target.get()}, name, path));
      }
    }
    memory_left_ += listed;
    return {};
  }

  struct Inside {
    const Directory& directory;
    const std::vector<Open>& sources;
    int target;
  };

  // What the layers have at one name, by the rules of overlayfs: the topmost says what it is.
  Status take(const Inside& in, const std::string& name, const std::string& path) {
    const int target = in.target;
    const Open* holder = nullptr;
    struct stat info{};
    Directory merged{path, {}, false, {}};
    for (const Open& source : in.sources) {
      struct stat found{};
      if (::fstatat(source.fd.get(), name.c_str(), &found, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT) {
          continue;
        }
        return failAt(path, "stat");
      }
      if (holder == nullptr) {
        holder = &source;
        info = found;
      }
      if (!S_ISDIR(found.st_mode)) {
        merged.opaque = true;
        break;
      }
      merged.layers.push_back(source.layer);
      if (AK_TRY(isOpaqueBeneath(merge_.layers[source.layer], path, merge_.xattr))) {
        merged.opaque = true;
        break;
      }
    }
    if (holder == nullptr) {
      return {};
    }
    if (S_ISCHR(info.st_mode) && !merge_.base.empty() && in.directory.base.empty()) {
      return {};
    }
    if (!S_ISDIR(info.st_mode)) {
      return takeOne({holder->fd.get(), target, name, path}, info);
    }
    if (!merged.opaque) {
      merged.base = AK_TRY(baseAt(in.directory, path));
    }
    if (::mkdirat(target, name.c_str(), 0700) != 0) {
      return failAt(path, "mkdir");
    }
    AK_TRY(remember(kNode + path.size() +
                    (merged.layers.size() + merged.base.size()) * sizeof(std::size_t)));
    directories_.push_back(std::move(merged));
    pending_.push_back(&directories_.back());
    return {};
  }

  // The layers below the stack that a directory of it is merged with.
  Result<std::vector<std::size_t>> baseAt(const Directory& parent, const std::string& path) const {
    std::vector<std::size_t> found;
    for (const std::size_t layer : parent.base) {
      const Result<std::optional<sys::OwnedFd>> handle =
          openHandleBeneath(merge_.base[layer], path);
      if (!handle && handle.error().sys_errno != ENOTDIR && handle.error().sys_errno != ELOOP) {
        return std::unexpected(handle.error());
      }
      struct stat info{};
      if (!handle || !handle->has_value()) {
        continue;
      }
      if (::fstat((*handle)->get(), &info) != 0) {
        return failAt(path, "stat");
      }
      if (!S_ISDIR(info.st_mode)) {
        break;
      }
      found.push_back(layer);
      if (AK_TRY(isOpaqueBeneath(merge_.base[layer], path, merge_.xattr))) {
        break;
      }
    }
    return found;
  }

  struct Place {
    int source;
    int target;
    const std::string& name;
    const std::string& path;
  };

  Status takeOne(const Place& at, const struct stat& info) {
    if (S_ISREG(info.st_mode)) {
      return takeFile(at, info);
    }
    if (S_ISLNK(info.st_mode)) {
      return takeLink(at, info);
    }
    // Whiteouts are character devices 0/0, and no guest can make any other device.
    if (S_ISBLK(info.st_mode) || (S_ISCHR(info.st_mode) && info.st_rdev != 0)) {
      return fail(ErrorCode::Unsupported,
                  cat("a device among the files: ", printableEnds(at.path)));
    }
    if (::mknodat(at.target, at.name.c_str(), info.st_mode, makedev(0, 0)) != 0) {
      return failAt(at.path, "mknod");
    }
    if (S_ISCHR(info.st_mode)) {
      return {};
    }
    if (::fchownat(at.target, at.name.c_str(), info.st_uid, info.st_gid, AT_SYMLINK_NOFOLLOW) !=
            0 ||
        ::fchmodat(at.target, at.name.c_str(), info.st_mode & 07777U, 0) != 0) {
      return failAt(at.path, "chown");
    }
    return setTimes(at, info);
  }

  Status setTimes(const Place& at, const struct stat& info) {
    const timespec times[] = {info.st_atim, info.st_mtim};
    return ::utimensat(at.target, at.name.c_str(), times, AT_SYMLINK_NOFOLLOW) == 0
               ? Status()
               : failAt(at.path, "utimensat");
  }

  Status takeLink(const Place& at, const struct stat& info) {
    std::string text(PATH_MAX, '\0');
    const ssize_t size = ::readlinkat(at.source, at.name.c_str(), text.data(), text.size());
    if (size < 0) {
      return failAt(at.path, "readlink");
    }
    text.resize(static_cast<std::size_t>(size));
    if (::symlinkat(text.c_str(), at.target, at.name.c_str()) != 0 ||
        ::fchownat(at.target, at.name.c_str(), info.st_uid, info.st_gid, AT_SYMLINK_NOFOLLOW) !=
            0) {
      return failAt(at.path, "symlink");
    }
    return setTimes(at, info);
  }

  Status takeFile(const Place& at, const struct stat& info) {
    if (merge_.content == LayerMerge::Content::Link) {
      if (::linkat(at.source, at.name.c_str(), at.target, at.name.c_str(), 0) == 0) {
        return {};
      }
      if (errno != EMLINK && errno != EXDEV) {
        return failAt(at.path, "link");
      }
    }
    const auto key = std::pair(info.st_dev, info.st_ino);
    if (info.st_nlink > 1) {
      const auto first = links_.find(key);
      if (first != links_.end()) {
        return ::linkat(merge_.target, first->second.c_str(), at.target, at.name.c_str(), 0) == 0
                   ? Status()
                   : failAt(at.path, "link");
      }
      AK_TRY(remember(kNode + at.path.size()));
      links_[key] = at.path;
    }
    const sys::OwnedFd from = AK_TRY(sys::openAt(
        at.source, at.name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0, sys::kBeneath));
    const sys::OwnedFd to =
        AK_TRY(sys::openAt(at.target, at.name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
    if (::ioctl(to.get(), FICLONE, from.get()) != 0) {
      Status copied = sys::copyBytes(from.get(), to.get());
      if (!copied) {
        return std::unexpected(
            std::move(copied).error().context(cat("copying ", printableEnds(at.path))));
      }
    }
    return setAttributes(from.get(), to.get(), at.path);
  }

  Status finish(const Directory& directory) {
    const sys::OwnedFd from =
        AK_TRY(openDirectoryBeneath(merge_.layers[directory.layers.front()], directory.path));
    const sys::OwnedFd to = AK_TRY(openDirectoryBeneath(merge_.target, directory.path));
    if (directory.opaque && ::fsetxattr(to.get(), cat(ours_, "opaque").c_str(), "y", 1, 0) != 0) {
      return failAt(directory.path, "marking a directory opaque");
    }
    return setAttributes(from.get(), to.get(), directory.path);
  }

  // The mode after the owner, whose change takes set-id bits away, and the times last.
  Status setAttributes(int from, int to, const std::string& path) {
    struct stat info{};
    if (::fstat(from, &info) != 0 || ::fchown(to, info.st_uid, info.st_gid) != 0 ||
        ::fchmod(to, info.st_mode & 07777U) != 0) {
      return failAt(path, "chown");
    }
    AK_TRY(copyXattrs(from, to, path));
    const timespec times[] = {info.st_atim, info.st_mtim};
    return ::futimens(to, times) == 0 ? Status() : failAt(path, "utimens");
  }

  // Of overlayfs's own attributes only what says how a file may be used; where it came from and
  // what is below it is no longer so. A guest's attribute of such a name lies one level deeper.
  bool carries(std::string_view name) const {
    if (!name.starts_with(ours_)) {
      return true;
    }
    const std::string_view rest = name.substr(ours_.size());
    return rest == "protattr" || rest.starts_with("overlay.");
  }

  Status copyXattrs(int from, int to, const std::string& path) {
    std::string names(kMostAttributes, '\0');
    const ssize_t size = ::flistxattr(from, names.data(), names.size());
    if (size < 0) {
      return errno == ENOTSUP ? Status() : failAt(path, "listing attributes of");
    }
    names.resize(static_cast<std::size_t>(size));
    std::string value;
    for (const std::string_view part : split(names, '\0')) {
      if (part.empty() || !carries(part)) {
        continue;
      }
      const std::string name(part);
      value.resize(kMostAttributes);
      const ssize_t length = ::fgetxattr(from, name.c_str(), value.data(), value.size());
      if (length < 0 ||
          ::fsetxattr(to, name.c_str(), value.data(), static_cast<std::size_t>(length), 0) != 0) {
        return failAt(path, cat("copying attribute ", printable(name), " of"));
      }
    }
    return {};
  }

  const LayerMerge& merge_;
  const std::string ours_;
  const std::set<std::string> without_;
  std::size_t memory_left_ = merge_.memory;
  std::deque<Directory> directories_;  // parents before children
  std::vector<const Directory*> pending_;
  std::map<std::pair<dev_t, ino_t>, std::string> links_;  // of files that have several names
};

}  // namespace

Status mergeLayers(const LayerMerge& merge) {
  return Merger(merge).run();
}

}  // namespace ak::os
