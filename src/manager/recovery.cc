#include "base/text.h"
#include "manager/lifecycle.h"
#include "manager/writable_layer.h"
#include "model/sandbox_state.h"
#include "sys/process.h"

// What a new daemon does with what it finds. Everything that must hold while no daemon lived was
// held by the agents (timeouts, owner lease); here the books are put right.
namespace ak::manager {

net::Task<Status> Lifecycle::recover() {
  boot_id_ = AK_CO_TRY(sys::bootId());
  Result<store::SandboxStore::Loaded> loaded =
      co_await foundation_.store_worker.run([this] { return foundation_.store.load(); });
  if (!loaded) {
    co_return std::unexpected(std::move(loaded).error());
  }
  std::vector<std::string> keep;
  for (const auto& [uuid, why] : loaded->unreadable) {
    foundation_.log.error("recovery", cat("the record of sandbox ", uuid,
                                          " cannot be read and is left as it is: ", why));
    keep.push_back(uuid);  // its box may live: never end what we cannot read
  }
  const Result<bool> orderly =
      co_await foundation_.store_worker.run([this] { return foundation_.store.takeOrderlyEnd(); });
  if (!orderly) {
    co_return std::unexpected(orderly.error());
  }
  std::vector<SandboxPtr> live;
  for (model::SandboxRecord& record : loaded->records) {
    SandboxPtr sandbox = meet(std::move(record), *orderly ? Stamps::Exact : Stamps::Stale);
    if (const Status added = table_.add(sandbox); !added) {
      logFailure("recovering", *sandbox, added.error());
      keep.push_back(sandbox->record.uuid);
      continue;
    }
    foundation_.ids.reserve(sandbox->record.ids);
    if (sandbox->record.pid != 0 && !sandbox->elsewhere) {
      live.push_back(std::move(sandbox));
    }
  }
  const Status volumes = co_await volumes_.recover();
  AK_CO_TRY(volumes);
  if (!loaded->unreadable.empty()) {
    volumes_.keepAll();
  }
  const Status frozen = co_await recoverLayers(loaded->unreadable.empty());
  AK_CO_TRY(frozen);
  co_await raiseEpochs(live);
  // Side by side: each waits for its own agent, and one that is slow or broken holds up no other.
  net::TaskGroup reconnecting(foundation_.executor);
  for (const SandboxPtr& sandbox : live) {
    reconnecting.spawn(recoverOne(sandbox));
  }
  co_await reconnecting.join();
  co_await jobs_.settleAll(table_);
  for (std::string& id : table_.liveIds()) {
    keep.push_back(std::move(id));
  }
  const std::set<std::string> known = knownUuids(keep);
  const Result<std::vector<std::string>> ended =
      co_await foundation_.backend.sweep(std::move(keep));
  if (!ended) {
    foundation_.log.error("recovery", cat("ending what has no owner: ", ended.error().message));
  } else if (!ended->empty()) {
    foundation_.log.info("recovery", cat("ended ", ended->size(), " sandboxes without an owner"));
  }
  if (ended) {
    co_await removeUnknownFiles(known);
  }
  co_return Status{};
}

std::vector<Status> Lifecycle::finishFreezes(const std::vector<SandboxPtr>& all) const {
  std::vector<Status> done;
  done.reserve(all.size());
  for (const SandboxPtr& sandbox : all) {
    const Freeze freeze{foundation_.state_directory, sandbox->record.uuid,
                        sandbox->record.freezing};
    Status finished = finishFreeze(freeze);
    if (finished) {
      finished = removeAbandoned(freeze.state_directory, freeze.uuid);
    }
    // One that was being removed may have lost its directory already.
    const bool gone = !finished && finished.error().code == ErrorCode::NotFound;
    done.push_back(gone ? Status() : std::move(finished));
  }
  return done;
}

// Freezes that the last daemon began and the store knows of are finished; layers that nobody names
// are removed, unless a record that could not be read may name them.
net::Task<Status> Lifecycle::recoverLayers(bool all_read) {
  Result<store::SandboxStore::LoadedSnapshots> loaded =
      co_await foundation_.store_worker.run([this] { return foundation_.store.loadSnapshots(); });
  if (!loaded) {
    co_return std::unexpected(std::move(loaded).error());
  }
  for (const auto& [name, why] : loaded->unreadable) {
    volumes_.keepAll();
    foundation_.log.error("recovery", cat("the record of snapshot ", name,
                                          " cannot be read and is left as it is: ", why));
  }
  for (model::SnapshotRecord& snapshot : loaded->records) {
    const std::string name = snapshot.name;
    layers_.snapshots[name] = std::move(snapshot);
  }
  const std::vector<SandboxPtr> all = table_.all();
  // In one go: a daemon with a thousand sandboxes begins no later for it.
  const std::vector<Status> finished =
      co_await foundation_.workers.run([this, &all] { return finishFreezes(all); });
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (!finished[i]) {
      logFailure("finishing the freeze of", *all[i], finished[i].error());
    }
  }
  if (all_read && loaded->unreadable.empty()) {
    co_await layers_.removeUnnamed();
  }
  co_await layers_.meetAll();
  co_return Status{};
}

