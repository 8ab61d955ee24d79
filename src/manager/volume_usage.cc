#include "manager/volume_usage.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <set>
#include <vector>

#include "backend/tree_aid.h"
#include "base/text.h"
#include "model/layer_names.h"
#include "os/project_quota.h"
#include "sys/directory.h"
#include "sys/file.h"
#include "sys/resolve.h"

namespace ak::manager {

namespace {

constexpr std::uint64_t kBlock = 512;  // st_blocks' unit, stat(3type)
// Each level holds a descriptor.
constexpr std::size_t kDeepest = 64;

class Walk {
 public:
  Walk(backend::TreeAid* aid, UsageBudget& budget) : aid_(aid), budget_(budget) {}

  Result<VolumeUsage> count(sys::OwnedFd top) {
    levels_.push_back({AK_TRY(sys::DirectoryReader::open(std::move(top))), {}});
    while (!levels_.empty()) {
      if (budget_.entries == 0 || std::chrono::steady_clock::now() > budget_.until) {
        usage_.whole = false;
        break;
      }
      --budget_.entries;
      const dirent* entry = AK_TRY(levels_.back().reader.next());
      if (entry == nullptr) {
        levels_.pop_back();
      } else {
        take(entry->d_name);
      }
    }
    return usage_;
  }

 private:
  struct Level {
    sys::DirectoryReader reader;
    std::string path;  // beneath the top
  };

  void take(const std::string& name) {
    const int parent = levels_.back().reader.fd();
    struct stat info{};
    if (::fstatat(parent, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
      usage_.whole = usage_.whole && errno == ENOENT;  // removed meanwhile: nothing is missing
      return;
    }
    if (info.st_nlink < 2 || S_ISDIR(info.st_mode) || seen_.insert(info.st_ino).second) {
      usage_.bytes += static_cast<std::uint64_t>(info.st_blocks) * kBlock;
    }
    if (S_ISDIR(info.st_mode)) {
      enter(name);
    }
  }

  void enter(const std::string& name) {
    const std::string& above = levels_.back().path;
    std::string path = above.empty() ? name : cat(above, "/", name);
    Result<sys::OwnedFd> directory =
        levels_.size() < kDeepest ? open(name, path) : fail(ErrorCode::TooLarge, "too deep");
    Result<sys::DirectoryReader> reader = directory
                                              ? sys::DirectoryReader::open(*std::move(directory))
                                              : std::unexpected(std::move(directory).error());
    if (reader) {
      levels_.push_back({*std::move(reader), std::move(path)});
    } else {
      usage_.whole = usage_.whole && reader.error().code == ErrorCode::NotFound;
    }
  }

  Result<sys::OwnedFd> open(const std::string& name, const std::string& path) {
    Result<sys::OwnedFd> opened = sys::openAt(
        levels_.back().reader.fd(), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, sys::kBeneath);
    if (!opened && opened.error().code == ErrorCode::PermissionDenied && aid_ != nullptr) {
      return aid_->directory(path);
    }
    return opened;
  }

  backend::TreeAid* aid_;
  UsageBudget& budget_;
  std::vector<Level> levels_;
  std::set<ino_t> seen_;
  VolumeUsage usage_;
};

}  // namespace

Result<VolumeUsage> usageOf(const std::string& path,
                            const model::VolumeRecord& volume,
                            backend::TreeAid* aid,
                            UsageBudget& budget) {
  constexpr int kDirectory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
  const sys::OwnedFd directory = AK_TRY(sys::openPath(path, kDirectory));
  struct stat image{};
  if (::fstatat(directory.get(), model::kDiskImage, &image, AT_SYMLINK_NOFOLLOW) == 0) {
    return VolumeUsage{static_cast<std::uint64_t>(image.st_blocks) * kBlock, true};
  }
  sys::OwnedFd data = AK_TRY(sys::openAt(directory.get(), model::kVolumeData, kDirectory));
  if (volume.size_bytes != 0 && os::projectOf(data.get()) == volume.project) {
    if (const auto counted = os::projectUsage(data.get(), volume.project)) {
      return VolumeUsage{*counted, true};
    }
  }
  return Walk(aid, budget).count(std::move(data));
}

}  // namespace ak::manager
