#pragma once

#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace ak::image {

// Layers that a running import counts on; prune leaves them alone. Released on destruction.
class LayerPins {
 public:
  LayerPins(std::mutex& mutex, std::multiset<std::string>& pinned)
      : mutex_(mutex), pinned_(pinned) {}

  LayerPins(const LayerPins&) = delete;
  LayerPins& operator=(const LayerPins&) = delete;

  ~LayerPins() {
    const std::lock_guard lock(mutex_);
    for (const std::string& layer : mine_) {
      pinned_.erase(pinned_.find(layer));
    }
  }

  void add(const std::string& layer) {
    const std::lock_guard lock(mutex_);
    pinned_.insert(layer);
    mine_.push_back(layer);
  }

 private:
  std::mutex& mutex_;
  std::multiset<std::string>& pinned_;
  std::vector<std::string> mine_;
};

}  // namespace ak::image
