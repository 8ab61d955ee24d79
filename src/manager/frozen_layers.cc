#include "manager/frozen_layers.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/text.h"
#include "manager/writable_layer.h"
#include "model/layer_names.h"
#include "os/project_quota.h"
#include "sys/directory.h"
#include "sys/file.h"

namespace ak::manager {

namespace {

constexpr std::size_t kMostLayers = 1'000'000;
constexpr int kDirectory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
// As the writable directory is: the guest's ids must reach what is below.
constexpr mode_t kSearchable = 0711;

Result<sys::OwnedFd> openSandbox(const Freeze& freeze) {
  return sys::openPath(cat(freeze.state_directory, "/sandboxes/", freeze.uuid), kDirectory);
}

Result<sys::OwnedFd> openAll(const std::string& state_directory) {
  return sys::openPath(cat(state_directory, "/layers"), kDirectory);
}

// One that is there already is empty, or the renames fail.
Status makeDirectory(int parent, const std::string& name) {
  if (::mkdirat(parent, name.c_str(), kSearchable) != 0 && errno != EEXIST) {
    return failErrno("making a layer");
  }
  // mkdir obeys the umask.
  return ::fchmodat(parent, name.c_str(), kSearchable, 0) == 0 ? Status()
                                                               : failErrno("making a layer");
}

Status sync(int directory) {
  return ::fsync(directory) == 0 ? Status() : failErrno("saving a directory");
}

bool has(int directory, const std::string& name) {
  return ::faccessat(directory, name.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

std::string freshName(const std::string& layer) {
  return cat("layer.", layer);
}

Status removeEmpty(int parent, const std::string& name) {
  return ::unlinkat(parent, name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT
             ? Status()
             : failErrno("removing an empty layer");
}

// Of a directory that is there. One that its guest closed to us may hold anything.
bool isEmpty(int parent, const char* name) {
  Result<sys::DirectoryReader> reader = sys::DirectoryReader::open(parent, name);
  const Result<const dirent*> first =
      reader ? reader->next() : std::unexpected(std::move(reader).error());
  return first && *first == nullptr;
}

}  // namespace

std::string frozenLayerPath(const std::string& state_directory, const std::string& layer) {
  return cat(state_directory, "/layers/", layer);
}

Status prepareFreeze(const Freeze& freeze) {
  const sys::OwnedFd sandbox = AK_TRY(openSandbox(freeze));
  const sys::OwnedFd all = AK_TRY(openAll(freeze.state_directory));
  AK_TRY(makeDirectory(all.get(), freeze.layer));
  return makeDirectory(sandbox.get(), freshName(freeze.layer));
}

Status finishFreeze(const Freeze& freeze) {
  if (freeze.layer.empty()) {
    return {};
  }
  const sys::OwnedFd sandbox = AK_TRY(openSandbox(freeze));
  const sys::OwnedFd all = AK_TRY(openAll(freeze.state_directory));
  const std::string fresh = freshName(freeze.layer);
  const bool frozen = has(all.get(), freeze.layer) && !isEmpty(all.get(), freeze.layer.c_str());
  if (frozen && has(sandbox.get(), "layer")) {
    return has(sandbox.get(), fresh)
               ? Status(fail(ErrorCode::Conflict,
                             cat("layer ", freeze.layer, " holds what is not this sandbox's")))
               : Status();
  }
  // A power cut may have taken them, but not the store's word.
  AK_TRY(makeDirectory(sandbox.get(), fresh));
  if (!frozen) {
    AK_TRY(makeDirectory(all.get(), freeze.layer));
    // Either rename fills a name that is there or was until just now: no directory grows.
    if (::renameat(sandbox.get(), "layer", all.get(), freeze.layer.c_str()) != 0) {
      return failErrno("freezing a layer");
    }
  }
  return ::renameat(sandbox.get(), fresh.c_str(), sandbox.get(), "layer") == 0
             ? Status()
             : failErrno("giving a sandbox a fresh layer");
}

Status saveFreeze(const Freeze& freeze) {
  if (freeze.layer.empty()) {
    return {};
  }
  AK_TRY(finishFreeze(freeze));
  const sys::OwnedFd sandbox = AK_TRY(openSandbox(freeze));
  const sys::OwnedFd all = AK_TRY(openAll(freeze.state_directory));
  AK_TRY(sync(sandbox.get()));
  return sync(all.get());
}

Status abandonFreeze(const Freeze& freeze) {
  const sys::OwnedFd sandbox = AK_TRY(openSandbox(freeze));
  const sys::OwnedFd all = AK_TRY(openAll(freeze.state_directory));
  AK_TRY(removeEmpty(sandbox.get(), freshName(freeze.layer)));
  return removeEmpty(all.get(), freeze.layer);
}

Status removeAbandoned(const std::string& state_directory, const std::string& uuid) {
  const Freeze of{state_directory, uuid, {}};
  sys::OwnedFd sandbox = AK_TRY(openSandbox(of));
  const sys::OwnedFd parent = AK_TRY(sandbox.duplicate());
  sys::DirectoryReader reader = AK_TRY(sys::DirectoryReader::open(std::move(sandbox)));
  const auto names = AK_TRY(sys::listNames(std::move(reader), kMostLayers));
  for (const std::string& name : names) {
    if (name.starts_with(freshName(""))) {
      AK_TRY(removeEmpty(parent.get(), name));
    }
  }
  return {};
}

Status makeFrozenLayer(const std::string& state_directory, const std::string& layer) {
  const sys::OwnedFd all = AK_TRY(openAll(state_directory));
  return makeDirectory(all.get(), layer);
}

Status saveFrozenLayer(const std::string& state_directory, const std::string& layer) {
  const sys::OwnedFd made =
      AK_TRY(sys::openPath(frozenLayerPath(state_directory, layer), kDirectory));
  if (::syncfs(made.get()) != 0) {
    return failErrno("saving a layer");
  }
  return {};
}

Status removeFrozenLayer(const std::string& state_directory, const std::string& layer) {
  const sys::OwnedFd all = AK_TRY(openAll(state_directory));
  return sys::removeTree(all.get(), layer);
}

Result<std::vector<std::string>> listFrozenLayers(const std::string& state_directory) {
  sys::OwnedFd all = AK_TRY(openAll(state_directory));
  sys::DirectoryReader reader = AK_TRY(sys::DirectoryReader::open(std::move(all)));
  return sys::listNames(std::move(reader), kMostLayers);
}

Result<std::vector<model::HostPath>> frozenHostPaths(const std::string& state_directory,
                                                     const std::vector<std::string>& layers) {
  std::vector<model::HostPath> paths;
  paths.reserve(layers.size());
  for (const std::string& layer : layers) {
    Result<model::HostPath> path = hostPathOf(frozenLayerPath(state_directory, layer));
    if (!path) {
      Error error = std::move(path).error();
      error.code = ErrorCode::Internal;
      error.remedy = "Files below the state directory were removed by another program.";
      return std::unexpected(std::move(error).context("a frozen layer"));
    }
    paths.push_back(std::move(*path));
  }
  return paths;
}

std::uint32_t projectOfLayer(const std::string& state_directory, const std::string& layer) {
  const Result<sys::OwnedFd> fd =
      sys::openPath(frozenLayerPath(state_directory, layer), kDirectory);
  return fd ? os::projectOf(fd->get()) : 0;
}

Result<bool> hasOwnWrites(const std::string& directory, const std::string& below) {
  const sys::OwnedFd layer = AK_TRY(sys::openPath(cat(directory, "/layer"), kDirectory));
  if (has(layer.get(), model::kDiskImage)) {
    return true;
  }
  for (const char* name : {model::kRootLayer, model::kWorkspaceLayer}) {
    if (has(layer.get(), name) && !isEmpty(layer.get(), name)) {
      return true;
    }
  }
  if (below.empty() || !has(layer.get(), model::kRootLayer)) {
    return has(layer.get(), model::kRootLayer);
  }
  // Empty, but for what the guest made of the root directory itself.
  struct stat ours{};
  struct stat theirs{};
  const std::string lower = cat(below, "/", model::kRootLayer);
  if (::fstatat(layer.get(), model::kRootLayer, &ours, AT_SYMLINK_NOFOLLOW) != 0 ||
      ::fstatat(AT_FDCWD, lower.c_str(), &theirs, AT_SYMLINK_NOFOLLOW) != 0) {
    return true;
  }
  return ours.st_mode != theirs.st_mode || ours.st_uid != theirs.st_uid ||
         ours.st_gid != theirs.st_gid;
}

}  // namespace ak::manager
