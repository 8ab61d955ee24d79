#include "config/sections/resources.h"

namespace ak::config {

namespace {

constexpr KeySpec kKeys[] = {
    {"vcpus", "whole number 1..1024", "of the profile", Where::Both, "Processor cores."},
    {"cpu_percent", "whole number 1..102400", "of the profile", Where::Both,
     "Processor time where cores are too coarse: 50 is half a core."},
    {"memory_mb", "whole number", "of the profile", Where::Both, "Memory in MiB."},
    {"pids", "whole number 8..4194304", "of the profile", Where::Both,
     "Processes and threads at once."},
    {"disk_mb", "whole number", "none", Where::Both, "Writable layer in MiB."},
};

}  // namespace

const SectionSpec kResourcesSpec = {"resources", SectionSpec::Shape::Table, kKeys};

Status readResources(const SectionReader& reader, ResourcesSection& out) {
  auto cores = AK_TRY(reader.number32("vcpus", {1, 1024}));
  out.cpu_percent = AK_TRY(reader.number32("cpu_percent", {1, 102'400}));
  if (cores && out.cpu_percent) {
    return reader.context().invalid(reader.find("cpu_percent")->at,
                                    "vcpus and cpu_percent are both given", "Keep one of them.");
  }
  if (cores) {
    cores->value *= 100;
    out.cpu_percent = cores;
  }
  out.memory_bytes = AK_TRY(reader.mebibytes("memory_mb"));
  out.pids = AK_TRY(reader.number32("pids", {8, 4'194'304}));
  out.disk_bytes = AK_TRY(reader.mebibytes("disk_mb"));
  return {};
}

}  // namespace ak::config
