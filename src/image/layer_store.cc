#include "image/layer_store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "base/text.h"
#include "image/directory.h"
#include "image/reference.h"
#include "sys/file.h"
#include "sys/random.h"

namespace ak::image {

namespace {

constexpr const char* kMarker = "complete";
constexpr std::size_t kMarkerLimit = 256;

std::optional<LayerInfo> parseMarker(std::string_view text) {
  const auto words = split(trim(text), ' ');
  if (words.size() != 3 || words[0] != "layer-1") {
    return std::nullopt;
  }
  const auto bytes = parseNumber<std::uint64_t>(words[1]);
  const auto entries = parseNumber<std::uint64_t>(words[2]);
  if (!bytes || !entries) {
    return std::nullopt;
  }
  return LayerInfo{*bytes, *entries};
}

// flock(2) of staging.lock; released when the last copy of the descriptor is closed.
Result<sys::OwnedFd> lockStaging(const std::string& directory, int how) {
  sys::OwnedFd lock =
      AK_TRY(sys::openPath(directory + "/staging.lock", O_RDONLY | O_CREAT | O_NOFOLLOW, 0600));
  while (::flock(lock.get(), how) != 0) {
    if (errno != EINTR) {
      return failErrno("locking the staging directory");
    }
  }
  return lock;
}

Status emptyDirectory(int dir_fd) {
  for (const std::string& name : AK_TRY(listDirectory(dir_fd))) {
    AK_TRY(sys::removeTree(dir_fd, name));
  }
  return {};
}

}  // namespace

StagedLayer::~StagedLayer() {
  if (parts_.directory.valid()) {
    // What cannot be removed now is removed at the next open.
    (void)sys::removeTree(parts_.staging_fd, parts_.name);
  }
}

LayerStore::LayerStore(std::string directory, sys::OwnedFd layers, sys::OwnedFd staging)
    : directory_(std::move(directory)), layers_(std::move(layers)), staging_(std::move(staging)) {}

Result<LayerStore> LayerStore::open(const std::string& directory) {
  sys::OwnedFd layers = AK_TRY(sys::makePrivateDirectory(directory + "/layers"));
  sys::OwnedFd staging = AK_TRY(sys::makePrivateDirectory(directory + "/staging"));
  const sys::OwnedFd lock = AK_TRY(lockStaging(directory, LOCK_EX));
  AK_TRY(emptyDirectory(staging.get()));
  return LayerStore(directory, std::move(layers), std::move(staging));
}

Result<StagedLayer> LayerStore::stage() {
  StagedLayer::Parts parts;
  parts.staging_fd = staging_.get();
  parts.name = sys::KernelRandom().hex(16);
  parts.lock = AK_TRY(lockStaging(directory_, LOCK_SH));
  parts.directory = AK_TRY(makeDirectory(staging_.get(), parts.name));
  parts.root = AK_TRY(makeDirectory(parts.directory.get(), "root"));
  return StagedLayer(std::move(parts));
}

Status LayerStore::flush() {
  if (::syncfs(staging_.get()) != 0) {
    return failErrno("syncfs of the image store");
  }
  return {};
}

Status LayerStore::publish(StagedLayer layer,
                           const std::string& hex,
                           const LayerInfo& info,
                           Durability durability) {
  const std::string text = cat("layer-1 ", info.bytes, " ", info.entries, "\n");
  const int directory = layer.parts_.directory.get();
  sys::OwnedFd marker = AK_TRY(sys::openAt(directory, kMarker, O_WRONLY | O_CREAT | O_EXCL, 0600));
  AK_TRY(sys::writeAll(marker.get(), text));
  if (durability == Durability::Disk && ::fsync(marker.get()) != 0) {
    return failErrno("fsync of a layer's marker");
  }
  if (::renameat2(staging_.get(), layer.parts_.name.c_str(), layers_.get(), hex.c_str(),
                  RENAME_NOREPLACE) != 0) {
    const int error = errno;
    const std::optional<LayerInfo> existing = AK_TRY(find(hex));
    if (error == EEXIST && existing) {
      return {};
    }
    return failErrno(error, cat("publishing layer ", hex));
  }
  layer.parts_.directory.reset();
  if (durability == Durability::Disk && ::fsync(layers_.get()) != 0) {
    return failErrno("fsync of the layer directory");
  }
  return {};
}

Result<std::optional<LayerInfo>> LayerStore::find(const std::string& hex) const {
  if (!isDigestHex(hex)) {
    return fail(ErrorCode::InvalidArgument, cat("not a layer digest: ", printable(hex)));
  }
  const std::optional<sys::OwnedFd> marker =
      AK_TRY(sys::openAtIfExists(layers_.get(), cat(hex, "/", kMarker), O_RDONLY, 0));
  if (!marker) {
    return std::nullopt;
  }
  const std::string text = AK_TRY(sys::readAll(marker->get(), kMarkerLimit));
  const std::optional<LayerInfo> info = parseMarker(text);
  if (!info) {
    return fail(ErrorCode::Internal, cat("layer ", hex, " of the image store is damaged"),
                cat("Remove the images that use it, then: rm -r ", directory_, "/layers/", hex));
  }
  return info;
}

Result<model::HostPath> LayerStore::root(const std::string& hex) const {
  const struct stat info = AK_TRY(statEntry(layers_.get(), hex + "/root"));
  return model::HostPath{cat(directory_, "/layers/", hex, "/root"), info.st_dev, info.st_ino};
}

Result<std::vector<std::string>> LayerStore::list() const {
  std::vector<std::string> layers;
  for (std::string& name : AK_TRY(listDirectory(layers_.get()))) {
    if (isDigestHex(name)) {
      layers.push_back(std::move(name));
    }
  }
  return layers;
}

Status LayerStore::remove(const std::string& hex) {
  const std::string aside = sys::KernelRandom().hex(16);
  if (::renameat(layers_.get(), hex.c_str(), staging_.get(), aside.c_str()) != 0) {
    return errno == ENOENT ? Status{} : Status(failErrno(cat("removing layer ", hex)));
  }
  return sys::removeTree(staging_.get(), aside);
}

}  // namespace ak::image
