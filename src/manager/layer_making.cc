#include "manager/layer_making.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "manager/frozen_layers.h"
#include "manager/plan.h"
#include "manager/snapshots.h"
#include "manager/workspace_directory.h"
#include "model/layer_names.h"
#include "os/disk_image.h"
#include "os/mount.h"
#include "sys/file.h"

namespace ak::manager {

namespace {

using std::chrono::steady_clock;

constexpr const char* kUnfinished = "disk.ext4.new";
constexpr std::chrono::minutes kSquashLimit{10};

// A part of a layer, to be read by the backend's helper: a guest may have closed it to us.
Result<std::optional<sys::OwnedFd>> openPart(const std::string& layer, const char* part) {
  sys::OwnedFd directory = AK_TRY(sys::openPath(layer, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  if (::faccessat(directory.get(), model::kDiskImage, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
    directory = AK_TRY(os::mountDiskImage(directory.get(), model::kDiskImage));
  }
  return sys::openAtIfExists(directory.get(), part, O_PATH | O_DIRECTORY | O_NOFOLLOW);
}

Result<sys::OwnedFd> makePart(const std::string& layer, const char* part) {
  const sys::OwnedFd directory = AK_TRY(sys::openPath(layer, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  if (::mkdirat(directory.get(), part, 0700) != 0) {
    return failErrno("making a layer");
  }
  return sys::openAt(directory.get(), part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

bool hasDiskImage(const std::string& layer) {
  return ::faccessat(AT_FDCWD, cat(layer, "/", model::kDiskImage).c_str(), F_OK,
                     AT_SYMLINK_NOFOLLOW) == 0;
}

// The image is mounted and its guest stands still: once its file system has written everything
// down, the file is as after a power cut that took nothing.
Status copyDiskImage(const std::string& from, const std::string& to) {
  const sys::OwnedFd source = AK_TRY(sys::openPath(from, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  const sys::OwnedFd target = AK_TRY(sys::openPath(to, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  const sys::OwnedFd mounted = AK_TRY(os::mountDiskImage(source.get(), model::kDiskImage));
  const sys::OwnedFd top = AK_TRY(sys::openAt(mounted.get(), ".", O_RDONLY | O_DIRECTORY));
  if (::syncfs(top.get()) != 0) {
    return failErrno("writing a sandbox's disk");
  }
  const sys::OwnedFd old =
      AK_TRY(sys::openAt(source.get(), model::kDiskImage, O_RDONLY | O_NOFOLLOW));
  const sys::OwnedFd fresh =
      AK_TRY(sys::openAt(target.get(), kUnfinished, O_WRONLY | O_CREAT | O_EXCL, 0600));
  AK_TRY(sys::copyBytes(old.get(), fresh.get()));
  return ::renameat(target.get(), kUnfinished, target.get(), model::kDiskImage) == 0
             ? Status()
             : failErrno("copying a sandbox's disk");
}

net::Task<Status> copyPart(const Foundation& foundation,
                           const std::string& from,
                           const std::string& to,
                           const char* part) {
  Result<std::optional<sys::OwnedFd>> source =
      co_await foundation.workers.run([&] { return openPart(from, part); });
  const std::optional<sys::OwnedFd> there = AK_CO_TRY(std::move(source));
  if (!there) {
    co_return Status{};
  }
  Result<sys::OwnedFd> made = co_await foundation.workers.run([&] { return makePart(to, part); });
  const sys::OwnedFd target = AK_CO_TRY(std::move(made));
  backend::LayerMerge merge;
  merge.layers = {there->get()};
  merge.target = target.get();
  merge.limit = Snapshots::kLongestPause;
  co_return co_await foundation.backend.mergeLayers(std::move(merge));
}

net::Task<Status> copyContent(const Foundation& foundation,
                              const std::string& from,
                              const std::string& to) {
  const bool image = co_await foundation.workers.run([&] { return hasDiskImage(from); });
  if (image) {
    co_return co_await foundation.workers.run([&] { return copyDiskImage(from, to); });
  }
  for (const char* part : {model::kRootLayer, model::kWorkspaceLayer}) {
    const Status copied = co_await copyPart(foundation, from, to, part);
    AK_CO_TRY(copied);
  }
  co_return Status{};
}

// What lies below the layers of a sandbox, now.
Result<std::vector<sys::OwnedFd>> openBase(const Foundation& foundation, const Squash& squash) {
  std::vector<sys::OwnedFd> base;
  if (std::string_view(squash.part) == model::kWorkspaceLayer) {
    base.push_back(AK_TRY(openWorkspace(squash.like.workspace_path)));
    return base;
  }
  const image::ResolvedImage image = AK_TRY(imageOf(squash.like, foundation.images));
  for (const model::HostPath& layer : image.root.layers) {
    base.push_back(AK_TRY(os::openHostPath(layer)));
  }
  return base;
}

}  // namespace

net::Task<Result<std::chrono::microseconds>> copyWritable(const Foundation& foundation,
                                                          std::string uuid,
                                                          std::string layer) {
  const std::string& state = foundation.state_directory;
  const std::string from = cat(state, "/sandboxes/", uuid, "/layer");
  const std::string to = frozenLayerPath(state, layer);
  const Status made =
      co_await foundation.workers.run([&] { return makeFrozenLayer(state, layer); });
  AK_CO_TRY(made);
  const auto begin = steady_clock::now();
  const Status frozen = co_await foundation.backend.freeze(uuid);
  AK_CO_TRY(frozen);
  const Status copied = co_await copyContent(foundation, from, to);
  const Status thawed = co_await foundation.backend.unfreeze(uuid);
  const auto pause = steady_clock::now() - begin;
  AK_CO_TRY(copied);
  AK_CO_TRY(thawed);
  const Status saved =
      co_await foundation.workers.run([&] { return saveFrozenLayer(state, layer); });
  AK_CO_TRY(saved);
  co_return std::chrono::duration_cast<std::chrono::microseconds>(pause);
}

net::Task<Result<bool>> squashLayers(const Foundation& foundation,
                                     Squash squash,
                                     std::string layer) {
  const std::string& state = foundation.state_directory;
  std::vector<sys::OwnedFd> parts;
  std::vector<sys::OwnedFd> base;
  sys::OwnedFd target;
  const Status opened = co_await foundation.workers.run([&]() -> Status {
    base = AK_TRY(openBase(foundation, squash));
    for (const std::string& each : squash.layers) {
      if (auto part = AK_TRY(openPart(frozenLayerPath(state, each), squash.part))) {
        parts.push_back(*std::move(part));
      }
    }
    if (!parts.empty()) {
      AK_TRY(makeFrozenLayer(state, layer));
      target = AK_TRY(makePart(frozenLayerPath(state, layer), squash.part));
    }
    return {};
  });
  AK_CO_TRY(opened);
  if (parts.empty()) {
    co_return false;
  }
  backend::LayerMerge merge;
  merge.content = backend::LayerMerge::Content::Link;
  for (const sys::OwnedFd& part : parts) {
    merge.layers.push_back(part.get());
  }
  for (const sys::OwnedFd& below : base) {
    merge.base.push_back(below.get());
  }
  merge.target = target.get();
  merge.without = std::move(squash.without);
  merge.limit = kSquashLimit;
  const Status merged = co_await foundation.backend.mergeLayers(std::move(merge));
  AK_CO_TRY(merged);
  const Status saved =
      co_await foundation.workers.run([&] { return saveFrozenLayer(state, layer); });
  AK_CO_TRY(saved);
  co_return true;
}

}  // namespace ak::manager
