#include "image/import.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>

#include <cerrno>
#include <set>

#include "base/text.h"
#include "crypto/sha256.h"
#include "image/tree_copy.h"
#include "image/unpack.h"
#include "sys/file.h"

namespace ak::image {

// The file beneath dir_fd, links followed as long as they stay there: old docker-archives link
// equal layers to each other.
struct Importer::LayerSource {
  int dir_fd;
  std::string path;
  std::optional<Descriptor> descriptor;  // of OCI layouts
};

namespace {

Result<sys::OwnedFd> openBeneath(int dir_fd, const std::string& path) {
  Result<sys::OwnedFd> opened = sys::openAt(dir_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0,
                                            RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS);
  if (!opened && opened.error().sys_errno == EXDEV) {
    return fail(ErrorCode::InvalidArgument, cat(printable(path), " leads outside the image"),
                "Do not trust where it came from.");
  }
  sys::OwnedFd fd = AK_TRY(std::move(opened));
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0) {
    return failErrno(cat("stat ", printable(path)));
  }
  if (!S_ISREG(info.st_mode)) {
    return fail(ErrorCode::InvalidArgument, cat(printable(path), " in the image is not a file"));
  }
  return fd;
}

Result<std::string> readBeneath(int dir_fd, const std::string& path) {
  const sys::OwnedFd fd = AK_TRY(openBeneath(dir_fd, path));
  return sys::readAll(fd.get(), kMaxImageJson);
}

std::string blobPath(const Descriptor& descriptor) {
  return cat("blobs/sha256/", descriptor.digest);
}

std::unexpected<Error> wrongDigest(std::string_view what, std::string_view wanted) {
  return fail(ErrorCode::Protocol, cat(what, " is not what its digest says (sha256:", wanted, ")"),
              "The image is damaged or was tampered with; fetch it again.");
}

// A JSON blob of an OCI layout, checked.
Result<std::string> readBlob(int dir_fd, const Descriptor& descriptor) {
  std::string text = AK_TRY(readBeneath(dir_fd, blobPath(descriptor)));
  if (text.size() != descriptor.size || crypto::sha256Hex(text) != descriptor.digest) {
    return wrongDigest("a blob of the layout", descriptor.digest);
  }
  return text;
}

Status checkMachine(const OciConfig& config) {
  const bool os_ok = config.os.empty() || config.os == "linux";
  const bool architecture_ok =
      config.architecture.empty() || config.architecture == machineArchitecture();
  if (os_ok && architecture_ok) {
    return {};
  }
  return fail(ErrorCode::Unsupported,
              cat("the image is for ", printable(config.os), "/", printable(config.architecture),
                  ", this machine is linux/", machineArchitecture()),
              "Fetch the image for this machine's architecture.");
}

// A manifest may stand behind an index of platforms, but not behind a chain of them.
Result<Manifest> findManifest(int dir_fd) {
  constexpr int kMaxIndexes = 4;
  std::string text = AK_TRY(readBeneath(dir_fd, "index.json"));
  for (int depth = 0; depth < kMaxIndexes; ++depth) {
    const std::vector<Descriptor> entries = AK_TRY(parseIndex(text));
    const Descriptor chosen = AK_TRY(choosePlatform(entries));
    text = AK_TRY(readBlob(dir_fd, chosen));
    if (!chosen.isIndex()) {
      return parseManifest(text);
    }
  }
  return fail(ErrorCode::Unsupported, "indexes within indexes within indexes");
}

bool looksLikeDockerManifest(std::string_view text) {
  return trim(text).starts_with('[') && text.contains("\"Config\"") && text.contains("\"Layers\"");
}

}  // namespace

Importer::Importer(LayerStore& layers, const ImageStore::Options& options, HasLayer has_layer)
    : layers_(layers), options_(options), has_layer_(std::move(has_layer)) {}

Result<ImportedImage> Importer::import(const std::string& path) {
  // O_NONBLOCK: the path may name a FIFO.
  const sys::OwnedFd fd = AK_TRY(sys::openPath(path, O_RDONLY | O_NONBLOCK | O_NOCTTY));
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0) {
    return failErrno("stat");
  }
  if (S_ISDIR(info.st_mode)) {
    return importDirectory(fd.get());
  }
  if (S_ISREG(info.st_mode)) {
    return importArchive(fd.get());
  }
  return fail(ErrorCode::InvalidArgument, "neither a directory nor a file",
              "Give a directory, a root tar, an OCI layout or a docker-archive.");
}

Result<ImportedImage> Importer::importDirectory(int dir_fd) {
  if (std::optional<ImportedImage> packed = AK_TRY(importPacked(dir_fd))) {
    return std::move(*packed);
  }
  StagedLayer staged = AK_TRY(layers_.stage());
  CopyBudget budget{.bytes = options_.max_unpacked_bytes, .entries = options_.max_entries};
  AK_TRY(copyTree(dir_fd, staged.root(), CopyRule::Image, budget));
  std::string hex = AK_TRY(digestTree(staged.root()));
  return singleLayer({std::move(hex), std::move(staged), {budget.used_bytes, budget.used_entries}});
}

