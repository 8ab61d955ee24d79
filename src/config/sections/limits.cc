#include "config/sections/limits.h"

namespace ak::config {

namespace {

constexpr KeySpec kKeys[] = {
    {"memory_mb", "whole number", "none", Where::UserOnly, "Most memory of one sandbox, in MiB."},
    {"cpu_percent", "whole number 1..102400", "none", Where::UserOnly,
     "Most processor time of one sandbox; 100 is one core."},
    {"pids", "whole number 8..4194304", "none", Where::UserOnly, "Most processes of one sandbox."},
    {"disk_mb", "whole number", "none", Where::UserOnly, "Largest writable layer, in MiB."},
    {"host_memory_mb", "whole number", "80% of memory", Where::UserOnly,
     "Memory of all sandboxes together, in MiB."},
    {"host_pids", "whole number", "half of the host's", Where::UserOnly,
     "Processes of all sandboxes together."},
    {"host_descriptors", "whole number", "80% of the daemon's limit", Where::UserOnly,
     "File descriptors that the daemon spends on sandboxes."},
    {"host_disk_mb", "whole number", "90% of what is free", Where::UserOnly,
     "Writable layers of all sandboxes together, in MiB."},
    {"host_sandboxes", "whole number", "none", Where::UserOnly, "Sandboxes at once."},
};

}  // namespace

const SectionSpec kLimitsSpec = {"limits", SectionSpec::Shape::Table, kKeys};

Status readLimits(const SectionReader& reader, LimitsSection& out) {
  out.memory_bytes = AK_TRY(reader.mebibytes("memory_mb"));
  out.cpu_percent = AK_TRY(reader.number32("cpu_percent", {1, 102'400}));
  out.pids = AK_TRY(reader.number32("pids", {8, 4'194'304}));
  out.disk_bytes = AK_TRY(reader.mebibytes("disk_mb"));
  out.host_memory_bytes = AK_TRY(reader.mebibytes("host_memory_mb"));
  out.host_pids = AK_TRY(reader.number("host_pids", {.least = 1}));
  out.host_descriptors = AK_TRY(reader.number("host_descriptors", {.least = 1}));
  out.host_disk_bytes = AK_TRY(reader.mebibytes("host_disk_mb"));
  out.host_sandboxes = AK_TRY(reader.number("host_sandboxes", {.least = 1}));
  return {};
}

}  // namespace ak::config
