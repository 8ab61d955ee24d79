#pragma once

#include <optional>

#include "launch/box.h"
#include "launch/box_mounts.h"
#include "launch/host.h"
#include "model/box_codec.h"

namespace ak::launch {

// Makes, releases and ends boxes. A box that fails on the way leaves nothing behind.
class BoxMaker {
 public:
  explicit BoxMaker(Host& host) : host_(host) {}

  // Everything up to the claim: the child waits, parked, with its capabilities.
  Result<Box> park(const model::BoxSpec& spec);

  struct Released {
    model::BoxStarted started;
    sys::OwnedFd pidfd;
    sys::OwnedFd changes;
  };

  // Gives a parked box its identity; returns once the agent was executed. On failure the box is to
  // be ended.
  Result<Released> release(Box& box, const model::BoxIdentity& identity, int listener);

  // Does for a parked box what its claim will need if the next workspace has the last one's owner.
  void foresee(Box& box);
  // Kills the box; the launcher's loop reaps it.
  void kill(Box& box);
  // After its process 1 was reaped: frees what is left. False when its cgroup still holds
  // processes; then to be tried again.
  bool cleanUp(Box& box);

 private:
  Status clone(const model::BoxSpec& spec, Box& box);
  Status admit(const model::BoxSpec& spec, Box& box);
  Status setUp(const model::BoxSpec& spec, Box& box);

  Host& host_;
  std::optional<WorkspaceOwner> last_owner_;
};

}  // namespace ak::launch
