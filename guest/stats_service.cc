#include "guest/stats_service.h"

#include <sys/resource.h>
#include <unistd.h>

namespace ak::guest {

namespace {

std::uint64_t microseconds(const timeval& time) {
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000U +
         static_cast<std::uint64_t>(time.tv_usec);
}

}  // namespace

Result<wire::GuestStats> gatherStats(const Processes& processes) {
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  const auto ticks = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  const auto samples = AK_TRY(processes.list());
  wire::GuestStats stats;
  for (const ProcessSample& sample : samples) {
    stats.memory_bytes += sample.resident_pages * page;
    stats.cpu_us += sample.cpu_ticks * 1'000'000U / ticks;
    stats.processes += 1;
    if (sample.pid == ::getpid()) {
      stats.agent_bytes = sample.resident_pages * page;
    }
  }
  struct rusage reaped{};
  if (::getrusage(RUSAGE_CHILDREN, &reaped) == 0) {
    stats.cpu_us += microseconds(reaped.ru_utime) + microseconds(reaped.ru_stime);
  }
  return stats;
}

}  // namespace ak::guest
