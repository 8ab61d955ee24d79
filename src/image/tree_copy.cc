#include "image/tree_copy.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/text.h"
#include "image/directory.h"
#include "image/ownership.h"
#include "sys/file.h"

namespace ak::image {

Status CopyBudget::spend(std::uint64_t more_bytes) {
  used_bytes += more_bytes;
  used_entries += 1;
  if (used_bytes > bytes) {
    return fail(ErrorCode::TooLarge, cat("the layer has more than ", bytes, " bytes"),
                "Import a smaller image.");
  }
  if (used_entries > entries) {
    return fail(ErrorCode::TooLarge, cat("the layer has more than ", entries, " entries"),
                "Import a smaller image.");
  }
  return {};
}

namespace {

bool othersMayRead(const struct stat& info) {
  const mode_t need = S_ISDIR(info.st_mode) ? (S_IROTH | S_IXOTH) : S_IROTH;
  return S_ISLNK(info.st_mode) || (info.st_mode & need) == need;
}

Ownership ownershipFor(const struct stat& info, CopyRule rule) {
  Ownership owner{info.st_uid, info.st_gid, info.st_mode & 01777U};
  if (rule == CopyRule::PublicOnly) {
    owner.uid = owner.gid = 0;
  }
  return owner;
}

Status copyData(int source, int dest) {
  if (::ioctl(dest, FICLONE, source) == 0) {
    return {};
  }
  // Not copy_file_range: it answers 0 for files of procfs and of some FUSE file systems.
  std::array<char, 128 * 1024> buffer;
  for (;;) {
    const ssize_t size = ::read(source, buffer.data(), buffer.size());
    if (size == 0) {
      return {};
    }
    if (size < 0) {
      if (errno == EINTR) {
        continue;
      }
      return failErrno("read");
    }
    AK_TRY(sys::writeAll(dest, {buffer.data(), static_cast<std::size_t>(size)}));
  }
}

Status copyFile(
    int source_dir, int dest_dir, const std::string& name, CopyRule rule, CopyBudget& budget) {
  // O_NONBLOCK: what was a file when it was listed may be a FIFO by now.
  const sys::OwnedFd source =
      AK_TRY(sys::openAt(source_dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY));
  struct stat info{};
  if (::fstat(source.get(), &info) != 0) {
    return failErrno(cat("stat ", name));
  }
  if (!S_ISREG(info.st_mode)) {
    return {};
  }
  AK_TRY(budget.spend(static_cast<std::uint64_t>(info.st_size)));
  sys::OwnedFd dest =
      AK_TRY(sys::openAt(dest_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
  AK_TRY(copyData(source.get(), dest.get()));
  AK_TRY(applyOwnership(dest.get(), ownershipFor(info, rule)));
  const std::array<timespec, 2> times{info.st_mtim, info.st_mtim};
  if (::futimens(dest.get(), times.data()) != 0) {
    return failErrno(cat("set times of ", name));
  }
  return dest.close();
}

Status copyLink(int source_dir, int dest_dir, const std::string& name, CopyBudget& budget) {
  const std::string target = AK_TRY(readLink(source_dir, name));
  AK_TRY(budget.spend(0));
  if (::symlinkat(target.c_str(), dest_dir, name.c_str()) != 0) {
    return failErrno(cat("symlink ", name));
  }
  return {};
}

Status copyAny(int source_dir,
               int dest_dir,
               const std::string& name,
               CopyRule rule,
               CopyBudget& budget,
               int depth);

Status copyInto(int source_dir, int dest_dir, CopyRule rule, CopyBudget& budget, int depth) {
  if (depth > kMaxTreeDepth) {
    return fail(ErrorCode::TooLarge, cat("directories nested deeper than ", kMaxTreeDepth));
  }
  struct stat info{};
  if (::fstat(source_dir, &info) != 0) {
    return failErrno("stat");
  }
  for (const std::string& name : AK_TRY(listDirectory(source_dir))) {
    AK_TRY(copyAny(source_dir, dest_dir, name, rule, budget, depth));
  }
  AK_TRY(applyOwnership(dest_dir, ownershipFor(info, rule)));
  const std::array<timespec, 2> times{info.st_mtim, info.st_mtim};
  if (::futimens(dest_dir, times.data()) != 0) {
    return failErrno("set times");
  }
  return {};
}

Status copyAny(int source_dir,
               int dest_dir,
               const std::string& name,
               CopyRule rule,
               CopyBudget& budget,
               int depth) {
  const struct stat info = AK_TRY(statEntry(source_dir, name));
  if (rule == CopyRule::PublicOnly && !othersMayRead(info)) {
    return {};
  }
  Status copied;
  if (S_ISDIR(info.st_mode)) {
    const sys::OwnedFd source = AK_TRY(openDirectory(source_dir, name));
    AK_TRY(budget.spend(0));
    const sys::OwnedFd dest = AK_TRY(makeDirectory(dest_dir, name));
    copied = copyInto(source.get(), dest.get(), rule, budget, depth + 1);
  } else if (S_ISLNK(info.st_mode)) {
    copied = copyLink(source_dir, dest_dir, name, budget);
  } else if (S_ISREG(info.st_mode)) {
    copied = copyFile(source_dir, dest_dir, name, rule, budget);
  }
  if (!copied) {
    return std::unexpected(std::move(copied).error().context(name));
  }
  return {};
}

}  // namespace

Status copyEntry(
    int source_dir, int dest_dir, const std::string& name, CopyRule rule, CopyBudget& budget) {
  return copyAny(source_dir, dest_dir, name, rule, budget, 0);
}

Status copyTree(int source_dir, int dest_dir, CopyRule rule, CopyBudget& budget) {
  return copyInto(source_dir, dest_dir, rule, budget, 0);
}

}  // namespace ak::image
