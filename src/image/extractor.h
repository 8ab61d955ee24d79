#pragma once

#include <string>
#include <vector>

#include "image/archive_path.h"
#include "image/tar_reader.h"
#include "image/tree_copy.h"
#include "sys/owned_fd.h"

namespace ak::image {

// Unpacks an OCI layer (image-spec layer.md) into a directory, as a lower layer of overlayfs:
//  - names are taken below the root; ".." is refused, and so is anything beneath a symbolic link:
//    parents are opened with RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS, so no link is ever followed;
//  - hard links go to what this archive made, never through a link;
//  - devices, FIFOs and sockets are left out and noted;
//  - `.wh.NAME` becomes a character device 0/0 (any user may make one since Linux 5.8), and
//    `.wh..wh..opq` is reported in opaque(): the mark is an attribute that only real root may set;
//  - of extended attributes user.* is kept, but user.overlay.*: with that or trusted.overlay.* an
//    archive could point overlayfs at directories of other layers; file capabilities are dropped
//    like set-id bits, since every root is mounted nosuid.
class Extractor {
 public:
  // `root_fd` is an empty directory that outlives this.
  Extractor(int root_fd, CopyBudget budget);

  // The content is read from `reader`, whose current member `entry` is.
  Status add(const TarEntry& entry, TarReader& reader);
  // Directory times, which every added name changes again.
  Status finish();

  const CopyBudget& budget() const { return budget_; }

  const std::vector<std::string>& opaque() const { return opaque_; }

  const std::vector<std::string>& notes() const { return notes_; }

 private:
  struct DirectoryTime {
    std::string path;
    std::int64_t seconds;
    std::uint32_t nanoseconds;
  };

  // The root itself for "".
  Result<sys::OwnedFd> openBeneath(std::string_view path, int flags) const;
  static Status setTimes(int fd, std::int64_t seconds, std::uint32_t nanoseconds);
  Result<int> parentOf(std::string_view path);
  Result<sys::OwnedFd> makeParents(std::string_view path);
  Status make(const TarEntry& entry, const std::string& path, TarReader& reader);
  Status makeFile(const TarEntry& entry, const std::string& path, TarReader& reader);
  Status makeDirectory(const TarEntry& entry, const std::string& path);
  Status makeSymlink(const TarEntry& entry, const std::string& path);
  Status makeHardLink(const TarEntry& entry, const std::string& path);
  Status applyDirectory(int fd, const TarEntry& entry, const std::string& path);
  Status whiteout(const std::string& path, std::string_view name);
  Status addOpaque(std::string_view path);
  // Makes room for a new entry; true when a whiteout of this layer was in its place.
  Result<bool> clear(int parent, const std::string& name);
  void note(std::string_view what, std::string_view path);

  int root_fd_;
  CopyBudget budget_;
  std::string parent_path_;
  sys::OwnedFd parent_;  // of parent_path_; members of a directory mostly come in a row
  std::vector<DirectoryTime> times_;
  std::size_t times_bytes_ = 0;
  std::vector<std::string> opaque_;
  std::vector<std::string> notes_;
};

}  // namespace ak::image
