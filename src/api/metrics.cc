// GET /metrics and GET /stats: numbers about the daemon.
#include "observe/metrics.h"

#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>

#include <nlohmann/json.hpp>

#include "api/reply.h"
#include "api/routes.h"
#include "base/text.h"
#include "sys/file.h"

namespace ak::api {

using net::HttpResponse;
using net::Task;
using nlohmann::json;
using observe::Metric;

namespace {

using enum Metric::Kind;

constexpr std::array<std::string_view, 1> kStateLabel = {"state"};
constexpr std::array<std::string_view, 1> kResultLabel = {"result"};
constexpr std::array<std::string_view, 1> kVersionLabel = {"version"};

constexpr Metric kActive{Gauge, "agentkernel_sandboxes_active", "Running sandboxes.", {}, {}};
constexpr Metric kSandboxes{Gauge, "agentkernel_sandboxes", "Sandboxes by state.", kStateLabel, {}};
constexpr Metric kLauncherRestarts{Counter,
                                   "agentkernel_launcher_restarts_total",
                                   "Times the launcher died and was started again.",
                                   {},
                                   {}};
constexpr Metric kPoolBoxes{
    Gauge, "agentkernel_pool_boxes", "Boxes of the warm pool.", kStateLabel, {}};
constexpr Metric kPoolTarget{
    Gauge, "agentkernel_pool_target", "Boxes the pool wants ready.", {}, {}};
constexpr Metric kPoolClaims{Counter,
                             "agentkernel_pool_claims_total",
                             "Sandboxes that came from the pool (hit) or not (miss).",
                             kResultLabel,
                             {}};
constexpr Metric kAuditEvents{
    Counter, "agentkernel_audit_events_total", "Events written to the audit log.", {}, {}};
constexpr Metric kAuditLost{Counter,
                            "agentkernel_audit_lost_total",
                            "Events that could not be written to the audit log.",
                            {},
                            {}};
constexpr Metric kBuildInfo{
    Gauge, "agentkernel_build_info", "Always 1; the version is a label.", kVersionLabel, {}};

// What is kept elsewhere and only looked at when asked for.
void look(const manager::Overview& overview, observe::Metrics& metrics) {
  metrics.set(kActive, {}, overview.running);
  metrics.set(kSandboxes, {"running"}, overview.running);
  metrics.set(kSandboxes, {"known"}, overview.known);
  metrics.set(kLauncherRestarts, {}, overview.launcher_restarts);
  metrics.set(kPoolBoxes, {"warm"}, overview.pool.warm);
  metrics.set(kPoolBoxes, {"filling"}, overview.pool.filling);
  metrics.set(kPoolTarget, {}, overview.pool.target);
  metrics.set(kPoolClaims, {"hit"}, overview.pool.hits);
  metrics.set(kPoolClaims, {"miss"}, overview.pool.misses);
  metrics.set(kBuildInfo, {AK_VERSION}, 1);
}

// Jiffies of /proc/stat's first line: {busy, all}; zeros when it cannot be read.
std::pair<std::uint64_t, std::uint64_t> processorTime() {
  const auto text = sys::readFile("/proc/stat", std::size_t{1} << 20U);
  std::uint64_t idle = 0;
  std::uint64_t all = 0;
  if (text) {
    const std::string_view first = std::string_view(*text).substr(0, text->find('\n'));
    std::size_t column = 0;
    for (std::string_view word : split(first, ' ')) {
      const auto number = parseNumber<std::uint64_t>(word);
      // user nice system idle iowait irq softirq steal; guest times are within user (proc(5)).
      if (number && column < 8) {
        idle += column == 3 || column == 4 ? *number : 0;
        all += *number;
        ++column;
      }
    }
  }
  return {all - idle, all};
}

json hostUsage(double cpu_percent) {
  constexpr std::uint64_t kMiB = 1024 * 1024;
  json usage = {{"cpu_percent", cpu_percent}};
  struct sysinfo info{};
  if (::sysinfo(&info) == 0) {
    const std::uint64_t unit = info.mem_unit;
    usage["memory_total_mb"] = info.totalram * unit / kMiB;
    usage["memory_used_mb"] = (info.totalram - info.freeram - info.bufferram) * unit / kMiB;
  }
  return usage;
}

json countOrNull(std::uint64_t number) {
  return number == 0 ? json() : json(number);
}

// Of what ran before and after a while; null for what nobody counts or nothing limits.
json usageOf(const std::vector<manager::Usage>& before,
             const std::vector<manager::Usage>& after,
             std::chrono::microseconds between) {
  std::map<std::string_view, std::uint64_t> then;
  for (const manager::Usage& usage : before) {
    then[usage.uuid] = usage.now.cpu_usec;
  }
  json list = json::array();
  for (const manager::Usage& usage : after) {
    const auto known = then.find(usage.uuid);
    const bool counted = known != then.end() && usage.now.cpu_usec >= known->second &&
                         usage.now.cpu_usec != 0 && between.count() > 0;
    json& item = list.emplace_back(json::value_t::object);
    item["name"] = usage.name;
    item["uuid"] = usage.uuid;
    item["cpu_percent"] =
        counted ? json(static_cast<double>((usage.now.cpu_usec - known->second) * 1000 /
                                           static_cast<std::uint64_t>(between.count())) /
                       10)
                : json();
    item["cpu_usec"] = countOrNull(usage.now.cpu_usec);
    item["memory_bytes"] = countOrNull(usage.now.memory_bytes);
    item["memory_limit_bytes"] = countOrNull(usage.limits.memory_bytes);
    item["pids"] = countOrNull(usage.now.pids);
    item["pids_limit"] = countOrNull(usage.limits.pids);
  }
  return list;
}

}  // namespace

Task<Result<HttpResponse>> getMetrics(Call& call) {
  if (const audit::Log* log = call.context.auditor.log()) {
    const audit::Log::Stats stats = log->stats();
    call.context.metrics.set(kAuditEvents, {}, stats.recorded);
    call.context.metrics.set(kAuditLost, {}, stats.lost);
  }
  look(call.manager.overview(), call.context.metrics);
  HttpResponse response;
  response.content_type = "text/plain; version=0.0.4";
  response.body = call.context.metrics.text();
  co_return response;
}

Task<Result<HttpResponse>> getStats(Call& call) {
  constexpr std::chrono::milliseconds kSample{200};
  const std::string* wanted = call.request().queryValue("sandboxes");
  const bool each = wanted != nullptr && *wanted == "true";
  const auto before = processorTime();
  const std::vector<manager::Usage> then =
      each ? co_await call.manager.usage() : std::vector<manager::Usage>();
  const SteadyTime begun = call.context.clock.steady();
  co_await net::sleepFor(kSample);
  const auto after = processorTime();
  const std::uint64_t all = after.second - before.second;
  const double cpu =
      all == 0 ? 0.0 : static_cast<double>((after.first - before.first) * 1000 / all) / 10;
  const manager::Overview overview = call.manager.overview();
  const auto uptime = call.context.clock.steady() - call.context.started_at;
  json body = {{"version", AK_VERSION},
               {"backend", overview.backend.empty() ? "unavailable" : overview.backend},
               {"uptime_seconds", std::chrono::duration_cast<std::chrono::seconds>(uptime).count()},
               {"sandbox_count", overview.known},
               {"sandbox_limit", call.context.sandbox_limit}};
  if (each) {
    const auto took =
        std::chrono::duration_cast<std::chrono::microseconds>(call.context.clock.steady() - begun);
    body["sandboxes"] = usageOf(then, co_await call.manager.usage(), took);
  }
  json usage = hostUsage(cpu);
  struct statvfs disk{};
  const std::string& state = call.context.state_directory;
  const int status =
      co_await call.context.workers.run([&] { return ::statvfs(state.c_str(), &disk); });
  if (status == 0) {
    usage["disk_used_mb"] = (disk.f_blocks - disk.f_bfree) * disk.f_frsize / (1024 * 1024);
  }
  body["resource_usage"] = std::move(usage);
  co_return success(body);
}

}  // namespace ak::api
