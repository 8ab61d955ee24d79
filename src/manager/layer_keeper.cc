#include "manager/layer_keeper.h"

#include <algorithm>
#include <iterator>

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

namespace {

// What it stands on, and what it is becoming one of.
std::set<std::string> namesIn(const model::SandboxRecord& record) {
  std::set<std::string> names(record.layers.begin(), record.layers.end());
  names.insert(record.workspace_layers.begin(), record.workspace_layers.end());
  if (!record.freezing.empty()) {
    names.insert(record.freezing);
  }
  return names;
}

}  // namespace

bool LayerKeeper::wanted(const std::string& layer) const {
  const auto names = [&layer](const model::SandboxRecord& record) {
    return namesIn(record).contains(layer);
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
  charge(layer, project);
}

void LayerKeeper::charge(const std::string& layer, std::uint32_t project) {
  if (project >= IdRanges::kFirst) {
    projects_[layer] = project;
    parts_.ids.reserve({project, IdRanges::kCount});
  }
}

net::Task<void> LayerKeeper::meetAll() {
  using Projects = std::map<std::string, std::uint32_t>;
  const Result<Projects> found = co_await parts_.workers.run([this]() -> Result<Projects> {
    Projects projects;
    for (const std::string& layer : AK_TRY(listFrozenLayers(parts_.state_directory))) {
      projects[layer] = projectOfLayer(parts_.state_directory, layer);
    }
    return projects;
  });
  if (!found) {
    parts_.log.error("layers", cat("looking for layers: ", found.error().message));
    co_return;
  }
  for (const auto& [layer, project] : *found) {
    charge(layer, project);
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
  std::set<std::string> named;
  for (const SandboxPtr& sandbox : parts_.table.all()) {
    named.merge(namesIn(sandbox->record));
  }
  for (const auto& [name, snapshot] : snapshots) {
    named.merge(namesIn(snapshot.source));
  }
  std::vector<std::string> unnamed;
  std::ranges::copy_if(*there, std::back_inserter(unnamed),
                       [&named](const std::string& layer) { return !named.contains(layer); });
  co_await release(std::move(unnamed));
}

}  // namespace ak::manager
