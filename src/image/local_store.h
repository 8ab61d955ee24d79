#pragma once

#include <mutex>
#include <set>

#include "image/host_view.h"
#include "image/image_index.h"
#include "image/image_store.h"
#include "image/layer_store.h"

namespace ak::image {

// The image store on a directory of this machine:
//   index.json   every image and name        (ImageIndex)
//   layers/      content-addressed layers    (LayerStore)
//   staging/     what is being made; emptied at open
//   host         which layer shows this machine (HostView)
class LocalStore final : public ImageStore {
 public:
  static Result<std::unique_ptr<ImageStore>> open(Options options);

  Result<ResolvedImage> resolve(std::string_view reference) override;

  bool hostHasCommand(std::string_view argv0) override { return host_.hasCommand(argv0); }

  Result<ImageInfo> import(const std::string& path, const std::string& name) override;
  Result<std::vector<ImageInfo>> list() override;
  Status remove(std::string_view reference, const std::vector<std::string>& in_use) override;
  Result<PruneResult> prune(const std::vector<std::string>& in_use) override;

 private:
  LocalStore(
      Options options, LayerStore layers, ImageIndex index, sys::OwnedFd fd, sys::OwnedFd host_fd);

  // The digest that a reference of kind Name or Digest means. Callers hold mutex_.
  Result<std::string> digestOf(std::string_view reference) const;
  Result<ResolvedImage> resolveHost(std::string_view reference);
  Result<ImageInfo> infoOf(const std::string& digest, const std::string& name) const;
  // Saves first, then believes. Callers hold mutex_.
  Status change(ImageIndex next);
  // Removes those of the candidates that nothing needs; adds their bytes to *freed unless null.
  Status removeUnused(const std::vector<std::string>& candidates,
                      const std::vector<std::string>& in_use,
                      std::uint64_t* freed);

  const Options options_;
  const sys::OwnedFd fd_;
  LayerStore layers_;
  HostView host_;

  // index_ and layers_: readers and publishers share, so that prune, which removes layers that no
  // index names, never sees an import between its layers and its record.
  std::mutex mutex_;
  ImageIndex index_;
  std::multiset<std::string> pinned_;  // see LayerPins
};

}  // namespace ak::image
