#include "manager/snapshot_cut.h"

#include "base/text.h"
#include "manager/frozen_layers.h"
#include "manager/layer_making.h"

// How a sandbox's files become layers: frozen where they are, or copied from a sandbox that runs.
namespace ak::manager {

using LayerStep = store::SandboxStore::LayerStep;

net::Task<Status> SandboxSnapshots::copyRunning(SandboxPtr sandbox, Cut& cut) {
  cut.pause.emplace();
  ++sandbox->pauses;
  const auto copied = co_await copyWritable(foundation_, sandbox->record.uuid, cut.freeze.layer);
  if (!copied) {
    co_await abandon(cut);
    co_return std::unexpected(copied.error());
  }
  cut.pause = *copied;
  step("copied");
  co_return Status{};
}

// Leaves everything as it was when it fails.
net::Task<Status> SandboxSnapshots::cut(SandboxPtr sandbox, Cut& cut) {
  const std::string uuid = sandbox->record.uuid;
  if (cut.record.layers.size() >= kMostLayers) {
    boundDepth(cut.record);
    co_return fail(ErrorCode::Capacity,
                   cat("sandbox '", cut.record.name, "' stands on ", cut.record.layers.size(),
                       " layers, which are being merged"),
                   "Try again in a moment; a running sandbox must be stopped for that.");
  }
  const std::string layer = model::makeUuid(foundation_.clock.wall(), foundation_.random);
  cut.freeze = {foundation_.state_directory, uuid, layer};
  cut.hold.add(layer);
  if (sandbox->status == model::SandboxStatus::Running) {
    const Status copied = co_await copyRunning(sandbox, cut);
    AK_CO_TRY(copied);
  } else {
    const std::vector<std::string>& below = cut.record.layers;
    const Result<bool> written = co_await foundation_.workers.run([&]() -> Result<bool> {
      AK_TRY(saveFreeze({foundation_.state_directory, uuid, cut.record.freezing}));
      cut.record.freezing.clear();
      const bool wrote = AK_TRY(hasOwnWrites(
          lifecycle_.directoryOf(uuid),
          below.empty() ? "" : frozenLayerPath(foundation_.state_directory, below.front())));
      return wrote;
    });
    if (!written) {
      co_return std::unexpected(written.error());
    }
    if (!*written) {
      cut.freeze.layer.clear();
      co_return Status{};
    }
    const Status prepared =
        co_await foundation_.workers.run([&cut] { return prepareFreeze(cut.freeze); });
    if (!prepared) {
      co_await abandon(cut);
      co_return prepared;
    }
    step("prepared");
    cut.record.freezing = layer;
  }
  cut.record.layers.insert(cut.record.layers.begin(), layer);
  if (cut.record.permissions.workspace == model::WorkspaceMode::Cow) {
    cut.record.workspace_layers.insert(cut.record.workspace_layers.begin(), layer);
  }
  co_return Status{};
}

net::Task<void> SandboxSnapshots::abandon(Cut& cut) {
  if (cut.freeze.layer.empty()) {
    co_return;
  }
  if (cut.pause) {
    (void)co_await keeper_.discard(cut.freeze.layer);
    co_return;
  }
  const Status gone =
      co_await foundation_.workers.run([&cut] { return abandonFreeze(cut.freeze); });
  if (!gone) {
    foundation_.log.error("snapshots", cat("undoing a freeze: ", gone.error().message));
  }
}

// The step that counts and what follows from it.
net::Task<Status> SandboxSnapshots::commit(Cut& cut, LayerStep step) {
  const bool freezes = !cut.freeze.layer.empty() && !cut.pause;
  if (freezes) {
    step.updated.push_back(cut.record);
  }
  const Status saved = co_await foundation_.store_worker.run(
      [this, &step] { return foundation_.store.commit(step); });
  if (!saved) {
    co_await abandon(cut);
    co_return saved;
  }
  this->step("saved");
  if (!freezes) {
    boundDepth(cut.record);
    co_return Status{};
  }
  const Status finished =
      co_await foundation_.workers.run([&cut] { return finishFreeze(cut.freeze); });
  if (finished) {
    this->step("finished");
    cut.sandbox->record.layers = cut.record.layers;
    cut.sandbox->record.workspace_layers = cut.record.workspace_layers;
    cut.sandbox->record.freezing = cut.record.freezing;
    co_await keeper_.meet(cut.freeze.layer);
    boundDepth(cut.record);
    co_return Status{};
  }
  // Back to before: nobody else knows of it yet.
  LayerStep back;
  back.updated.push_back(cut.sandbox->record);
  for (const model::SandboxRecord& made : step.made) {
    back.removed.push_back(made.uuid);
  }
  for (const model::SnapshotRecord& taken : step.taken) {
    back.removed_snapshots.push_back(taken.name);
  }
  const Status undone = co_await foundation_.store_worker.run(
      [this, &back] { return foundation_.store.commit(back); });
  if (undone) {
    co_await abandon(cut);
  } else {
    foundation_.log.error("snapshots", cat("undoing a freeze: ", undone.error().message));
  }
  co_return finished;
}

}  // namespace ak::manager
