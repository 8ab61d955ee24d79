#include "manager/lifecycle.h"

#include <fcntl.h>

#include <tuple>

#include "base/text.h"
#include "manager/busy.h"
#include "manager/child_rules.h"
#include "manager/planner.h"
#include "manager/writable_layer.h"
#include "net/to_its_end.h"
#include "sys/file.h"

namespace ak::manager {

namespace {

Status refuseArchived(const model::SandboxRecord& record) {
  if (!record.lifetime.archived_at.empty()) {
    return fail(ErrorCode::Conflict, cat("sandbox '", record.name, "' is archived"),
                cat("Take it back first: agentkernel recover ", record.name));
  }
  return {};
}

}  // namespace

Lifecycle::Lifecycle(const Foundation& foundation)
    : foundation_(foundation), timekeeper_(foundation.clock), background_(foundation.executor) {
  foundation_.backend.onEnded([this](const backend::Ended& ended) { onEnded(ended); });
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
net::Task<Status> Lifecycle::reserve(SandboxPtr sandbox) {
  const policy::Reservation asked = policy::reservationFor(sandbox->record.permissions.limits);
  const std::uint32_t warm = foundation_.backend.poolStats().warm;
  policy::Reservation held = held_;
  held += policy::reservationForWarm(warm);
  if (warm != 0 && !policy::admit(foundation_.budget, held, asked)) {
    co_await foundation_.backend.shrinkPool(warm);
  }
  // What was admitted meanwhile is in held_ by now.
  AK_CO_TRY(policy::admit(foundation_.budget, held_, asked));
  held_ += asked;
  sandbox->reserved = asked;
  co_return Status{};
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

net::Task<Result<SandboxPtr>> Lifecycle::begin(const Plan& plan, BeginOptions options) {
  co_return co_await net::toItsEnd(beginNow(plan, std::move(options)));
}

net::Task<Status> Lifecycle::restart(SandboxPtr sandbox) {
  co_return co_await net::toItsEnd(restartNow(std::move(sandbox)));
}

net::Task<Result<SandboxPtr>> Lifecycle::beginNow(const Plan& plan, BeginOptions options) {
  auto sandbox = std::make_shared<Sandbox>(foundation_.executor);
  model::SandboxRecord& record = sandbox->record;
  const WallTime now = foundation_.clock.wall();
  record.uuid = model::makeUuid(now, foundation_.random);
  record.name = options.name.empty() ? freshName() : options.name;
  record.image = plan.image.reference;
  record.image_digest = plan.image.digest;
  record.backend = foundation_.backend.name();
  record.permissions = plan.permissions;
  record.environment = plan.environment;
  record.workdir = plan.workdir;
  record.user = plan.user;
  record.workspace_path = plan.workspace_path;
  record.workspace_masks = plan.workspace.masks;
  record.protected_paths = plan.protected_paths;
  record.one_shot = options.one_shot;
  record.created_at = now;
  record.labels = std::move(options.notes.labels);
  record.description = std::move(options.notes.description);
  record.lifetime = model::lifetimeFrom(now, options.notes.ttl_seconds, options.notes.lifecycle);
  sandbox->durable = options.durable;
  timekeeper_.meet(*sandbox);
  AK_CO_TRY(table_.add(sandbox));
  const Busy busy(sandbox);
  const Status begun = co_await beginBox(sandbox, plan, options);
  if (!begun) {
    co_await forget(sandbox);
    co_return std::unexpected(begun.error());
  }
  co_return sandbox;
}

net::Task<Status> Lifecycle::beginBox(const SandboxPtr& sandbox,
                                      const Plan& plan,
                                      const BeginOptions& options) {
  const Status reserved = co_await reserve(sandbox);
  AK_CO_TRY(reserved);
  sandbox->record.ids = AK_CO_TRY(foundation_.ids.take());
  if (sandbox->durable) {
    const Status kept = co_await foundation_.store_worker.run([this, &sandbox]() -> Status {
      AK_TRY(makeWritableLayer(directoryOf(sandbox->record.uuid)));
      return foundation_.store.insert(sandbox->record);
    });
    AK_CO_TRY(kept);
  }
  const Status started = co_await startBox(sandbox, plan, options);
  AK_CO_TRY(started);
  const Status filled = co_await injectFiles(*sandbox, plan);
  AK_CO_TRY(filled);
  co_return co_await save(*sandbox);
}

net::Task<Status> Lifecycle::startBox(const SandboxPtr& sandbox,
                                      const Plan& plan,
                                      const BeginOptions& options) {
  model::SandboxRecord& record = sandbox->record;
  record.epoch += 1;
  record.agent_key.assign(wire::kKeySize, '\0');
  foundation_.random.fill(
      {reinterpret_cast<unsigned char*>(record.agent_key.data()), record.agent_key.size()});
  backend::StartRequest request;
  request.id = record.uuid;
  request.hostname = record.name;
  request.permissions = record.permissions;
  request.root = plan.image.root;
  request.root.read_only = record.permissions.read_only_root;
  request.image_key = plan.image.digest;
  request.ids = record.ids;
  request.workspace = plan.workspace;
  // A durable layer is found again by its path; a descriptor would hold its mount after the end.
  request.workspace.want_changes_fd = options.want_changes && !sandbox->durable;
  request.one_shot = !sandbox->durable;
  request.may_pool = options.may_pool && !sandbox->durable;
  request.agent_key = record.agent_key;
  request.rules = AK_CO_TRY(childRules(record));
  request.runtime_directory = runtimeOf(record.uuid);
  if (sandbox->durable) {
    request.root.writable = AK_CO_TRY(writableLayerOf(directoryOf(record.uuid)));
  }
  Result<backend::Started> started = co_await foundation_.backend.start(std::move(request));
  if (!started) {
    co_return std::unexpected(std::move(started).error());
  }
  adopt(*sandbox, std::move(*started));
  if (sandbox->durable) {
    Result<OutputLog> log = OutputLog::open(directoryOf(record.uuid));
    if (log) {
      sandbox->log = std::move(*log);
    }
  }
  co_return Status{};
}

Status Lifecycle::refuseRemoved(const Sandbox& sandbox) const {
  if (table_.findByUuid(sandbox.record.uuid) == nullptr) {
    return fail(ErrorCode::NotFound, cat("sandbox '", sandbox.record.name, "' has been removed"),
                "List what there is with: agentkernel list");
  }
  return {};
}

void Lifecycle::adopt(Sandbox& sandbox, backend::Started started) {
  sandbox.record.pid = started.box.pid;
  sandbox.record.start_ticks = started.box.start_ticks;
  sandbox.record.limits = started.box.limits;
  sandbox.record.ids = started.ids;
  sandbox.record.boot_id = boot_id_;
  sandbox.record.stop_reason.clear();
  sandbox.agent = std::move(started.agent);
  sandbox.process = std::move(started.process);
  sandbox.changes = std::move(started.changes);
  sandbox.from_pool = started.from_pool;
  sandbox.status = model::SandboxStatus::Running;
}

net::Task<Status> Lifecycle::injectFiles(const Sandbox& sandbox, const Plan& plan) {
  for (const model::FileInjection& file : plan.files) {
    const Status written = co_await sandbox.agent->writeFile(file.path, file.content, file.mode);
    if (!written) {
      Error error = written.error();
      co_return std::unexpected(std::move(error).context(cat("putting ", file.path, " in place")));
    }
  }
  co_return Status{};
}

net::Task<Status> Lifecycle::restartNow(SandboxPtr sandbox) {
  co_await settled(sandbox);
  AK_CO_TRY(refuseRemoved(*sandbox));
  AK_CO_TRY(refuseArchived(sandbox->record));
  if (sandbox->status == model::SandboxStatus::Running) {
    co_return Status{};
  }
  const Busy busy(sandbox);
  Result<Plan> plan = co_await foundation_.workers.run(
      [this, record = sandbox->record] { return planFromRecord(record, foundation_.images); });
  if (!plan) {
    co_return std::unexpected(std::move(plan).error());
  }
  const Status reserved = co_await reserve(sandbox);
  AK_CO_TRY(reserved);
  sandbox->record.one_shot = false;  // whoever starts it again wants it for more than its command
  sandbox->record.lifetime.dormant_at.clear();
  sandbox->record.lifetime.dormant_reason.clear();
  timekeeper_.touch(*sandbox);
  BeginOptions options;
  options.durable = true;
  const Status started = co_await startBox(sandbox, *plan, options);
  if (!started) {
    markStopped(*sandbox, started.error().message);
    co_return started;
  }
  co_return co_await save(*sandbox);
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

net::Task<Result<sys::OwnedFd>> Lifecycle::changesOf(SandboxPtr sandbox) {
  if (sandbox->record.permissions.workspace != model::WorkspaceMode::Cow) {
    co_return fail(ErrorCode::Conflict,
                   cat("sandbox '", sandbox->record.name, "' has no copy-on-write workspace"),
                   "Start it with: agentkernel run --keep --mount cow ...");
  }
  if (sandbox->changes.valid()) {
    co_return sandbox->changes.duplicate();
  }
  co_return co_await foundation_.workers.run(
      [directory = directoryOf(sandbox->record.uuid)] { return openWorkspaceLayer(directory); });
}

}  // namespace ak::manager
