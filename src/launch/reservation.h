#pragma once

#include <string>
#include <vector>

#include "model/box.h"
#include "sys/owned_fd.h"

namespace ak::launch {

// Names that the guest may not create in a writable workspace and that are missing there: each is
// held by a placeholder (placeholder.h), which the box mounts read-only over itself. They are
// recorded in the runtime directory before they are made, so that recovery can remove them; a name
// held by several boxes goes with the last.
class Reservation {
 public:
  Reservation() = default;

  // What the child mounts, in order; see ClaimPacket::protected_paths.
  const std::string& entries() const { return entries_; }

  // `workspace` is a descriptor of the project on the host. Unsupported when a protected path is
  // reached over a symbolic link.
  static Result<Reservation> make(int runtime,
                                  const std::string& id,
                                  const model::BoxWorkspace& spec,
                                  int workspace);
  // Removes what the box `id` held and its record; nothing recorded is success.
  static void release(int runtime, const std::string& id);

 private:
  std::string entries_;
};

}  // namespace ak::launch
