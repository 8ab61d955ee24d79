#pragma once

#include "config/section_reader.h"

namespace ak::config {

// [resources]: what a sandbox asks for.
struct ResourcesSection {
  Maybe<std::uint64_t> memory_bytes;
  Maybe<std::uint32_t> cpu_percent;
  Maybe<std::uint32_t> pids;
  Maybe<std::uint64_t> disk_bytes;
  bool operator==(const ResourcesSection&) const = default;
};

extern const SectionSpec kResourcesSpec;
Status readResources(const SectionReader& reader, ResourcesSection& out);

}  // namespace ak::config
