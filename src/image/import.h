#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "image/image_index.h"
#include "image/image_store.h"
#include "image/layer_store.h"
#include "image/oci_json.h"
#include "image/unpack.h"

namespace ak::image {

struct NewLayer {
  std::string hex;
  StagedLayer staged;
  LayerInfo info;
};

// An import that has been read and unpacked, but not published.
struct ImportedImage {
  std::string digest;            // 64 hex digits
  ImageRecord record;            // created_at is the publisher's
  std::vector<NewLayer> layers;  // those that the store does not have
};

// Reads images in any of the forms that ImageStore::import knows. Everything it reads is hostile:
// archives are unpacked by a confined child (image/unpack.h), JSON is bounded, blobs must have the
// size and digest that is said of them, and file names in an image are resolved beneath it.
class Importer {
 public:
  // `has_layer` says whether the store has a layer, and keeps it from being pruned until the import
  // is over.
  using HasLayer = std::function<Result<bool>(const std::string& hex)>;

  Importer(LayerStore& layers, const ImageStore::Options& options, HasLayer has_layer);

  Result<ImportedImage> import(const std::string& path);

 private:
  struct LayerSource;  // one layer of an image: where it is and what it must be

  Result<ImportedImage> importDirectory(int dir_fd);
  Result<ImportedImage> importArchive(int archive_fd);
  // nullopt when the directory is neither an OCI layout nor an unpacked docker-archive.
  Result<std::optional<ImportedImage>> importPacked(int dir_fd);
  Result<ImportedImage> importLayout(int dir_fd);
  Result<ImportedImage> importDocker(int dir_fd, std::string_view manifest);
  Result<ImportedImage> assemble(std::string_view config_text,
                                 const OciConfig& config,
                                 const std::vector<LayerSource>& sources);
  Result<NewLayer> unpackLayer(const LayerSource& source, const std::string& diff_id);
  Result<std::pair<StagedLayer, UnpackResult>> unpack(int archive_fd);
  // An image of this one layer, without a configuration of its own.
  ImportedImage singleLayer(NewLayer layer) const;

  LayerStore& layers_;
  const ImageStore::Options& options_;
  HasLayer has_layer_;
};

}  // namespace ak::image
