#include "image/local_store.h"

#include <algorithm>

#include "base/text.h"
#include "image/import.h"
#include "image/layer_pins.h"
#include "image/reference.h"
#include "sys/file.h"

namespace ak::image {

namespace {

std::unexpected<Error> notLocal(std::string_view reference) {
  return fail(ErrorCode::NotFound, cat("no image '", printable(reference), "' on this machine"),
              "Import it: agentkernel images import PATH --name NAME, or use the image 'host'.");
}

bool contains(const std::vector<std::string>& digests, const std::string& digest) {
  return std::ranges::find(digests, digest) != digests.end();
}

}  // namespace

Result<std::unique_ptr<ImageStore>> ImageStore::open(Options options) {
  return LocalStore::open(std::move(options));
}

Result<std::unique_ptr<ImageStore>> LocalStore::open(Options options) {
  sys::OwnedFd fd = AK_TRY(sys::makePrivateDirectory(options.directory));
  sys::OwnedFd host_fd = AK_TRY(fd.duplicate());
  LayerStore layers = AK_TRY(LayerStore::open(options.directory));
  ImageIndex index = AK_TRY(ImageIndex::load(fd.get()));
  return std::unique_ptr<ImageStore>(new LocalStore(
      std::move(options), std::move(layers), std::move(index), std::move(fd), std::move(host_fd)));
}

LocalStore::LocalStore(
    Options options, LayerStore layers, ImageIndex index, sys::OwnedFd fd, sys::OwnedFd host_fd)
    : options_(std::move(options)),
      fd_(std::move(fd)),
      layers_(std::move(layers)),
      host_(layers_, options_.host_root, std::move(host_fd)),
      index_(std::move(index)) {}

Status LocalStore::change(ImageIndex next) {
  AK_TRY(next.save(fd_.get()));
  index_ = std::move(next);
  return {};
}

Result<std::string> LocalStore::digestOf(std::string_view reference) const {
  const Reference parsed = AK_TRY(parseReference(reference));
  // A name may look like a digest ("deadbeefcafe"): the name is what somebody gave.
  const Result<std::string> name = parseImageName(reference);
  if (name) {
    if (const auto found = index_.names.find(*name); found != index_.names.end()) {
      return found->second;
    }
  }
  if (parsed.kind != Reference::Kind::Digest) {
    return notLocal(reference);
  }
  const auto first = index_.images.lower_bound(parsed.value);
  if (first == index_.images.end() || !first->first.starts_with(parsed.value)) {
    return notLocal(reference);
  }
  const auto second = std::next(first);
  if (second != index_.images.end() && second->first.starts_with(parsed.value)) {
    return fail(ErrorCode::InvalidArgument, cat("more than one image begins with ", parsed.value),
                "Give more digits of the digest.");
  }
  return first->first;
}

Result<ResolvedImage> LocalStore::resolveHost(std::string_view reference) {
  HostView::Current view = AK_TRY(host_.current());
  ResolvedImage image;
  image.reference = reference;
  image.digest = "sha256:" + view.layer;
  image.root = std::move(view.root);
  return image;
}

Result<ResolvedImage> LocalStore::resolve(std::string_view reference) {
  if (reference == kHostImage) {
    return resolveHost(reference);
  }
  const std::lock_guard lock(mutex_);
  const std::string digest = AK_TRY(digestOf(reference));
  const ImageRecord& record = index_.images.at(digest);
  ResolvedImage image;
  image.reference = reference;
  image.digest = "sha256:" + digest;
  image.environment = record.config.environment;
  image.workdir = record.config.workdir;
  image.user = record.config.user;
  image.entrypoint = record.config.entrypoint;
  image.command = record.config.command;
  // Overlayfs wants the lowest layer last. The same layer twice (two empty ones) is ELOOP there:
  // the upper of the two decides.
  std::set<std::string_view> seen;
  for (auto layer = record.layers.rbegin(); layer != record.layers.rend(); ++layer) {
    if (seen.insert(*layer).second) {
      image.root.layers.push_back(AK_TRY(layers_.root(*layer)));
    }
  }
  return image;
}

Result<ImageInfo> LocalStore::infoOf(const std::string& digest, const std::string& name) const {
  const ImageRecord& record = index_.images.at(digest);
  ImageInfo info{.name = name,
                 .digest = "sha256:" + digest,
                 .created_at = record.created_at,
                 .layers = record.layers.size()};
  for (const std::string& layer : record.layers) {
    info.size += AK_TRY(layers_.find(layer)).value_or(LayerInfo{}).bytes;
  }
  return info;
}

Result<ImageInfo> LocalStore::import(const std::string& path, const std::string& name) {
  std::string full_name;
  if (!name.empty()) {
    full_name = AK_TRY(parseImageName(name));
  }
  LayerPins pins(mutex_, pinned_);
  Importer importer(layers_, options_, [&](const std::string& hex) -> Result<bool> {
    pins.add(hex);
    return AK_TRY(layers_.find(hex)).has_value();
  });
  Result<ImportedImage> read = importer.import(path);
  if (!read) {
    return std::unexpected(std::move(read).error().context(cat("importing ", printable(path))));
  }
  ImportedImage image = std::move(*read);
  if (!image.layers.empty()) {
    AK_TRY(layers_.flush());
  }
  const std::lock_guard lock(mutex_);
  for (NewLayer& layer : image.layers) {
    AK_TRY(layers_.publish(std::move(layer.staged), layer.hex, layer.info));
  }
  ImageIndex next = index_;
  image.record.created_at = SystemClock().wall();
  next.images.try_emplace(image.digest, std::move(image.record));
  if (!full_name.empty()) {
    next.names[full_name] = image.digest;
  }
  AK_TRY(change(std::move(next)));
  return infoOf(image.digest, full_name);
}

Result<std::vector<ImageInfo>> LocalStore::list() {
  const std::lock_guard lock(mutex_);
  std::vector<ImageInfo> images;
  for (const auto& [name, digest] : index_.names) {
    images.push_back(AK_TRY(infoOf(digest, name)));
  }
  for (const auto& [digest, record] : index_.images) {
    if (index_.namesOf(digest).empty()) {
      images.push_back(AK_TRY(infoOf(digest, {})));
    }
  }
  return images;
}

Status LocalStore::remove(std::string_view reference, const std::vector<std::string>& in_use) {
  const Reference parsed = AK_TRY(parseReference(reference));
  if (parsed.kind == Reference::Kind::Host) {
    return fail(ErrorCode::InvalidArgument,
                "the image 'host' is this machine itself and cannot be removed");
  }
  const std::lock_guard lock(mutex_);
  const std::string digest = AK_TRY(digestOf(reference));
  ImageIndex next = index_;
  const Result<std::string> name = parseImageName(reference);
  const bool by_name = name && next.names.erase(*name) != 0;
  if (by_name && !next.namesOf(digest).empty()) {
    return change(std::move(next));  // it keeps its other names
  }
  if (contains(in_use, "sha256:" + digest)) {
    return fail(ErrorCode::Conflict, cat("image '", printable(reference), "' is used by a sandbox"),
                "Remove the sandboxes made from it first: agentkernel list");
  }
  std::erase_if(next.names, [&](const auto& entry) { return entry.second == digest; });
  const std::vector<std::string> layers = next.images.at(digest).layers;
  next.images.erase(digest);
  AK_TRY(change(std::move(next)));
  return removeUnused(layers, in_use, nullptr);
}

// Layers of an import under way are pinned, and the current skeleton is an image's as well.
Status LocalStore::removeUnused(const std::vector<std::string>& candidates,
                                const std::vector<std::string>& in_use,
                                std::uint64_t* freed) {
  std::set<std::string> needed(pinned_.begin(), pinned_.end());
  for (const auto& [digest, record] : index_.images) {
    needed.insert(record.layers.begin(), record.layers.end());
  }
  for (const std::string_view digest : in_use) {
    // The digest of a host image is that of its only layer.
    needed.emplace(digest.starts_with("sha256:") ? digest.substr(7) : digest);
  }
  if (const std::string skeleton = host_.remembered(); !skeleton.empty()) {
    needed.insert(skeleton);
  }
  for (const std::string& layer : candidates) {
    if (needed.contains(layer)) {
      continue;
    }
    const Result<std::optional<LayerInfo>> info = layers_.find(layer);
    AK_TRY(layers_.remove(layer));
    if (freed != nullptr && info && *info) {
      *freed += (*info)->bytes;
    }
  }
  return {};
}

Result<PruneResult> LocalStore::prune(const std::vector<std::string>& in_use) {
  const std::lock_guard lock(mutex_);
  PruneResult result;
  ImageIndex next = index_;
  for (const auto& [digest, record] : index_.images) {
    const std::string full = "sha256:" + digest;
    if (index_.namesOf(digest).empty() && !contains(in_use, full)) {
      next.images.erase(digest);
      result.removed.push_back(full);
    }
  }
  if (!result.removed.empty()) {
    AK_TRY(change(std::move(next)));
  }
  const std::vector<std::string> layers = AK_TRY(layers_.list());
  AK_TRY(removeUnused(layers, in_use, &result.freed_bytes));
  return result;
}

}  // namespace ak::image
