#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "model/sandbox.h"

// A sandbox in the shape of SandboxState, the file that other implementations of this API keep for
// each of theirs. Included by .cc files of codecs and of the import.
namespace ak::model {

// Every key of SandboxState that its owner would write, what was kept aside of an import, and what
// ours have beside: status, permissions, limits in force, image digest. What only a running sandbox
// has is null for any other.
nlohmann::json sandboxState(const SandboxRecord& record, SandboxStatus status);

// What such a file says, and what of it cannot be had here.
struct ReadState {
  // Without permissions, and without a uuid when it has none; `backend` is "" for "the default
  // one", else in lower case. `kept_aside` has every member that no other one stands for.
  SandboxRecord record;
  std::uint32_t vcpus = 0;
  std::uint64_t memory_mb = 0;
  std::vector<std::string> notes;  // a sentence each, for people
};

// Six keys are required: name, image, vcpus, memory_mb, vsock_cid, created_at. InvalidArgument
// names the key that is missing or wrong; Unsupported the one that holds a secret's value, which
// belongs into a vault and not into a record. Unknown keys are no error. Times are kept as text,
// whatever they say.
Result<ReadState> readSandboxState(const nlohmann::json& body);

// Was its machine saved to disk, by the implementation that it came from?
bool isPaused(const SandboxRecord& record);

// Unsupported for a sandbox that was imported with something that it would now start without:
// names it.
Status startableHere(const SandboxRecord& record);

}  // namespace ak::model
