#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/box.h"
#include "sys/owned_fd.h"

namespace ak::image {

struct LayerInfo {
  std::uint64_t bytes = 0;
  std::uint64_t entries = 0;
};

// How long a published layer must be believed whole.
enum class Durability {
  Disk,  // for ever, also after a power cut; flush() came before
  Boot,  // until the next boot, which looks again: nothing waits for the disk
};

// A layer that is being filled. Gone with its content on destruction unless it was published.
class StagedLayer {
 public:
  struct Parts {
    int staging_fd = -1;  // the store's
    std::string name;
    sys::OwnedFd lock, directory, root;
  };

  explicit StagedLayer(Parts parts) : parts_(std::move(parts)) {}

  StagedLayer(StagedLayer&& other) noexcept = default;
  StagedLayer& operator=(StagedLayer&&) = delete;
  ~StagedLayer();

  int root() const { return parts_.root.get(); }

  // A shared lock on staging. A helper that fills the layer holds it too, so that the next open
  // waits for one that has just lost its caller.
  int lock() const { return parts_.lock.get(); }

 private:
  friend class LayerStore;
  Parts parts_;
};

// Layers by content address: layers/<64 hex>/{root/, complete}. A layer appears by one rename of a
// finished staging directory and disappears by one rename back into staging, so what is in layers/
// is whole at every instant; what a crash left in staging/ goes at the next open.
// Thread-safe: the file system does the work.
class LayerStore {
 public:
  static Result<LayerStore> open(const std::string& directory);

  Result<StagedLayer> stage();
  // Everything staged so far reaches the disk. Once per import, before the first publish: a layer
  // that exists is believed to be whole, also after a power cut.
  Status flush();
  // The layer may exist by now (two imports at once): then the staged one is dropped.
  Status publish(StagedLayer layer,
                 const std::string& hex,
                 const LayerInfo& info,
                 Durability durability = Durability::Disk);

  // nullopt when there is no such layer. `hex` must be 64 hex digits.
  Result<std::optional<LayerInfo>> find(const std::string& hex) const;
  Result<model::HostPath> root(const std::string& hex) const;
  Result<std::vector<std::string>> list() const;
  Status remove(const std::string& hex);

 private:
  LayerStore(std::string directory, sys::OwnedFd layers, sys::OwnedFd staging);

  std::string directory_;
  sys::OwnedFd layers_;
  sys::OwnedFd staging_;
};

}  // namespace ak::image