Result<std::pair<StagedLayer, UnpackResult>> Importer::unpack(int archive_fd) {
  StagedLayer staged = AK_TRY(layers_.stage());
  const UnpackRequest request{.program = options_.unpack_program,
                              .archive = archive_fd,
                              .target = staged.root(),
                              .lock = staged.lock(),
                              .max_bytes = options_.max_unpacked_bytes,
                              .max_entries = options_.max_entries};
  UnpackResult result = AK_TRY(unpackArchive(request));
  return std::pair(std::move(staged), std::move(result));
}

// Only its content tells a root tar from a packed image, so it is unpacked first and looked at
// then.
Result<ImportedImage> Importer::importArchive(int archive_fd) {
  auto [staged, result] = AK_TRY(unpack(archive_fd));
  if (std::optional<ImportedImage> packed = AK_TRY(importPacked(staged.root()))) {
    return std::move(*packed);
  }
  if (!result.complete) {
    return fail(ErrorCode::Protocol, "the archive has no end marker: some of it may be missing",
                "Fetch or make the file again.");
  }
  if (result.entries == 0) {
    return fail(ErrorCode::InvalidArgument, "the archive is empty");
  }
  return singleLayer({result.diff_id, std::move(staged), {result.bytes, result.entries}});
}

Result<std::optional<ImportedImage>> Importer::importPacked(int dir_fd) {
  struct stat info{};
  if (::fstatat(dir_fd, "oci-layout", &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(info.st_mode) &&
      ::fstatat(dir_fd, "index.json", &info, AT_SYMLINK_NOFOLLOW) == 0) {
    return AK_TRY(importLayout(dir_fd));
  }
  if (::fstatat(dir_fd, "manifest.json", &info, AT_SYMLINK_NOFOLLOW) == 0 &&
      S_ISREG(info.st_mode)) {
    const std::string text = AK_TRY(readBeneath(dir_fd, "manifest.json"));
    if (looksLikeDockerManifest(text)) {
      return AK_TRY(importDocker(dir_fd, text));
    }
  }
  return std::nullopt;
}

Result<ImportedImage> Importer::importLayout(int dir_fd) {
  const Manifest manifest = AK_TRY(findManifest(dir_fd));
  const std::string text = AK_TRY(readBlob(dir_fd, manifest.config));
  const OciConfig config = AK_TRY(parseConfig(text));
  std::vector<LayerSource> sources;
  for (const Descriptor& layer : manifest.layers) {
    sources.push_back({dir_fd, blobPath(layer), layer});
  }
  return assemble(text, config, sources);
}

Result<ImportedImage> Importer::importDocker(int dir_fd, std::string_view manifest) {
  const DockerArchive archive = AK_TRY(parseDockerManifest(manifest));
  const std::string text = AK_TRY(readBeneath(dir_fd, archive.config));
  const OciConfig config = AK_TRY(parseConfig(text));
  std::vector<LayerSource> sources;
  for (const std::string& layer : archive.layers) {
    sources.push_back({dir_fd, layer, std::nullopt});
  }
  return assemble(text, config, sources);
}

Result<ImportedImage> Importer::assemble(std::string_view config_text,
                                         const OciConfig& config,
                                         const std::vector<LayerSource>& sources) {
  AK_TRY(checkMachine(config));
  if (sources.size() != config.diff_ids.size()) {
    return fail(ErrorCode::Protocol, cat("the manifest has ", sources.size(),
                                         " layers, the configuration ", config.diff_ids.size()));
  }
  ImportedImage image;
  image.digest = crypto::sha256Hex(config_text);
  image.record.layers = config.diff_ids;
  image.record.config = config.config;
  std::set<std::string> seen;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    const std::string& diff_id = config.diff_ids[i];
    if (!seen.insert(diff_id).second || AK_TRY(has_layer_(diff_id))) {
      continue;  // the same content, whatever the archive holds in its place
    }
    image.layers.push_back(AK_TRY(unpackLayer(sources[i], diff_id)));
  }
  return image;
}

Result<NewLayer> Importer::unpackLayer(const LayerSource& source, const std::string& diff_id) {
  const sys::OwnedFd archive = AK_TRY(openBeneath(source.dir_fd, source.path));
  auto unpacked = unpack(archive.get());
  if (!unpacked) {
    return std::unexpected(
        std::move(unpacked).error().context(cat("layer ", printable(source.path))));
  }
  auto& [staged, result] = *unpacked;
  if (source.descriptor && (result.blob_digest != source.descriptor->digest ||
                            result.blob_bytes != source.descriptor->size)) {
    return wrongDigest("a layer", source.descriptor->digest);
  }
  if (result.diff_id != diff_id) {
    return wrongDigest("an unpacked layer", diff_id);
  }
  return NewLayer{diff_id, std::move(staged), {result.bytes, result.entries}};
}

ImportedImage Importer::singleLayer(NewLayer layer) const {
  ImportedImage image;
  // What an OCI configuration of the image would have to say at least, so that the same content has
  // the same digest everywhere.
  image.digest = crypto::sha256Hex(
      cat(R"({"rootfs":{"type":"layers","diff_ids":["sha256:)", layer.hex, R"("]}})"));
  image.record.layers = {layer.hex};
  image.layers.push_back(std::move(layer));
  return image;
}

}  // namespace ak::image
