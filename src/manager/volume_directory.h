#pragma once

#include <string>
#include <vector>

#include "base/result.h"

// <state>/volumes/<uuid>/ with data/ and, where a limit needs one, a disk image: a volume's files.
// While it is made its name is <uuid>.new, while it is removed <uuid>.gone; whether there is such a
// volume, only the store says. Blocking.
namespace ak::manager {

std::string volumePath(const std::string& state_directory, const std::string& uuid);

// A fresh directory, under the name of one that is being made. Returns its path.
Result<std::string> makeVolumeDirectory(const std::string& state_directory,
                                        const std::string& uuid);
// Of a fresh one with a disk image: shows that it can be mounted here, and leaves nothing in it.
Status prepareVolumeImage(const std::string& path);
// It survives a power cut, still under that name.
Status saveVolumeDirectory(const std::string& state_directory, const std::string& uuid);

// Gives it its own name, whichever it has: when the store says that the volume is there. NotFound
// when it has none.
Status keepVolumeDirectory(const std::string& state_directory, const std::string& uuid);
// Gives it the name of one that is being removed; that survives a power cut.
Status setVolumeAside(const std::string& state_directory, const std::string& uuid);

// Removes the directory with this name (of the two that are not a volume's own). Guests made what
// is in it, so nothing in it is followed.
Status removeVolumeDirectory(const std::string& state_directory, const std::string& name);

// All names, of whatever is there.
Result<std::vector<std::string>> listVolumeDirectories(const std::string& state_directory);

inline constexpr const char* kBeingMade = ".new";
inline constexpr const char* kBeingRemoved = ".gone";

}  // namespace ak::manager
