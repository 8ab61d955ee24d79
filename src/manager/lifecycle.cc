#include "manager/lifecycle.h"

#include <fcntl.h>

#include "base/text.h"
#include "manager/child_rules.h"
#include "manager/planner.h"
#include "manager/writable_layer.h"
#include "net/to_its_end.h"
#include "sys/file.h"

namespace ak::manager {

// Marks a sandbox as being worked on, for as long as it lives.
struct Lifecycle::Busy {
  explicit Busy(SandboxPtr marked) : sandbox(std::move(marked)) { sandbox->busy = true; }

  ~Busy() {
    sandbox->busy = false;
    sandbox->changed.notifyAll();
  }

  Busy(const Busy&) = delete;
  Busy& operator=(const Busy&) = delete;

  SandboxPtr sandbox;
};

namespace {

Status refuseBusy(const Sandbox& sandbox) {
  if (sandbox.busy) {
    return fail(ErrorCode::Conflict, cat("sandbox '", sandbox.record.name, "' is being changed"),
                "Try again in a moment.");
  }
  return {};
}

}  // namespace

Lifecycle::Lifecycle(const Foundation& foundation)
    : foundation_(foundation), background_(foundation.executor) {
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

net::Task<Status> Lifecycle::save(const Sandbox& sandbox) {
  if (!sandbox.durable) {
    co_return Status{};
  }
  co_return co_await foundation_.store_worker.run(
      [this, record = sandbox.record] { return foundation_.store.update(record); });
}

net::Task<Result<SandboxPtr>> Lifecycle::begin(const Plan& plan, BeginOptions options) {
  co_return co_await net::toItsEnd(beginNow(plan, std::move(options)));
}

net::Task<Status> Lifecycle::restart(SandboxPtr sandbox) {
  co_return co_await net::toItsEnd(restartNow(std::move(sandbox)));
}

net::Task<Status> Lifecycle::stop(SandboxPtr sandbox, std::string reason) {
  co_return co_await net::toItsEnd(stopNow(std::move(sandbox), std::move(reason)));
}

net::Task<Status> Lifecycle::remove(SandboxPtr sandbox) {
  co_return co_await net::toItsEnd(removeNow(std::move(sandbox)));
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
  sandbox->durable = options.durable;
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

void Lifecycle::adopt(Sandbox& sandbox, backend::Started started) {
  sandbox.record.pid = started.box.pid;
  sandbox.record.start_ticks = started.box.start_ticks;
  sandbox.record.limits = started.box.limits;
  sandbox.record.ids = started.ids;
  sandbox.record.boot_id = boot_id_;
  sandbox.record.epoch += 1;
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

void Lifecycle::markStopped(Sandbox& sandbox, std::string reason) {
  sandbox.status = model::SandboxStatus::Stopped;
  sandbox.record.pid = 0;
  sandbox.record.start_ticks = 0;
  sandbox.record.stop_reason = std::move(reason);
  sandbox.agent.reset();
  sandbox.process.reset();
  sandbox.log.reset();
  held_ -= sandbox.reserved;
  sandbox.reserved = {};
  sandbox.changed.notifyAll();
}

// Whatever there is of it goes, in the order in which a crash in between would still be repaired:
// box, directory, row. The sandbox leaves the table even if its box could not be ended; the next
// sweep finds what is left.
net::Task<void> Lifecycle::forget(SandboxPtr sandbox) {
  const std::string& uuid = sandbox->record.uuid;
  if (Status stopped = co_await foundation_.backend.stop(uuid); !stopped) {
    logFailure("ending", *sandbox, stopped.error());
  }
  markStopped(*sandbox, "removed");
  if (sandbox->durable) {
    if (Status gone = co_await forgetFiles(uuid); !gone) {
      logFailure("removing the directory of", *sandbox, gone.error());
    }
  }
  foundation_.ids.give(sandbox->record.ids);
  table_.remove(uuid);
}

net::Task<Status> Lifecycle::forgetFiles(std::string uuid) {
  Status removed = co_await foundation_.store_worker.run(
      [this, uuid] { return removeWritableLayer(foundation_.state_directory, uuid); });
  if (!removed && removed.error().code == ErrorCode::PermissionDenied) {
    // A guest user's directory, which belongs to a subordinate id of ours.
    removed = co_await foundation_.backend.removeFiles(directoryOf(uuid));
  }
  AK_CO_TRY(removed);
  co_return co_await foundation_.store_worker.run(
      [this, uuid] { return foundation_.store.remove(uuid); });
}

net::Task<Status> Lifecycle::restartNow(SandboxPtr sandbox) {
  AK_CO_TRY(refuseBusy(*sandbox));
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
  BeginOptions options;
  options.durable = true;
  const Status started = co_await startBox(sandbox, *plan, options);
  if (!started) {
    markStopped(*sandbox, started.error().message);
    co_return started;
  }
  co_return co_await save(*sandbox);
}

net::Task<Status> Lifecycle::stopNow(SandboxPtr sandbox, std::string reason) {
  while (sandbox->busy) {
    co_await sandbox->changed.wait();
  }
  if (sandbox->status == model::SandboxStatus::Stopped) {
    co_return Status{};
  }
  const Busy busy(sandbox);
  if (!sandbox->durable) {
    co_await forget(sandbox);
    co_return Status{};
  }
  const Status stopped = co_await foundation_.backend.stop(sandbox->record.uuid);
  AK_CO_TRY(stopped);
  markStopped(*sandbox, std::move(reason));
  co_return co_await save(*sandbox);
}

net::Task<Status> Lifecycle::removeNow(SandboxPtr sandbox) {
  while (sandbox->busy) {
    co_await sandbox->changed.wait();
  }
  if (table_.findByUuid(sandbox->record.uuid) != nullptr) {
    const Busy busy(sandbox);
    const Status stopped = co_await foundation_.backend.stop(sandbox->record.uuid);
    AK_CO_TRY(stopped);  // the record stays until the backend has confirmed
    co_await forget(sandbox);
  }
  co_return Status{};
}

void Lifecycle::stopInBackground(SandboxPtr sandbox, std::string reason) {
  background_.spawn([](Lifecycle& self, SandboxPtr it, std::string why) -> net::Task<void> {
    if (const Status stopped = co_await self.stop(it, std::move(why)); !stopped) {
      self.logFailure("stopping", *it, stopped.error());
    }
  }(*this, std::move(sandbox), std::move(reason)));
}

void Lifecycle::onEnded(const backend::Ended& ended) {
  const SandboxPtr sandbox = table_.findByUuid(ended.id);
  if (!sandbox || sandbox->status != model::SandboxStatus::Running || sandbox->busy) {
    return;  // we are ending it ourselves
  }
  std::string reason = "its first process ended for an unknown reason (the launcher was restarted)";
  if (ended.how) {
    reason = ended.how->out_of_memory ? "out of memory"
             : ended.how->signal != 0 ? cat("ended by signal ", ended.how->signal)
                                      : cat("ended with code ", ended.how->code);
  }
  stopInBackground(sandbox, std::move(reason));
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

net::Task<void> Lifecycle::close() {
  for (const SandboxPtr& sandbox : table_.all()) {
    if (!sandbox->durable) {
      (void)co_await stop(sandbox, "the daemon stops");  // forget() has logged what went wrong
    }
  }
  co_await background_.join();
  co_await foundation_.backend.close();
}

}  // namespace ak::manager
