#include "manager/layer_keeper.h"

#include <algorithm>

#include "base/text.h"

namespace ak::manager {

LayerKeeper::Hold::Hold(LayerKeeper& keeper, std::vector<std::string> layers) : keeper_(keeper) {
  for (const std::string& layer : layers) {
    add(layer);
  }
}

LayerKeeper::Hold::~Hold() {
  for (const std::string& layer : layers_) {
    keeper_.held_.erase(keeper_.held_.find(layer));
  }
}

void LayerKeeper::Hold::add(const std::string& layer) {
  layers_.push_back(layer);
  keeper_.held_.insert(layer);
}

std::vector<std::string> layersOf(const model::SandboxRecord& record) {
  std::vector<std::string> all = record.layers;
  for (const std::string& layer : record.workspace_layers) {
    if (std::ranges::find(all, layer) == all.end()) {
      all.push_back(layer);
    }
  }
  return all;
}

bool LayerKeeper::wanted(const std::string& layer) const {
  const auto names = [&layer](const model::SandboxRecord& record) {
    return std::ranges::find(record.layers, layer) != record.layers.end() ||
           std::ranges::find(record.workspace_layers, layer) != record.workspace_layers.end() ||
           record.freezing == layer;
  };
  return held_.contains(layer) ||
         std::ranges::any_of(parts_.table.all(),
                             [&](const SandboxPtr& sandbox) { return names(sandbox->record); }) ||
         std::ranges::any_of(snapshots,
                             [&](const auto& each) { return names(each.second.source); });
}

bool LayerKeeper::rangeInUse(std::uint32_t project) const {
  return std::ranges::any_of(projects_, [&](const auto& each) { return each.second == project; }) ||
         std::ranges::any_of(parts_.table.all(), [&](const SandboxPtr& sandbox) {
           return sandbox->record.ids.base == project;
         });
}

void LayerKeeper::giveIds(const model::IdRange& range) {
  const bool charged =
      std::ranges::any_of(projects_, [&](const auto& each) { return each.second == range.base; });
  if (!charged) {
    parts_.ids.give(range);
  }
}

net::Task<void> LayerKeeper::meet(std::string layer) {
  const std::uint32_t project = co_await parts_.workers.run(
      [this, &layer] { return projectOfLayer(parts_.state_directory, layer); });
  if (project >= IdRanges::kFirst) {
    projects_[layer] = project;
    parts_.ids.reserve({project, IdRanges::kCount});
  }
}

net::Task<void> LayerKeeper::meetAll() {
  const Result<std::vector<std::string>> there =
      co_await parts_.workers.run([this] { return listFrozenLayers(parts_.state_directory); });
  if (!there) {
    parts_.log.error("layers", cat("looking for layers: ", there.error().message));
    co_return;
  }
  for (const std::string& layer : *there) {
    co_await meet(layer);
  }
}

net::Task<bool> LayerKeeper::discard(std::string layer) {
  Status removed = co_await parts_.workers.run(
      [this, &layer] { return removeFrozenLayer(parts_.state_directory, layer); });
  if (!removed && removed.error().code == ErrorCode::PermissionDenied) {
    // A guest user's directory, which belongs to a subordinate id of ours.
    removed = co_await parts_.backend.removeFiles(frozenLayerPath(parts_.state_directory, layer));
  }
  if (!removed) {
    parts_.log.error("layers", cat("removing layer ", layer, ": ", removed.error().message));
  }
  co_return removed.has_value();
}

net::Task<void> LayerKeeper::release(std::vector<std::string> layers) {
  for (const std::string& layer : layers) {
    if (wanted(layer)) {
      continue;
    }
    const bool gone = co_await discard(layer);
    const auto charged = projects_.extract(layer);
    if (charged && !gone) {
      projects_[layer] = charged.mapped();
    } else if (charged && !rangeInUse(charged.mapped())) {
      parts_.ids.give({charged.mapped(), IdRanges::kCount});
    }
  }
}

net::Task<void> LayerKeeper::removeUnnamed() {
  const Result<std::vector<std::string>> there =
      co_await parts_.workers.run([this] { return listFrozenLayers(parts_.state_directory); });
  if (!there) {
    parts_.log.error("layers", cat("looking for what was left: ", there.error().message));
    co_return;
  }
  co_await release(*there);
}

}  // namespace ak::manager
