// Labels, limits, and what time does.
#include "manager/daemon_manager.h"

namespace ak::manager {

net::Task<Result<SandboxView>> DaemonManager::update(std::string name, SandboxUpdate update) {
  const SandboxPtr sandbox = AK_CO_TRY(lifecycle_.table().find(name));
  const Status changed = co_await lifetimes_.update(sandbox, std::move(update));
  AK_CO_TRY(changed);
  co_return viewOf(*sandbox);
}

net::Task<Result<Resized>> DaemonManager::resize(std::string name, model::AskedLimits limits) {
  const SandboxPtr sandbox = AK_CO_TRY(lifecycle_.table().find(name));
  auto planned = co_await planner_.planResize(sandbox->record.permissions, limits);
  policy::NewLimits plan = AK_CO_TRY(std::move(planned));
  std::optional<InUse> in_use;
  if (sandbox->status == model::SandboxStatus::Running) {
    in_use.emplace(lifetimes_, sandbox);
  }
  auto resized = co_await lifecycle_.resize(sandbox, plan.limits);
  const bool restarted = AK_CO_TRY(std::move(resized));
  lifecycle_.publish(event_type::kUpdated, *sandbox);
  co_return Resized{viewOf(*sandbox), restarted, std::move(plan.notes)};
}

net::Task<Result<SandboxView>> DaemonManager::extend(std::string name, std::uint64_t seconds) {
  const SandboxPtr sandbox = AK_CO_TRY(lifecycle_.table().find(name));
  const Status extended = co_await lifetimes_.extend(sandbox, seconds);
  AK_CO_TRY(extended);
  co_return viewOf(*sandbox);
}

net::Task<Result<SandboxView>> DaemonManager::archive(std::string name, std::string reason) {
  const SandboxPtr sandbox = AK_CO_TRY(lifecycle_.table().find(name));
  const Status archived = co_await lifetimes_.archive(sandbox, std::move(reason));
  AK_CO_TRY(archived);
  co_return viewOf(*sandbox);
}

net::Task<Result<SandboxView>> DaemonManager::unarchive(std::string name) {
  const SandboxPtr sandbox = AK_CO_TRY(lifecycle_.table().find(name));
  const Status taken = co_await lifetimes_.unarchive(sandbox);
  AK_CO_TRY(taken);
  co_return viewOf(*sandbox);
}

net::Task<Collected> DaemonManager::collect(CollectRequest request) {
  return lifetimes_.collect(std::move(request));
}

net::Task<Reconciled> DaemonManager::reconcile(bool dry_run) {
  return lifetimes_.reconcile(dry_run);
}

net::Task<Result<StateImported>> DaemonManager::importState(Caller caller,
                                                            StateImportRequest request) {
  if (!caller.local) {
    co_return fail(ErrorCode::PermissionDenied,
                   "only local callers may name directories of the host",
                   "Run on this machine: agentkernel state import DIR");
  }
  auto imported = co_await import_.import(std::move(request));
  for (const SandboxPtr& sandbox : lifecycle_.table().all()) {
    lifetimes_.consider(*sandbox);
  }
  co_return imported;
}

}  // namespace ak::manager
