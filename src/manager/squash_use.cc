// Stacks of layers that are made shorter: in the background where they have become deep, and where
// changes that were inherited are discarded.
#include <algorithm>
#include <utility>

#include "base/text.h"
#include "manager/busy.h"
#include "manager/layer_making.h"
#include "manager/snapshot_cut.h"
#include "manager/snapshots_use.h"
#include "model/layer_names.h"
#include "net/to_its_end.h"

namespace ak::manager {

namespace {

using LayerStep = store::SandboxStore::LayerStep;
using Layers = std::vector<std::string>;

bool endsWith(const Layers& all, const Layers& ending) {
  return all.size() >= ending.size() && std::equal(ending.rbegin(), ending.rend(), all.rbegin());
}

}  // namespace

struct SandboxSnapshots::Shorter {
  Layers stack;  // that is replaced wherever a list ends with it
  Layers by;     // one layer, or none
  Layers model::SandboxRecord::* list;

  bool isIn(const model::SandboxRecord& record) const { return endsWith(record.*list, stack); }

  void applyTo(model::SandboxRecord& record) const {
    Layers& all = record.*list;
    all.resize(all.size() - stack.size());
    all.insert(all.end(), by.begin(), by.end());
  }
};

// One at a time: what else has become deep is found when it is cut the next time.
void SandboxSnapshots::boundDepth(const model::SandboxRecord& record) {
  if (squashing_ != 0) {
    return;
  }
  if (record.layers.size() > kDeepest) {
    background_.spawn(squash(record, model::kRootLayer));
  }
  if (record.workspace_layers.size() > kDeepest) {
    background_.spawn(squash(record, model::kWorkspaceLayer));
  }
}

net::Task<void> SandboxSnapshots::squash(model::SandboxRecord of, const char* part) {
  ++squashing_;
  co_await net::toItsEnd(squashNow(std::move(of), part));
  --squashing_;
}

net::Task<void> SandboxSnapshots::squashNow(model::SandboxRecord of, const char* part) {
  const bool root = std::string_view(part) == model::kRootLayer;
  Layers stack = root ? of.layers : of.workspace_layers;
  const std::string layer = model::makeUuid(foundation_.clock.wall(), foundation_.random);
  {
    LayerKeeper::Hold hold(keeper_, stack);
    hold.add(layer);
    const Squash what{stack, std::move(of), part, {}};
    const Result<bool> made = co_await squashLayers(foundation_, what, layer);
    step("squashed");
    if (made) {
      const Shorter shorter{
          stack, *made ? Layers{layer} : Layers{},
          root ? &model::SandboxRecord::layers : &model::SandboxRecord::workspace_layers};
      co_await shorten(shorter);
    } else {
      foundation_.log.warning("layers",
                              cat("merging ", stack.size(), " layers: ", made.error().message));
    }
  }
  stack.push_back(layer);
  co_await keeper_.release(stack);
}

// One record after the other: each is right before and after. A sandbox that runs keeps its stack,
// which is mounted; it is looked at again when it is cut the next time.
net::Task<void> SandboxSnapshots::shorten(const Shorter& shorter) {
  for (const SandboxPtr& sandbox : lifecycle_.table().all()) {
    co_await settled(sandbox);
    if (sandbox->status != model::SandboxStatus::Stopped || !shorter.isIn(sandbox->record) ||
        lifecycle_.table().findByUuid(sandbox->record.uuid) == nullptr) {
      continue;
    }
    const Busy busy(sandbox);
    model::SandboxRecord record = sandbox->record;
    shorter.applyTo(record);
    // It may be freezing what it no longer stands on.
    const Freeze freeze{foundation_.state_directory, record.uuid,
                        std::exchange(record.freezing, {})};
    LayerStep step;
    step.updated.push_back(record);
    const Status saved = co_await foundation_.store_worker.run([&]() -> Status {
      AK_TRY(saveFreeze(freeze));
      return foundation_.store.commit(step);
    });
    if (saved) {
      sandbox->record.freezing.clear();
      sandbox->record.*shorter.list = record.*shorter.list;
    } else {
      foundation_.log.warning(
          "layers", cat("saving a shorter stack of ", record.name, ": ", saved.error().message));
    }
  }
  LayerStep step;
  for (const auto& [name, snapshot] : keeper_.snapshots) {
    if (shorter.isIn(snapshot.source)) {
      step.updated_snapshots.push_back(snapshot);
      shorter.applyTo(step.updated_snapshots.back().source);
    }
  }
  const Status saved = co_await foundation_.store_worker.run(
      [this, &step] { return foundation_.store.commit(step); });
  if (!saved) {  // one was removed meanwhile, or the disk is full: all stay as they are
    foundation_.log.warning("layers",
                            cat("saving shorter stacks of snapshots: ", saved.error().message));
    co_return;
  }
  for (model::SnapshotRecord& snapshot : step.updated_snapshots) {
    if (const auto at = keeper_.snapshots.find(snapshot.name); at != keeper_.snapshots.end()) {
      at->second = std::move(snapshot);
    }
  }
}

// Of a stopped sandbox that nobody else changes.
net::Task<Status> SandboxSnapshots::saveWorkspaceLayers(SandboxPtr sandbox, Layers layers) {
  model::SandboxRecord record = sandbox->record;
  std::swap(record.workspace_layers, layers);
  LayerStep step;
  step.updated.push_back(record);
  const Status saved = co_await foundation_.store_worker.run(
      [this, &step] { return foundation_.store.commit(step); });
  AK_CO_TRY(saved);
  sandbox->record.workspace_layers = record.workspace_layers;
  co_await keeper_.release(layers);
  co_return Status{};
}

net::Task<Status> SandboxSnapshots::forgetInherited(SandboxPtr sandbox) {
  co_return co_await net::toItsEnd(saveWorkspaceLayers(std::move(sandbox), {}));
}

net::Task<Status> SandboxSnapshots::leaveOut(SandboxPtr sandbox, std::vector<std::string> paths) {
  co_return co_await net::toItsEnd(leaveOutNow(std::move(sandbox), std::move(paths)));
}

// What is inherited cannot be taken out of an overlay again, so the workspace gets a new layer that
// has everything but these paths: first its own becomes frozen too, then all are merged.
net::Task<Status> SandboxSnapshots::leaveOutNow(SandboxPtr sandbox,
                                                std::vector<std::string> paths) {
  {
    Cut cut(keeper_, sandbox);
    const Status held = co_await this->cut(sandbox, cut);
    AK_CO_TRY(held);
    const Status frozen = co_await commit(cut, {});
    AK_CO_TRY(frozen);
  }
  Layers before = sandbox->record.workspace_layers;
  const Status replaced = co_await replaceWorkspace(sandbox, std::move(paths));
  co_await keeper_.release(std::move(before));
  co_return replaced;
}

net::Task<Status> SandboxSnapshots::replaceWorkspace(SandboxPtr sandbox,
                                                     std::vector<std::string> without) {
  const std::string layer = model::makeUuid(foundation_.clock.wall(), foundation_.random);
  LayerKeeper::Hold hold(keeper_, sandbox->record.workspace_layers);
  hold.add(layer);
  const Squash what{sandbox->record.workspace_layers, sandbox->record, model::kWorkspaceLayer,
                    std::move(without)};
  const Result<bool> made = co_await squashLayers(foundation_, what, layer);
  Status done = made ? Status() : std::unexpected(made.error());
  if (done) {
    step("squashed");
    done = co_await saveWorkspaceLayers(sandbox, *made ? Layers{layer} : Layers{});
  }
  if (!done) {
    (void)co_await keeper_.discard(layer);
  }
  co_return done;
}

}  // namespace ak::manager
