#pragma once

#include <cstdint>

namespace ak::os {

// CAP_* bits as in capabilities(7); bit n = capability n.
using CapabilitySet = std::uint64_t;

// The next three are child-safe: they return 0 or an errno and touch no memory of others.

// Leaves exactly `keep` in the bounding set. Needs CAP_SETPCAP.
int limitBoundingSet(CapabilitySet keep);
// Effective and permitted become `keep`, inheritable and ambient empty (CVE-2022-29162: an
// inheritable set that is not empty comes back through file capabilities).
int setCapabilities(CapabilitySet keep);
int setNoNewPrivileges();

// For its lifetime this thread makes files as `id`, with all permitted capabilities still
// effective: an overlay whose upper layer is id-mapped must be made by someone whom the map knows.
class ScopedFileOwner {
 public:
  explicit ScopedFileOwner(std::uint32_t id);
  ~ScopedFileOwner();
  ScopedFileOwner(const ScopedFileOwner&) = delete;
  ScopedFileOwner& operator=(const ScopedFileOwner&) = delete;

 private:
  std::uint32_t user_;
  std::uint32_t group_;
};

}  // namespace ak::os
