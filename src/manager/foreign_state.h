#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "model/sandbox_state.h"

namespace ak::manager {

// The sandbox files of another implementation: one `NAME.json` each. Nothing of theirs is ever
// changed. Blocking.
struct ForeignFile {
  std::string file;  // its name in the directory
  // Read, with a uuid: its own, else one that is made of its name and its content, so that the
  // same file has the same uuid whenever it is read.
  Result<model::ReadState> state;
  std::string content;  // "" when it could not be read or is too large
};

// Sorted by name; what is not named like one of theirs is passed over. `directory` is where they
// are, or where their `sandboxes` is; one that is not there has none. InvalidArgument for what is
// no directory.
Result<std::vector<ForeignFile>> readForeignState(const std::string& directory);

// How many of them are in our own state directory, without reading them, as long as nobody has
// imported them; 0 for what cannot be listed.
std::size_t countUnseenForeignState(const std::string& state_directory);
Status markForeignStateSeen(const std::string& state_directory);

// Copies what could not be understood to <state>/quarantine, once however often it is read; the
// name of the copy.
Result<std::string> quarantine(const std::string& state_directory, const ForeignFile& file);

}  // namespace ak::manager
