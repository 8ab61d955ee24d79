// Liveness, status, checks and the daemon's own end.
#include <unistd.h>

#include <algorithm>

#include <nlohmann/json.hpp>

#include "api/doctor_json.h"
#include "api/reply.h"
#include "api/routes.h"
#include "base/text.h"
#include "manager/host_doctor.h"

namespace ak::api {

using net::HttpResponse;
using net::Task;
using nlohmann::json;

namespace {

json toJson(const backend::PoolStats& pool) {
  return {{"warm", pool.warm}, {"filling", pool.filling}, {"target", pool.target},
          {"max", pool.max},   {"hits", pool.hits},       {"misses", pool.misses}};
}

json toJson(const backend::Capabilities& can) {
  return {{"named", can.named},
          {"pool", can.pool},
          {"resize", can.resize},
          {"workspace_rw", can.workspace_rw},
          {"network_full", can.network_full},
          {"host_volumes", can.volumes}};
}

json auditStatus(const audit::Log* log) {
  if (log == nullptr) {
    return {{"enabled", false}};
  }
  const audit::Log::Stats stats = log->stats();
  json body = {
      {"enabled", true}, {"path", log->path()}, {"recorded", stats.recorded}, {"lost", stats.lost}};
  if (!stats.failing.empty()) {
    body["failing"] = stats.failing;
  }
  return body;
}

}  // namespace

Task<Result<HttpResponse>> getHealth(Call&) {
  co_return success("ok");
}

Task<Result<HttpResponse>> getStatus(Call& call) {
  const manager::Overview overview = call.manager.overview();
  const auto uptime = call.context.clock.steady() - call.context.started_at;
  co_return success(
      {{"version", AK_VERSION},
       {"backend", overview.backend.empty() ? "unavailable" : overview.backend},
       {"api_key_configured", false},
       {"pid", ::getpid()},
       {"uptime_seconds", std::chrono::duration_cast<std::chrono::seconds>(uptime).count()},
       {"running", overview.running},
       {"known", overview.known},
       {"launcher_restarts", overview.launcher_restarts},
       {"pool", toJson(overview.pool)},
       {"audit", auditStatus(call.context.auditor.log())}});
}

json toJson(const std::vector<manager::DoctorCheck>& checks) {
  json list = json::array();
  bool healthy = true;
  for (const manager::DoctorCheck& check : checks) {
    json item = {{"name", check.name}, {"status", name(check.status)}, {"message", check.message}};
    if (!check.remedy.empty()) {
      item["remedy"] = check.remedy;
    }
    healthy = healthy && check.status != manager::CheckStatus::Error;
    list.push_back(std::move(item));
  }
  return {{"checks", std::move(list)}, {"healthy", healthy}};
}

Task<Result<HttpResponse>> getDoctor(Call& call) {
  std::vector<manager::DoctorCheck> checks = co_await call.context.doctor.check();
  manager::LabelFilter all;
  std::ranges::move(manager::checkPorts(co_await call.manager.list(std::move(all))),
                    std::back_inserter(checks));
  co_return success(toJson(checks));
}

Task<Result<HttpResponse>> getBackends(Call& call) {
  json list = json::array();
  const std::string chosen = call.manager.overview().backend;
  for (backend::Backend* backend : call.context.backends) {
    const backend::Probe probe = co_await backend->probe();
    json item = {{"backend", backend->name()},
                 {"configured", backend->name() == chosen},
                 {"usable", probe.usable},
                 {"readiness_reason", probe.reason},
                 {"isolation", probe.isolation},
                 {"unenforced", probe.unenforced},
                 {"capabilities", toJson(backend->capabilities())}};
    if (!probe.remedy.empty()) {
      item["remedy"] = probe.remedy;
    }
    list.push_back(std::move(item));
  }
  json body = {{"default_backend", nullptr}, {"backends", std::move(list)}};
  if (!chosen.empty()) {
    body["default_backend"] = chosen;
  }
  co_return success(body);
}

Task<Result<HttpResponse>> stopDaemon(Call& call) {
  if (!call.caller.local) {
    co_return fail(ErrorCode::PermissionDenied, "the daemon is stopped from its own machine",
                   "Run: agentkernel daemon stop");
  }
  json running = json::array();
  const manager::LabelFilter all;
  for (const manager::SandboxView& view : co_await call.manager.list(all)) {
    if (view.status == model::SandboxStatus::Running) {
      running.push_back(view.record.name);
    }
  }
  const std::size_t count = running.size();
  HttpResponse response =
      success({{"stopping", true}, {"running", count}, {"sandboxes", std::move(running)}});
  (void)co_await call.exchange.respond(response);
  call.context.stop_daemon();
  co_return response;
}

}  // namespace ak::api
