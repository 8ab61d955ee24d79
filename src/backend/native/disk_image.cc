#include "backend/native/disk_image.h"

#include <fcntl.h>
#include <unistd.h>

#include "backend/spawn.h"
#include "base/text.h"
#include "model/layer_names.h"
#include "os/mount.h"
#include "os/project_quota.h"
#include "sys/file.h"

namespace ak::backend {

namespace {

constexpr const char* kProgram = "/usr/sbin/mke2fs";
constexpr const char* kUnfinished = "disk.ext4.new";
// Below this size a journal would be a good part of it.
constexpr std::uint64_t kSmallestWithJournal = std::uint64_t{16} << 20U;
// The largest file of ext4 with blocks of 4 KiB.
constexpr std::uint64_t kLargest = std::uint64_t{16} << 40U;

bool has(int directory, const char* name) {
  return ::faccessat(directory, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

// A layer with content keeps the form that it has.
bool wantsImage(int directory) {
  return !has(directory, model::kDiskImage) && !has(directory, model::kRootLayer) &&
         !os::enforcesProjectQuota(directory);
}

std::vector<std::string> commandFor(std::uint64_t bytes) {
  std::vector<std::string> words{kProgram, "-q", "-F", "-t", "ext4", "-b", "4096", "-m", "0", "-i",
                                 "8192", "-E",
                                 // The file is all zeroes already: neither mke2fs nor, later, the
                                 // kernel writes inode tables that the host would have to store.
                                 "assume_storage_prezeroed=1,nodiscard,root_owner=0:0"};
  if (bytes < kSmallestWithJournal) {
    words.insert(words.end(), {"-O", "^has_journal"});
  } else {
    words.insert(words.end(), {"-J", "size=4"});  // MiB: of the guest's share
  }
  words.emplace_back(kUnfinished);
  return words;
}

Status makeSparse(int directory, std::uint64_t bytes) {
  (void)::unlinkat(directory, kUnfinished, 0);
  const sys::OwnedFd file =
      AK_TRY(sys::openAt(directory, kUnfinished, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
  return ::ftruncate(file.get(), static_cast<off_t>(bytes)) == 0 ? Status()
                                                                 : failErrno("making a disk image");
}

Status checkWish(std::uint64_t bytes) {
  if (::access(kProgram, X_OK) != 0) {
    return fail(ErrorCode::Unsupported, cat("a disk limit needs ", kProgram),
                "Install e2fsprogs, or put the state directory on ext4 or xfs with project quotas "
                "(mount option prjquota).");
  }
  if (bytes > kLargest) {
    return fail(ErrorCode::TooLarge, "a disk limit can be at most 16 TiB", "Ask for less.");
  }
  return {};
}

}  // namespace

net::Task<Status> formatImage(net::Executor executor,
                              const std::string& path,
                              std::uint64_t bytes) {
  const sys::OwnedFd directory =
      AK_CO_TRY(sys::openPath(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  AK_CO_TRY(checkWish(bytes));
  AK_CO_TRY(makeSparse(directory.get(), bytes));
  SpawnRequest format;
  format.argv = commandFor(bytes);
  // Its own defaults: a machine's /etc/mke2fs.conf may ask for what an older kernel cannot mount.
  format.environment = {"MKE2FS_CONFIG=/nonexistent"};
  format.directory = path;
  const auto ended = co_await runProgram(executor, format);
  const sys::ExitStatus status = AK_CO_TRY(ended);
  if (status != sys::ExitStatus{}) {
    co_return fail(ErrorCode::Internal, cat(kProgram, " could not format a disk image"),
                   "See: agentkernel daemon logs");
  }
  if (::renameat(directory.get(), kUnfinished, directory.get(), model::kDiskImage) != 0 ||
      ::fsync(directory.get()) != 0) {
    co_return failErrno("putting a disk image in place");
  }
  co_return Status();
}

net::Task<Status> makeDiskImage(net::Executor executor, const StartRequest& request) {
  const model::Limits& limits = request.permissions.limits;
  if (request.root.writable.path.empty() || limits.disk_bytes == 0 || !limits.explicit_disk) {
    co_return Status();
  }
  const sys::OwnedFd place = AK_CO_TRY(os::openHostPath(request.root.writable));
  const sys::OwnedFd directory = AK_CO_TRY(sys::openAt(place.get(), ".", O_RDONLY | O_DIRECTORY));
  if (!wantsImage(directory.get())) {
    co_return Status();
  }
  co_return co_await formatImage(executor, request.root.writable.path, limits.disk_bytes);
}

}  // namespace ak::backend
