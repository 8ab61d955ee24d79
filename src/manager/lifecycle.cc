#include "manager/lifecycle.h"

#include <tuple>

#include "base/text.h"
#include "manager/busy.h"
#include "manager/writable_layer.h"
#include "net/to_its_end.h"

namespace ak::manager {

Lifecycle::Lifecycle(const Foundation& foundation)
    : foundation_(foundation),
      timekeeper_(foundation.clock),
      jobs_(foundation, timekeeper_),
      ports_(foundation, timekeeper_, table_),
      layers_({foundation.workers, foundation.backend, foundation.ids, foundation.log, table_,
               foundation.state_directory}),
      volumes_({foundation.workers, foundation.store_worker, foundation.backend, foundation.store,
                foundation.clock, foundation.log, table_, layers_, foundation.state_directory}),
      background_(foundation.executor) {
  foundation_.backend.onEnded([this](const backend::Ended& ended) { onEnded(ended); });
  jobs_.onEnded(
      [this](const SandboxPtr& sandbox, const model::JobRecord& job) { onJobEnded(sandbox, job); });
}

std::string Lifecycle::directoryOf(const std::string& uuid) const {
  return cat(foundation_.state_directory, "/sandboxes/", uuid);
}

std::string Lifecycle::runtimeOf(const std::string& uuid) const {
  return cat(foundation_.runtime_directory, "/b/", uuid);
}

std::string Lifecycle::freshName() {
  for (;;) {
    std::string name = cat("run-", foundation_.random.hex(4));
    if (!table_.hasName(name)) {
      return name;
    }
  }
}

void Lifecycle::logFailure(std::string_view doing,
                           const Sandbox& sandbox,
                           const Error& error) const {
  foundation_.log.error("manager",
                        cat(doing, " sandbox ", sandbox.record.name, ": ", error.message));
}

// Warm boxes count beside the sandboxes, and make room before anybody is refused.
net::Task<Status> Lifecycle::reserve(SandboxPtr sandbox, model::Limits limits) {
  const policy::Reservation asked = policy::reservationFor(limits);
  const std::uint32_t warm = foundation_.backend.poolStats().warm;
  policy::Reservation held = held_;
  held -= sandbox->reserved;
  held += policy::reservationForWarm(warm);
  if (warm != 0 && !policy::admit(foundation_.budget, held, asked)) {
    co_await foundation_.backend.shrinkPool(warm);
  }
  // What was admitted meanwhile is in held_ by now.
  held = held_;
  held -= sandbox->reserved;
  AK_CO_TRY(policy::admit(foundation_.budget, held, asked));
  held_ = held;
  held_ += asked;
  sandbox->reserved = asked;
  co_return Status{};
}

void Lifecycle::announce(Sandbox& sandbox, Details details) const {
  sandbox.announced = true;
  details.push_back({"image", sandbox.record.image, {}});
  details.push_back({"backend", sandbox.record.backend, {}});
  publish(event_type::kCreated, sandbox, std::move(details));
}

void Lifecycle::publish(std::string_view type, const Sandbox& sandbox, Details details) const {
  if (foundation_.events != nullptr && sandbox.announced) {
    foundation_.events->publish(type, sandbox.record, std::move(details));
  }
}

net::Task<Status> Lifecycle::save(Sandbox& sandbox) {
  if (!sandbox.durable) {
    co_return Status{};
  }
  std::string activity = sandbox.record.lifetime.last_activity_at;
  const Status saved = co_await foundation_.store_worker.run(
      [this, record = sandbox.record] { return foundation_.store.update(record); });
  AK_CO_TRY(saved);
  sandbox.saved_activity = std::move(activity);
  co_return Status{};
}

Status Lifecycle::refuseRemoved(const Sandbox& sandbox) const {
  if (table_.findByUuid(sandbox.record.uuid) == nullptr) {
    return fail(ErrorCode::NotFound, cat("sandbox '", sandbox.record.name, "' has been removed"),
                "List what there is with: agentkernel list");
  }
  return {};
}

net::Task<Status> Lifecycle::change(SandboxPtr sandbox, Edit edit) {
  co_return co_await net::toItsEnd(changeNow(std::move(sandbox), std::move(edit)));
}

net::Task<Status> Lifecycle::changeNow(SandboxPtr sandbox, Edit edit) {
  co_await settled(sandbox);
  AK_CO_TRY(refuseRemoved(*sandbox));
  const Busy busy(sandbox);
  model::SandboxRecord& record = sandbox->record;
  const auto before = std::tuple(record.labels, record.description, record.lifetime);
  Status done = edit(record);
  if (done) {
    done = co_await save(*sandbox);
  }
  if (!done) {
    std::string activity = std::move(record.lifetime.last_activity_at);
    std::tie(record.labels, record.description, record.lifetime) = before;
    record.lifetime.last_activity_at = std::move(activity);
  }
  timekeeper_.readAgain(*sandbox);
  co_return done;
}

net::Task<Result<WorkspaceLayers>> Lifecycle::changesOf(SandboxPtr sandbox) {
  if (sandbox->record.permissions.workspace != model::WorkspaceMode::Cow) {
    co_return fail(ErrorCode::Conflict,
                   cat("sandbox '", sandbox->record.name, "' has no copy-on-write workspace"),
                   "Start it with: agentkernel run --keep --mount cow ...");
  }
  if (sandbox->changes.valid()) {
    WorkspaceLayers only;
    only.all.push_back(AK_CO_TRY(sandbox->changes.duplicate()));
    only.has_own = true;
    co_return only;
  }
  std::vector<std::string> frozen;
  for (const std::string& layer : sandbox->record.workspace_layers) {
    frozen.push_back(frozenLayerPath(foundation_.state_directory, layer));
  }
  co_return co_await foundation_.workers.run(
      [directory = directoryOf(sandbox->record.uuid), &frozen] {
        return openWorkspaceLayers(directory, frozen);
      });
}

}  // namespace ak::manager
