#include "guest/file_info.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "base/text.h"
#include "guest/guest_path.h"
#include "sys/directory.h"
#include "sys/file.h"

namespace ak::guest {

namespace {

constexpr std::size_t kMaxEntry = 8 * 1024;  // a name and a link's target, encoded

wire::FileInfo::Kind kindOf(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG:
      return wire::FileInfo::Kind::Regular;
    case S_IFDIR:
      return wire::FileInfo::Kind::Directory;
    case S_IFLNK:
      return wire::FileInfo::Kind::Symlink;
    default:
      return wire::FileInfo::Kind::Other;
  }
}

}  // namespace

Result<wire::FileInfo> describe(int fd) {
  const struct stat info = AK_TRY(statNode(fd));
  wire::FileInfo out;
  out.kind = kindOf(info.st_mode);
  out.size = static_cast<std::uint64_t>(info.st_size);
  out.mode = info.st_mode & 07777U;
  out.uid = info.st_uid;
  out.gid = info.st_gid;
  out.modified_ns = std::int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec;
  if (out.kind == wire::FileInfo::Kind::Symlink) {
    char target[4096];
    const ssize_t size = ::readlinkat(fd, "", target, sizeof target - 1);
    if (size < 0) {
      return failErrno("read link");
    }
    out.link_target.assign(target, static_cast<std::size_t>(size));
  }
  return out;
}

Result<std::string> listDirectory(const std::string& path) {
  const sys::OwnedFd node = AK_TRY(openNode(path, LastLink::Follow));
  sys::DirectoryReader directory = AK_TRY(sys::DirectoryReader::open(node.get(), "."));
  std::string out;
  std::size_t count = 0;
  while (const dirent* entry = AK_TRY(directory.next())) {
    const std::string name = entry->d_name;
    if (++count > wire::kMaxListing || out.size() > wire::kMaxListingBytes - kMaxEntry) {
      return fail(ErrorCode::TooLarge, cat(printable(path), " has too many entries to list"),
                  "List it with a command in the sandbox.");
    }
    const auto child = sys::openAt(node.get(), name, O_PATH | O_NOFOLLOW);
    auto info =
        child ? describe(child->get()) : Result<wire::FileInfo>(std::unexpected(child.error()));
    if (info) {  // an entry may be gone by now
      info->name = name;
      out += wire::encodeListingEntry(*info);
    }
  }
  return out;
}

}  // namespace ak::guest
