#pragma once

#include <optional>

#include "launch/box.h"
#include "launch/box_mounts.h"
#include "launch/host.h"
#include "launch/network.h"
#include "model/box_codec.h"

namespace ak::launch {

// Makes boxes and gives them their identity without ever waiting for a child: while one sets itself
// up, the launcher makes the next. A box that fails on the way is to be killed; what it leaves is
// freed by cleanUp() once it was reaped.
class BoxMaker {
 public:
  explicit BoxMaker(Host& host) : host_(host) {}

  // Makes the namespaces of a box and ends them: what a start would fail with here. Takes a
  // millisecond.
  static Status tryNamespaces();

  // Clones the child and sends it all that it needs to get parked. On failure nothing is left.
  Result<Box> begin(const model::BoxSpec& spec);

  // Gives the box its identity, parked or on its way there. The box is Starting from here on.
  Status release(Box& box, const model::BoxIdentity& identity, int listener);

  // Reads what the child has reported so far; never blocks. The state becomes Parked or Live when
  // it says so. An error is the box's: it failed a step, or ended.
  Status advance(Box& box);

  // Does for a parked box what its claim will need if the next workspace has the last one's owner.
  void foresee(Box& box);
  // Kills the box; the launcher's loop reaps it.
  void kill(Box& box);
  // After its process 1 was reaped: frees what is left. False when its cgroup still holds
  // processes; then to be tried again.
  bool cleanUp(Box& box);

 private:
  Status clone(const model::BoxSpec& spec, const NetworkPlan& network, Box& box);
  Status admit(const model::BoxSpec& spec, const NetworkPlan& network, Box& box);
  Status setUp(const model::BoxSpec& spec, Box& box);
  void becomeLive(Box& box);

  Host& host_;
  std::optional<WorkspaceOwner> last_owner_;
};

}  // namespace ak::launch
