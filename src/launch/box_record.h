#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "sys/process.h"

namespace ak::launch {

// Which boxes were made from this runtime directory: a file each in `boxes/` with its process, made
// before anything else of a box and removed after all of it. A later launcher sweeps these and no
// others: the cgroup tree is shared by every daemon of the machine.
Status recordBox(int runtime, const std::string& id);
Status recordProcess(int runtime, const std::string& id, const sys::ProcessId& process);
// SIGKILL to the recorded process 1, if it is still the very one; its pid namespace ends with it.
void killRecorded(int runtime, const std::string& id);
void forgetBox(int runtime, const std::string& id);
std::vector<std::string> recordedBoxes(int runtime);

// Entries of a directory of records that are named after a box each; none when it is not there.
std::vector<std::string> boxIdsIn(int runtime, const std::string& directory);

}  // namespace ak::launch