std::set<std::string> Lifecycle::knownUuids(const std::vector<std::string>& more) const {
  std::set<std::string> known(more.begin(), more.end());
  for (const SandboxPtr& sandbox : table_.all()) {
    known.insert(sandbox->record.uuid);
  }
  return known;
}

// A daemon that dies between making a sandbox's directory and writing its row, or between the
// two when it removes one, leaves a directory that nobody knows.
net::Task<void> Lifecycle::removeUnknownFiles(const std::set<std::string>& known) {
  const Result<std::vector<std::string>> there = co_await foundation_.workers.run(
      [this] { return listWritableLayers(foundation_.state_directory); });
  if (!there) {
    foundation_.log.error("recovery", cat("looking for what was left: ", there.error().message));
    co_return;
  }
  for (const std::string& uuid : *there) {
    if (known.contains(uuid)) {
      continue;
    }
    const Status removed = co_await removeDirectory(uuid);
    foundation_.log.info("recovery", removed ? cat("removed what was left of sandbox ", uuid)
                                             : cat("removing what was left of sandbox ", uuid, ": ",
                                                   removed.error().message));
  }
}

SandboxPtr Lifecycle::meet(model::SandboxRecord record, Stamps stamps) {
  auto sandbox = std::make_shared<Sandbox>(foundation_.executor);
  sandbox->durable = true;
  sandbox->announced = true;  // by the daemon that made it
  sandbox->record = std::move(record);
  sandbox->saved_activity = sandbox->record.lifetime.last_activity_at;
  countCid(sandbox->record.vsock_cid);
  if (sandbox->record.backend != foundation_.backend.name()) {
    sandbox->elsewhere = true;
    sandbox->status = model::isPaused(sandbox->record) ? model::SandboxStatus::Paused
                                                       : model::SandboxStatus::Unknown;
  }
  timekeeper_.meet(*sandbox);
  if (stamps == Stamps::Stale) {
    timekeeper_.touch(*sandbox);  // when it was last used died with the last daemon
  }
  return sandbox;
}

// Before the agents see them: a daemon that dies after its agent has taken an epoch that nobody
// wrote down would be the last one that the agent listens to.
net::Task<void> Lifecycle::raiseEpochs(const std::vector<SandboxPtr>& sandboxes) {
  if (sandboxes.empty()) {
    co_return;
  }
  std::vector<model::SandboxRecord> records;
  for (const SandboxPtr& sandbox : sandboxes) {
    sandbox->record.epoch += 1;
    records.push_back(sandbox->record);
  }
  const Status saved = co_await foundation_.store_worker.run(
      [this, &records] { return foundation_.store.update(records); });
  if (!saved) {
    // With a full disk sandboxes must be reachable all the more, to be removed.
    foundation_.log.error("recovery", cat("saving the new epochs: ", saved.error().message));
  }
}

net::Task<void> Lifecycle::recoverOne(SandboxPtr sandbox) {
  if (const Status known = co_await reconnect(sandbox); !known) {
    logFailure("recovering", *sandbox, known.error());
  }
}

net::Task<Status> Lifecycle::reconnect(SandboxPtr sandbox) {
  std::string reason = "the machine was restarted";
  if (sandbox->record.boot_id == boot_id_) {
    Result<backend::Started> found =
        co_await foundation_.backend.reconnect(sandbox->record, runtimeOf(sandbox->record.uuid));
    if (found) {
      // It lives: it is counted even if that goes over the budget, which only refuses new ones.
      sandbox->reserved = policy::reservationFor(sandbox->record.permissions.limits);
      held_ += sandbox->reserved;
      const std::vector<model::EnforcedLimit> limits = sandbox->record.limits;
      const model::IdRange ids = sandbox->record.ids;
      adopt(*sandbox, std::move(*found));
      sandbox->record.limits = limits;
      sandbox->record.ids = ids;
      if (Result<OutputLog> log = OutputLog::open(directoryOf(sandbox->record.uuid)); log) {
        sandbox->log = std::move(*log);
      }
      jobs_.adopt(sandbox, [this, sandbox] { endWithoutCommand(sandbox); });
      const bool changed = ports_.reopen(sandbox);
      co_await tellDeadline(sandbox);
      if (changed) {
        co_return co_await save(*sandbox);
      }
      co_return Status{};
    }
    reason = cat("found ended after a daemon restart: ", found.error().message);
    if (found.error().code != ErrorCode::NotFound) {
      // It may live and only not answer: say so, and neither end nor replace it.
      sandbox->status = model::SandboxStatus::Unknown;
      sandbox->record.stop_reason = found.error().message;
      co_return Status{};
    }
  }
  markStopped(*sandbox, std::move(reason));
  endedByItself(*sandbox);
  co_return co_await save(*sandbox);
}

net::Task<Status> Lifecycle::reachAgain(SandboxPtr sandbox) {
  const std::vector<SandboxPtr> only = {sandbox};
  co_await raiseEpochs(only);
  const Status known = co_await reconnect(sandbox);
  AK_CO_TRY(known);
  if (sandbox->status == model::SandboxStatus::Unknown) {
    co_return fail(ErrorCode::Unavailable,
                   cat("sandbox '", sandbox->record.name,
                       "' lives and does not answer: ", sandbox->record.stop_reason),
                   cat("Try again, or end it: agentkernel stop ", sandbox->record.name));
  }
  co_return Status{};
}

}  // namespace ak::manager
