#pragma once

#include "config/section_reader.h"

namespace ak::config {

// [limits]: the most one sandbox may have, and all of them together.
struct LimitsSection {
  Maybe<std::uint64_t> memory_bytes;
  Maybe<std::uint32_t> cpu_percent;
  Maybe<std::uint32_t> pids;
  Maybe<std::uint64_t> disk_bytes;
  Maybe<std::uint64_t> host_memory_bytes;
  Maybe<std::uint64_t> host_pids;
  Maybe<std::uint64_t> host_descriptors;
  Maybe<std::uint64_t> host_disk_bytes;
  Maybe<std::uint64_t> host_sandboxes;
  bool operator==(const LimitsSection&) const = default;
};

extern const SectionSpec kLimitsSpec;
Status readLimits(const SectionReader& reader, LimitsSection& out);

}  // namespace ak::config
