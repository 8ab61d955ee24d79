#include "manager/daemon_manager.h"

#include "base/text.h"
#include "manager/output_log.h"

namespace ak::manager {

DaemonManager::DaemonManager(const Foundation& foundation, Planner& planner)
    : foundation_(foundation),
      planner_(planner),
      lifecycle_(foundation),
      lifetimes_(foundation, lifecycle_),
      files_(lifecycle_.table(), lifetimes_),
      jobs_(foundation, planner, lifecycle_, lifetimes_),
      snapshots_(foundation, lifecycle_),
      import_(foundation, planner, lifecycle_),
      volumes_(foundation, lifecycle_.volumes()),
      upkeep_(foundation.executor) {}

net::Task<Status> DaemonManager::recover() {
  const Status recovered = co_await lifecycle_.recover();
  AK_CO_TRY(recovered);
  upkeep_.spawn(lifetimes_.automate());
  co_return Status{};
}

net::Task<void> DaemonManager::close() {
  upkeep_.cancel();
  co_await upkeep_.join();
  co_await snapshots_.close();
  co_await lifecycle_.close();
  co_await lifetimes_.close();
}

// Archived before dormant before what its box does.
SandboxView viewOf(const Sandbox& sandbox) {
  const model::Lifetime& lifetime = sandbox.record.lifetime;
  const model::SandboxStatus status = !lifetime.archived_at.empty() ? model::SandboxStatus::Archived
                                      : !lifetime.dormant_at.empty() ? model::SandboxStatus::Dormant
                                                                     : sandbox.status;
  return {sandbox.record, status, sandbox.port_problems};
}

net::Task<Result<SandboxView>> DaemonManager::create(Caller caller, model::RunRequest request) {
  Result<Plan> plan = co_await planner_.plan(caller, request);
  if (!plan) {
    co_return std::unexpected(std::move(plan).error());
  }
  BeginOptions options;
  options.name = request.name;
  options.durable = true;
  options.notes = std::move(request.notes);
  Result<SandboxPtr> sandbox = co_await lifecycle_.begin(*plan, std::move(options));
  if (!sandbox) {
    co_return std::unexpected(std::move(sandbox).error());
  }
  co_return viewOf(**sandbox);
}

net::Task<Result<SandboxView>> DaemonManager::start(std::string name) {
  const SandboxPtr sandbox = AK_CO_TRY(lifecycle_.table().find(name));
  const Status started = co_await lifecycle_.restart(sandbox);
  AK_CO_TRY(started);
  lifetimes_.consider(*sandbox);
  co_return viewOf(*sandbox);
}

net::Task<Result<SandboxView>> DaemonManager::stop(std::string name) {
  const SandboxPtr sandbox = AK_CO_TRY(lifecycle_.table().find(name));
  const Status stopped = co_await lifecycle_.stop(sandbox, "stopped by request");
  AK_CO_TRY(stopped);
  co_return viewOf(*sandbox);
}

net::Task<Status> DaemonManager::remove(std::string name) {
  SandboxPtr sandbox = AK_CO_TRY(lifecycle_.table().find(name));
  co_return co_await lifecycle_.remove(std::move(sandbox));
}

net::Task<std::vector<SandboxView>> DaemonManager::list(LabelFilter labels) {
  std::vector<SandboxView> views;
  for (const SandboxPtr& sandbox : lifecycle_.table().byName()) {
    if (model::matches(sandbox->record.labels, labels)) {
      views.push_back(viewOf(*sandbox));
    }
  }
  co_return views;
}

net::Task<Result<SandboxView>> DaemonManager::get(std::string name_or_uuid) {
  const SandboxPtr sandbox = AK_CO_TRY(lifecycle_.table().find(name_or_uuid));
  co_return viewOf(*sandbox);
}

// Side by side: the launcher answers them one after the other without waiting for us.
net::Task<std::vector<Usage>> DaemonManager::usage() {
  std::vector<SandboxPtr> running;
  for (SandboxPtr& sandbox : lifecycle_.table().byName()) {
    if (sandbox->status == model::SandboxStatus::Running) {
      running.push_back(std::move(sandbox));
    }
  }
  std::vector<std::optional<Usage>> found(running.size());
  net::TaskGroup asking(foundation_.executor);
  for (std::size_t i = 0; i < running.size(); ++i) {
    asking.spawn([](backend::Backend& backend, SandboxPtr sandbox,
                    std::optional<Usage>& to) -> net::Task<void> {
      const model::SandboxRecord& record = sandbox->record;
      if (const auto stats = co_await backend.stats(record.uuid)) {
        to = Usage{record.name, record.uuid, *stats, record.permissions.limits};
      }
    }(foundation_.backend, running[i], found[i]));
  }
  co_await asking.join();
  std::vector<Usage> all;
  for (std::optional<Usage>& each : found) {
    if (each) {
      all.push_back(*std::move(each));
    }
  }
  co_return all;
}

net::Task<Result<std::string>> DaemonManager::logs(std::string name) {
  const SandboxPtr sandbox = AK_CO_TRY(lifecycle_.table().find(name));
  co_return co_await foundation_.workers.run(
      [directory = lifecycle_.directoryOf(sandbox->record.uuid)] {
        return OutputLog::read(directory);
      });
}

net::Task<Result<std::string>> DaemonManager::followLogs(std::string name, LogSink sink) {
  const SandboxPtr sandbox = AK_CO_TRY(lifecycle_.table().find(name));
  Result<sys::LogReader> log =
      co_await foundation_.workers.run([directory = lifecycle_.directoryOf(sandbox->record.uuid)] {
        return OutputLog::reader(directory);
      });
  if (!log) {
    co_return std::unexpected(std::move(log).error());
  }
  for (;;) {
    // Looked at before reading: what is printed last is in the file before the sandbox ends.
    const std::uint64_t seen = sandbox->revision;
    const bool live = sandbox->status == model::SandboxStatus::Running || sandbox->busy;
    for (;;) {
      const Result<std::string> piece =
          co_await foundation_.workers.run([&log] { return OutputLog::next(*log); });
      if (!piece) {
        co_return std::unexpected(piece.error());
      }
      if (piece->empty()) {
        break;
      }
      const Status taken = co_await sink(*piece);
      AK_CO_TRY(taken);
    }
    if (!live) {
      co_return sandbox->record.stop_reason;
    }
    if (sandbox->revision == seen) {
      co_await sandbox->changed.wait();
    }
  }
}

Overview DaemonManager::overview() const {
  Overview overview;
  overview.backend = foundation_.backend.name();
  overview.pool = foundation_.backend.poolStats();
  overview.running = lifecycle_.table().running();
  overview.known = lifecycle_.table().size();
  overview.launcher_restarts = foundation_.backend.launcherRestarts();
  return overview;
}

}  // namespace ak::manager
