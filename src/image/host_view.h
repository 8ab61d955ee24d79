#pragma once

#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "image/host_skeleton.h"
#include "image/host_watch.h"
#include "image/layer_store.h"
#include "model/box.h"
#include "sys/owned_fd.h"

namespace ak::image {

// Image `host`: this machine's /usr over a skeleton layer. The skeleton is an ordinary layer, so
// two states of a host with the same content share one, and it is built anew only when an input of
// it changed. Thread-safe.
class HostView {
 public:
  // `store_fd` is the image store's directory, where host.json remembers the current skeleton.
  HostView(LayerStore& layers, std::string host_root, sys::OwnedFd store_fd);

  struct Current {
    std::string layer;  // 64 hex digits: the digest of the image, too
    model::BoxRoot root;
  };

  Result<Current> current();

  // The layer of the last current(), also of an earlier process; empty before any.
  std::string remembered();

  // Whether a box with this root would find and could run argv0: through PATH or as an absolute
  // path, every link followed inside the view, script interpreters included. A path relative to the
  // working directory is not in the view.
  bool hasCommand(std::string_view argv0);

 private:
  bool upToDate();
  Status recall();
  Result<std::pair<std::string, std::string>> readMemory() const;
  Result<bool> isWhole(const std::string& layer) const;
  Status remember(const std::string& stamp, const std::string& layer) const;
  Status rebuild();
  Result<model::BoxRoot> assemble() const;

  LayerStore& layers_;
  std::string host_root_;
  sys::OwnedFd store_fd_;

  std::mutex mutex_;
  sys::OwnedFd host_fd_;
  std::vector<HostInput> inputs_;
  HostWatch watch_;
  Current current_;
};

}  // namespace ak::image
