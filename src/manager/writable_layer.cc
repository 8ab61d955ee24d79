#include "manager/writable_layer.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/text.h"
#include "model/layer_names.h"
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

Result<sys::OwnedFd> openWorkspaceLayer(const std::string& directory) {
  Result<sys::OwnedFd> layer = sys::openPath(cat(directory, "/layer/", model::kWorkspaceLayer),
                                             O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!layer && layer.error().code == ErrorCode::NotFound) {
    return fail(ErrorCode::NotFound, "this sandbox has no copy-on-write workspace layer");
  }
  return layer;
}

Status removeWritableLayer(const std::string& state_directory, const std::string& uuid) {
  Result<sys::OwnedFd> parent =
      sys::openPath(cat(state_directory, "/sandboxes"), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!parent) {
    return parent.error().code == ErrorCode::NotFound ? Status{} : std::unexpected(parent.error());
  }
  return sys::removeTree(parent->get(), uuid);
}

}  // namespace ak::manager
