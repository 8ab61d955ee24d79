#pragma once

#include <utility>

#include "manager/snapshots_use.h"

namespace ak::manager {

// A sandbox's files at one moment, as layers.
struct SandboxSnapshots::Cut {
  Cut(LayerKeeper& keeper, SandboxPtr of)
      : sandbox(std::move(of)), record(sandbox->record), hold(keeper, layersOf(sandbox->record)) {}

  SandboxPtr sandbox;
  model::SandboxRecord record;  // with the layers that whoever is made from it stands on
  LayerKeeper::Hold hold;
  Freeze freeze;  // of a new layer; layer "": none was needed
  Pause pause;    // set: `freeze.layer` is a copy, and the sandbox stays as it was
};

}  // namespace ak::manager
