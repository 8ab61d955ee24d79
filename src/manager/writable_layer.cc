#include "manager/writable_layer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <optional>

#include "base/text.h"
#include "manager/id_ranges.h"
#include "model/layer_names.h"
#include "model/sandbox.h"
#include "os/disk_image.h"
#include "os/project_quota.h"
#include "sys/directory.h"
#include "sys/file.h"

namespace ak::manager {

Result<model::HostPath> hostPathOf(const std::string& path) {
  const sys::OwnedFd fd = AK_TRY(sys::openPath(path, O_PATH | O_NOFOLLOW));
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0) {
    return failErrno(cat("stat ", path));
  }
  return model::HostPath{path, info.st_dev, info.st_ino};
}

Status makeWritableLayer(const std::string& directory) {
  AK_TRY(sys::makePrivateDirectory(directory));
  // Searchable: the upper directories below belong to the sandbox's ids, which must reach them.
  AK_TRY(sys::makePrivateDirectory(cat(directory, "/layer"), 0711));
  return {};
}

Result<model::HostPath> writableLayerOf(const std::string& directory) {
  return hostPathOf(cat(directory, "/layer"));
}

namespace {

// The workspace's layer in a layer directory, or in the disk image that it holds; nullopt when it
// has none.
Result<std::optional<sys::OwnedFd>> openWorkspaceLayer(const std::string& path) {
  sys::OwnedFd layers = AK_TRY(sys::openPath(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  if (::faccessat(layers.get(), model::kDiskImage, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
    layers = AK_TRY(os::mountDiskImage(layers.get(), model::kDiskImage));
  }
  return sys::openAtIfExists(layers.get(), model::kWorkspaceLayer,
                             O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

}  // namespace

Result<WorkspaceLayers> openWorkspaceLayers(const std::string& directory,
                                            const std::vector<std::string>& frozen) {
  WorkspaceLayers layers;
  if (auto own = AK_TRY(openWorkspaceLayer(cat(directory, "/layer")))) {
    layers.all.push_back(*std::move(own));
    layers.has_own = true;
  }
  for (const std::string& path : frozen) {
    if (auto layer = AK_TRY(openWorkspaceLayer(path))) {
      layers.all.push_back(*std::move(layer));
    }
  }
  if (layers.all.empty()) {
    return fail(ErrorCode::NotFound, "this sandbox has no copy-on-write workspace layer");
  }
  return layers;
}

Result<std::vector<std::string>> listWritableLayers(const std::string& state_directory) {
  constexpr std::size_t kMost = 1'000'000;
  sys::OwnedFd parent = AK_TRY(
      sys::openPath(cat(state_directory, "/sandboxes"), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  sys::DirectoryReader reader = AK_TRY(sys::DirectoryReader::open(std::move(parent)));
  std::vector<std::string> names = AK_TRY(sys::listNames(std::move(reader), kMost));
  std::erase_if(names, [](const std::string& name) { return !model::isUuid(name); });
  return names;
}

Status removeWritableLayer(const std::string& state_directory, const std::string& uuid) {
  Result<sys::OwnedFd> parent =
      sys::openPath(cat(state_directory, "/sandboxes"), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!parent) {
    return parent.error().code == ErrorCode::NotFound ? Status{} : std::unexpected(parent.error());
  }
  const Result<sys::OwnedFd> layer =
      sys::openAt(parent->get(), cat(uuid, "/layer"), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  const std::uint32_t project = layer ? os::projectOf(layer->get()) : 0;
  AK_TRY(sys::removeTree(parent->get(), uuid));
  // The project's number is its range of ids, and free again with it.
  return project >= IdRanges::kFirst ? os::forgetProject(parent->get(), project) : Status();
}

}  // namespace ak::manager
