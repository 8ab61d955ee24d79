#include "manager/snapshots_use.h"

#include "base/text.h"
#include "manager/busy.h"
#include "manager/daemon_manager.h"
#include "manager/snapshot_cut.h"
#include "net/to_its_end.h"

namespace ak::manager {

namespace {

using LayerStep = store::SandboxStore::LayerStep;

// Of a name (model/sandbox.h).
constexpr std::size_t kLongestName = 63;

// The sandbox without all that is of its box, its time and its identity.
model::SandboxRecord likenessOf(const model::SandboxRecord& record) {
  model::SandboxRecord likeness = record;
  likeness.freezing.clear();
  likeness.ports = model::inheritedPorts(record.ports);
  likeness.one_shot = false;
  likeness.lifetime = {};
  likeness.ids = {};
  likeness.pid = 0;
  likeness.start_ticks = 0;
  likeness.boot_id.clear();
  likeness.agent_key.clear();
  likeness.epoch = 0;
  likeness.limits.clear();
  likeness.stop_reason.clear();
  return likeness;
}

// `name` with `ending`, cut where both together would be too long for a name.
std::string named(const std::string& name, std::string_view ending) {
  std::string front = name.substr(0, kLongestName - ending.size());
  while (front.ends_with('-') || front.ends_with('_')) {
    front.pop_back();
  }
  return cat(front, ending);
}

Status refuse(const Sandbox& sandbox) {
  const model::SandboxRecord& record = sandbox.record;
  if (!sandbox.durable) {
    return fail(ErrorCode::Conflict,
                cat("sandbox '", record.name, "' keeps nothing: it ends with its command"),
                "Make one that stays: agentkernel run --keep ...");
  }
  if (sandbox.status == model::SandboxStatus::Unknown) {
    return fail(ErrorCode::Unavailable,
                cat("sandbox '", record.name, "' lives and does not answer"),
                cat("End it first: agentkernel stop ", record.name));
  }
  return {};
}

}  // namespace

SandboxSnapshots::SandboxSnapshots(const Foundation& foundation, Lifecycle& lifecycle)
    : foundation_(foundation),
      lifecycle_(lifecycle),
      keeper_(lifecycle.layers()),
      background_(foundation.executor) {}

net::Task<void> SandboxSnapshots::close() {
  co_await background_.join();
}

// For tests of what a daemon's end leaves after each step.
void SandboxSnapshots::step(std::string_view done) const {
  if (foundation_.at_step) {
    foundation_.at_step(done);
  }
}

Result<model::SnapshotRecord> SandboxSnapshots::find(const std::string& name) const {
  const auto at = keeper_.snapshots.find(name);
  if (at == keeper_.snapshots.end()) {
    return fail(ErrorCode::NotFound, cat("no snapshot named '", printable(name), "'"),
                "List what there is with: agentkernel snapshot list");
  }
  return at->second;
}

std::string SandboxSnapshots::freshName(const std::string& sandbox) const {
  std::string day = formatTime(foundation_.clock.wall()).substr(0, 10);
  std::erase(day, '-');
  const std::string first = named(sandbox, cat("-", day));
  std::string name = first;
  for (int number = 2; keeper_.snapshots.contains(name); ++number) {
    name = named(sandbox, cat("-", day, "-", number));
  }
  return name;
}

net::Task<Result<Snapshots::Taken>> SandboxSnapshots::take(std::string sandbox, std::string name) {
  const SandboxPtr found = AK_CO_TRY(lifecycle_.table().find(sandbox));
  if (!name.empty()) {
    AK_CO_TRY(model::validateSandboxName(name));
  }
  co_return co_await net::toItsEnd(takeNow(found, std::move(name)));
}

net::Task<Result<Snapshots::Taken>> SandboxSnapshots::takeNow(SandboxPtr sandbox,
                                                              std::string name) {
  co_await settled(sandbox);
  AK_CO_TRY(lifecycle_.refuseRemoved(*sandbox));
  AK_CO_TRY(refuse(*sandbox));
  if (name.empty()) {
    name = freshName(sandbox->record.name);
  }
  if (keeper_.snapshots.contains(name)) {
    co_return fail(ErrorCode::AlreadyExists, cat("a snapshot named '", name, "' exists"),
                   cat("Choose another name, or remove it with: agentkernel snapshot rm ", name));
  }
  const Busy busy(sandbox);
  Cut cut(keeper_, sandbox);
  const Status held = co_await this->cut(sandbox, cut);
  AK_CO_TRY(held);
  Taken taken{{name, foundation_.clock.wall(), likenessOf(cut.record)}, cut.pause};
  LayerStep step;
  step.taken.push_back(taken.snapshot);
  const Status saved = co_await commit(cut, std::move(step));
  AK_CO_TRY(saved);
  keeper_.snapshots[name] = taken.snapshot;
  co_return taken;
}

net::Task<std::vector<model::SnapshotRecord>> SandboxSnapshots::list() {
  std::vector<model::SnapshotRecord> all;
  for (const auto& [name, snapshot] : keeper_.snapshots) {
    all.push_back(snapshot);
  }
  co_return all;
}

net::Task<Result<model::SnapshotRecord>> SandboxSnapshots::get(std::string name) {
  co_return find(name);
}

net::Task<Status> SandboxSnapshots::remove(std::string name) {
  AK_CO_TRY(find(name));
  co_return co_await net::toItsEnd(removeNow(std::move(name)));
}

// The row first: what is named is there, and what nobody names the next daemon removes.
net::Task<Status> SandboxSnapshots::removeNow(std::string name) {
  const Status gone = co_await foundation_.store_worker.run(
      [this, &name] { return foundation_.store.removeSnapshot(name); });
  AK_CO_TRY(gone);
  step("forgotten");
  const auto snapshot = keeper_.snapshots.extract(name);
  if (snapshot) {
    co_await keeper_.release(layersOf(snapshot.mapped().source));
  }
  co_return Status{};
}

net::Task<Result<SandboxView>> SandboxSnapshots::restore(std::string name, std::string as) {
  const model::SnapshotRecord snapshot = AK_CO_TRY(find(name));
  if (as.empty()) {
    as = named(snapshot.source.name, "-restored");
  }
  AK_CO_TRY(model::validateSandboxName(as));
  if (snapshot.source.backend != foundation_.backend.name()) {
    co_return fail(
        ErrorCode::Unsupported,
        cat("snapshot '", name, "' is of a sandbox of backend ", snapshot.source.backend),
        cat("Use a daemon that runs sandboxes with ", snapshot.source.backend, "."));
  }
  auto made = co_await net::toItsEnd(restoreNow(snapshot, std::move(as)));
  co_await keeper_.release(layersOf(snapshot.source));  // if it was removed meanwhile
  if (!made) {
    co_return std::unexpected(std::move(made).error());
  }
  co_return viewOf(**made);
}

net::Task<Result<SandboxPtr>> SandboxSnapshots::restoreNow(model::SnapshotRecord snapshot,
                                                           std::string name) {
  const LayerKeeper::Hold hold(keeper_, layersOf(snapshot.source));
  model::SandboxRecord record = snapshot.source;
  record.name = std::move(name);
  record.stop_reason = cat("made from snapshot '", snapshot.name, "'");
  auto reserved = co_await lifecycle_.reserveStopped(std::move(record));
  const SandboxPtr sandbox = AK_CO_TRY(std::move(reserved));
  const Busy busy(sandbox);
  step("reserved");
  LayerStep step;
  step.made.push_back(sandbox->record);
  const Status saved = co_await foundation_.store_worker.run(
      [this, &step] { return foundation_.store.commit(step); });
  if (!saved) {
    co_await lifecycle_.abandonStopped(sandbox);
    co_return std::unexpected(saved.error());
  }
  this->step("saved");
  lifecycle_.announce(*sandbox, {{"snapshot", snapshot.name, {}}});
  co_return sandbox;
}

net::Task<Result<Snapshots::Forked>> SandboxSnapshots::makeFork(std::string sandbox,
                                                                std::string child) {
  const SandboxPtr parent = AK_CO_TRY(lifecycle_.table().find(sandbox));
  AK_CO_TRY(model::validateSandboxName(child));
  co_return co_await net::toItsEnd(forkNow(parent, std::move(child)));
}

net::Task<Result<Snapshots::Forked>> SandboxSnapshots::forkNow(SandboxPtr parent,
                                                               std::string name) {
  co_await settled(parent);
  AK_CO_TRY(lifecycle_.refuseRemoved(*parent));
  AK_CO_TRY(refuse(*parent));
  const Busy busy(parent);
  model::SandboxRecord record = likenessOf(parent->record);
  record.name = std::move(name);
  record.stop_reason = cat("forked from '", parent->record.name, "'");
  auto reserved = co_await lifecycle_.reserveStopped(std::move(record));
  const SandboxPtr child = AK_CO_TRY(std::move(reserved));
  const Busy child_busy(child);
  step("reserved");
  Cut cut(keeper_, parent);
  Status done = co_await this->cut(parent, cut);
  if (done) {
    child->record.layers = cut.record.layers;
    child->record.workspace_layers = cut.record.workspace_layers;
    LayerStep step;
    step.made.push_back(child->record);
    done = co_await commit(cut, std::move(step));
  }
  if (!done) {
    co_await lifecycle_.abandonStopped(child);
    co_return std::unexpected(done.error());
  }
  lifecycle_.announce(*child, {{"parent", parent->record.name, {}}});
  co_return Forked{child->record.name, child->record.uuid, cut.pause};
}

}  // namespace ak::manager
