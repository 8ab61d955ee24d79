#include "daemon/host_budget.h"

#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>

#include "base/text.h"
#include "sys/file.h"

namespace ak::daemon {

namespace {

policy::HostFacts hostFacts(const std::string& state) {
  policy::HostFacts facts;
  struct sysinfo info{};
  if (::sysinfo(&info) == 0) {
    facts.memory_bytes = std::uint64_t{info.totalram} * info.mem_unit;
  }
  for (const char* file : {"/proc/sys/kernel/pid_max", "/proc/sys/kernel/threads-max"}) {
    const Result<std::string> text = sys::readFile(file, 64);
    const auto number = text ? parseNumber<std::uint64_t>(trim(*text)) : std::nullopt;
    if (number && (facts.pid_max == 0 || *number < facts.pid_max)) {
      facts.pid_max = *number;
    }
  }
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    facts.descriptor_limit = limit.rlim_cur;
  }
  struct statvfs disk{};
  if (::statvfs(state.c_str(), &disk) == 0) {
    facts.free_disk_bytes = std::uint64_t{disk.f_bavail} * disk.f_frsize;
  }
  return facts;
}

}  // namespace

void raiseDescriptorLimit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    (void)::setrlimit(RLIMIT_NOFILE, &limit);  // what we have is enough to begin with
  }
}

policy::HostBudget hostBudget(const std::string& state, const config::LimitsSection& limits) {
  policy::HostBudget budget = policy::defaultBudget(hostFacts(state));
  const auto take = [](std::uint64_t& number, const config::Maybe<std::uint64_t>& said) {
    number = said ? said->value : number;
  };
  take(budget.memory_bytes, limits.host_memory_bytes);
  take(budget.pids, limits.host_pids);
  take(budget.descriptors, limits.host_descriptors);
  take(budget.disk_bytes, limits.host_disk_bytes);
  take(budget.sandboxes, limits.host_sandboxes);
  return budget;
}

}  // namespace ak::daemon
