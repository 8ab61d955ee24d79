#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/box.h"
#include "sys/owned_fd.h"

// Frozen layers on disk: <state>/layers/<id>/ is what once was the layer/ directory of a sandbox
// (model/layer_names.h) and never changes again, so that any number of sandboxes may stand on it.
// Blocking.
//
// Freezing the writable directory of a stopped sandbox moves nothing but names, in three steps of
// which the second, in the store, is the one that counts:
//   prepareFreeze   makes layers/<id> and sandboxes/<uuid>/layer.<id>, both empty
//   (the store)     the sandbox stands on <id>, and is freezing it
//   finishFreeze    renames layer to layers/<id> and layer.<id> to layer
// A crash before the store's leaves two empty directories, which recovery removes; after it,
// recovery finishes, by what it finds: a layer is frozen once layers/<id> holds something. So none
// of this waits for the disk but the store: the record says `freezing` until saveFreeze() has. No
// step after the store's needs room on the disk.
namespace ak::manager {

struct Freeze {
  std::string state_directory;
  std::string uuid;   // of the sandbox, which does not run
  std::string layer;  // its directory's id as a layer
};

Status prepareFreeze(const Freeze& freeze);
// As often as one likes, and with no layer named, nothing. Conflict when the layer holds something
// else.
Status finishFreeze(const Freeze& freeze);
// The same, and waits until it survives a power cut: the record may then forget that it froze.
Status saveFreeze(const Freeze& freeze);
// After prepareFreeze, when the store did not follow.
Status abandonFreeze(const Freeze& freeze);
// What an abandoned freeze left in the sandbox's directory.
Status removeAbandoned(const std::string& state_directory, const std::string& uuid);

std::string frozenLayerPath(const std::string& state_directory, const std::string& layer);
// An empty one, to be filled.
Status makeFrozenLayer(const std::string& state_directory, const std::string& layer);
// Makes what is in it survive a power cut.
Status saveFrozenLayer(const std::string& state_directory, const std::string& layer);
Status removeFrozenLayer(const std::string& state_directory, const std::string& layer);
// All that have a directory, by id.
Result<std::vector<std::string>> listFrozenLayers(const std::string& state_directory);
// For the launcher. Internal, with the layer's id, when one is missing.
Result<std::vector<model::HostPath>> frozenHostPaths(const std::string& state_directory,
                                                     const std::vector<std::string>& layers);
// The project that its files are charged to; 0: none.
std::uint32_t projectOfLayer(const std::string& state_directory, const std::string& layer);

// Did the sandbox write anything since its last freeze? Its directory, and the layer that it stands
// on ("": none). A disk image counts as written.
Result<bool> hasOwnWrites(const std::string& directory, const std::string& below);

}  // namespace ak::manager
