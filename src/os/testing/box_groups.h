#pragma once

#include <sys/types.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "base/text.h"
#include "os/cgroup.h"
#include "sys/file.h"

// For tests: where the kernel keeps a live box's accounts, and what must be gone with it.
namespace ak::os::testing {

// The directories `.../agentkernel/<id>` of the box that a process is in, one for each hierarchy.
inline std::vector<std::string> boxGroups(pid_t process) {
  constexpr std::string_view kOurs = "/agentkernel/";
  constexpr std::array<std::string_view, kControllers> kNames = {"memory", "pids", "cpu",
                                                                 "cpuacct"};
  const auto mountinfo = sys::readFile("/proc/self/mountinfo", 4 << 20U);
  const CgroupMounts mounts = parseCgroupMounts(mountinfo.value_or(""));
  const auto text = sys::readFile(cat("/proc/", process, "/cgroup"), 1 << 20U);
  std::vector<std::string> groups;
  for (const std::string_view line : split(text.value_or(""), '\n')) {
    const auto fields = split(line, ':');
    const std::size_t ours = line.find(kOurs);
    if (fields.size() != 3 || ours == std::string_view::npos) {
      continue;
    }
    const std::size_t begin = line.rfind(':') + 1;
    const std::size_t end = line.find('/', ours + kOurs.size());
    const std::string_view path =
        line.substr(begin, end == std::string_view::npos ? end : end - begin);
    for (const std::string_view name : split(fields[1], ',')) {
      const auto* const at = std::ranges::find(kNames, name);
      if (at != kNames.end()) {
        groups.push_back(cat(mounts.v1[static_cast<std::size_t>(at - kNames.begin())], path));
        break;
      }
    }
    if (fields[1].empty() && !mounts.v2.empty()) {
      groups.push_back(cat(mounts.v2, path));
    }
  }
  return groups;
}

}  // namespace ak::os::testing
