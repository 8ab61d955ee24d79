#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "image/host_skeleton.h"
#include "sys/owned_fd.h"

namespace ak::image {

// Tells in one system call that none of the host image's inputs changed, where asking each by stat
// takes hundreds. inotify(7) queues an event before the call that caused it returns, so that a
// change made before quiet() is seen by it. What inotify misses (writes through a mapping, a mount
// put over a file, a file system that others write too) is why quiet() is true for a while only.
class HostWatch {
 public:
  HostWatch() = default;  // never quiet

  // Never quiet either when this machine gives us no watches. `host_root` as a path.
  HostWatch(const std::string& host_root, const std::vector<HostInput>& inputs);

  // Nothing happened since construction; after false it stays false.
  bool quiet();

 private:
  bool watch(const std::string& path);

  sys::OwnedFd events_;
  std::chrono::steady_clock::time_point end_;
};

}  // namespace ak::image
