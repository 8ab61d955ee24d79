#include "guest/processes.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "base/text.h"
#include "sys/directory.h"
#include "sys/file.h"

namespace ak::guest {

namespace {

// proc(5): the name in parentheses may hold anything, so fields count from the last ')'.
std::optional<ProcessSample> parseStat(pid_t pid, std::string_view stat) {
  const std::size_t end = stat.rfind(')');
  if (end == std::string_view::npos || end + 2 > stat.size()) {
    return std::nullopt;
  }
  const auto fields = split(trim(stat.substr(end + 2)), ' ');
  if (fields.size() < 22) {
    return std::nullopt;
  }
  ProcessSample sample;
  sample.pid = pid;
  sample.zombie = fields[0] == "Z" || fields[0] == "X";
  sample.parent = parseNumber<pid_t>(fields[1]).value_or(0);
  sample.cpu_ticks = parseNumber<std::uint64_t>(fields[11]).value_or(0) +
                     parseNumber<std::uint64_t>(fields[12]).value_or(0);
  sample.resident_pages = parseNumber<std::uint64_t>(fields[21]).value_or(0);
  return sample;
}

}  // namespace

Result<Processes> Processes::open() {
  return Processes(AK_TRY(sys::openPath("/proc", O_RDONLY | O_DIRECTORY)));
}

Result<std::vector<ProcessSample>> Processes::list() const {
  sys::DirectoryReader directory = AK_TRY(sys::DirectoryReader::open(proc_.get(), "."));
  std::vector<ProcessSample> samples;
  while (const dirent* entry = AK_TRY(directory.next())) {
    const auto pid = parseNumber<pid_t>(entry->d_name);
    if (!pid) {
      continue;
    }
    const auto file = sys::openAt(proc_.get(), cat(*pid, "/stat"), O_RDONLY);
    const auto stat = file ? sys::readAll(file->get(), 4096) : Result<std::string>(std::string());
    const auto sample = stat ? parseStat(*pid, *stat) : std::nullopt;
    if (sample) {
      samples.push_back(*sample);
    }
  }
  return samples;
}

Result<std::vector<pid_t>> Processes::descendants(pid_t root) const {
  const std::vector<ProcessSample> all = AK_TRY(list());
  std::vector<pid_t> tree{root};
  std::vector<pid_t> living;
  for (std::size_t next = 0; next < tree.size(); ++next) {
    for (const ProcessSample& sample : all) {
      if (sample.parent == tree[next] && sample.pid != root) {
        tree.push_back(sample.pid);
        if (!sample.zombie) {
          living.push_back(sample.pid);
        }
      }
    }
  }
  return living;
}

bool isInit() {
  return ::getpid() == 1;
}

bool killNamespace() {
  if (!isInit()) {
    std::abort();
  }
  return ::kill(-1, SIGKILL) != 0 && errno == ESRCH;
}

}  // namespace ak::guest
