#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "base/result.h"
#include "model/volume.h"

namespace ak::backend {
class TreeAid;
}

namespace ak::manager {

// What counting may cost; what is counted is taken from it.
struct UsageBudget {
  std::uint64_t entries = 200'000;
  std::chrono::steady_clock::time_point until =
      std::chrono::steady_clock::now() + std::chrono::seconds(2);
};

struct VolumeUsage {
  std::uint64_t bytes = 0;
  bool whole = true;  // false: there is more, and counting it would have taken too long
};

// What a volume takes of the host's disk: the image's blocks, what the file system counted, or the
// sum of the files. Files of guests: nothing is followed, nothing but directories is opened, and a
// file with several names counts once. `aid` opens directories that this process may not; may be
// null. Blocking.
Result<VolumeUsage> usageOf(const std::string& path,
                            const model::VolumeRecord& volume,
                            backend::TreeAid* aid,
                            UsageBudget& budget);

}  // namespace ak::manager
