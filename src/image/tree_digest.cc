#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/text.h"
#include "base/tlv.h"
#include "crypto/sha256.h"
#include "image/directory.h"
#include "image/tree_copy.h"
#include "sys/file.h"

namespace ak::image {

namespace {

// TLV records make the listing unambiguous: no name can look like the start of another field.
enum Field : std::uint32_t { kName = 1, kMode, kUid, kGid, kTarget, kContent, kUp };

Result<std::string> digestFile(int dir_fd, const std::string& name) {
  const sys::OwnedFd fd = AK_TRY(sys::openAt(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  crypto::Sha256 hash;
  std::array<char, 128 * 1024> buffer;
  for (;;) {
    const ssize_t size = ::read(fd.get(), buffer.data(), buffer.size());
    if (size == 0) {
      return hash.finishHex();
    }
    if (size < 0) {
      if (errno == EINTR) {
        continue;
      }
      return failErrno(cat("read ", name));
    }
    hash.update({buffer.data(), static_cast<std::size_t>(size)});
  }
}

Status digestInto(int dir_fd, crypto::Sha256& hash, int depth) {
  if (depth > kMaxTreeDepth) {
    return fail(ErrorCode::TooLarge, cat("directories nested deeper than ", kMaxTreeDepth));
  }
  for (const std::string& name : AK_TRY(listDirectory(dir_fd))) {
    const struct stat info = AK_TRY(statEntry(dir_fd, name));
    TlvWriter record;
    record.bytes(kName, name)
        .number(kMode, info.st_mode)
        .number(kUid, info.st_uid)
        .number(kGid, info.st_gid);
    if (S_ISLNK(info.st_mode)) {
      record.bytes(kTarget, AK_TRY(readLink(dir_fd, name)));
    } else if (S_ISREG(info.st_mode)) {
      record.bytes(kContent, AK_TRY(digestFile(dir_fd, name)));
    }
    hash.update(record.text());
    if (S_ISDIR(info.st_mode)) {
      const sys::OwnedFd inner = AK_TRY(openDirectory(dir_fd, name));
      AK_TRY(digestInto(inner.get(), hash, depth + 1));
      hash.update(TlvWriter().number(kUp, 1).text());
    }
  }
  return {};
}

}  // namespace

Result<std::string> digestTree(int dir_fd) {
  struct stat info{};
  if (::fstat(dir_fd, &info) != 0) {
    return failErrno("stat");
  }
  crypto::Sha256 hash;
  hash.update(TlvWriter()
                  .number(kMode, info.st_mode)
                  .number(kUid, info.st_uid)
                  .number(kGid, info.st_gid)
                  .text());
  AK_TRY(digestInto(dir_fd, hash, 0));
  return hash.finishHex();
}

}  // namespace ak::image
