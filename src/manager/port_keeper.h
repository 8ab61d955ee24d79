#pragma once

#include <functional>
#include <vector>

#include "forward/host_port.h"
#include "manager/sandbox.h"
#include "manager/sandbox_table.h"
#include "manager/timekeeper.h"
#include "net/task_group.h"

namespace ak::manager {

struct Foundation;

// The published ports of sandboxes: taken before the box is made, carried while it runs, taken
// again by the next daemon. A connection is a use of its sandbox. All on the loop.
class PortKeeper {
 public:
  PortKeeper(const Foundation& foundation, const Timekeeper& timekeeper, const SandboxTable& table);

  // No connection uses the sandbox any more.
  using Idle = std::function<void(const Sandbox&)>;

  void onIdle(Idle observer) { on_idle_ = std::move(observer); }

  // All of its ports or none; those that were chosen are in its record then. The error of one that
  // another sandbox has names that.
  Result<std::vector<forward::HostPort>> bind(Sandbox& sandbox) const;
  // Carries them; its agent is there.
  void open(const SandboxPtr& sandbox, std::vector<forward::HostPort> ports);
  // Of one that was found alive, whose ports nobody had meanwhile: those that can be had again. The
  // others are in its port_problems, since it cannot be asked to go. True: its record has changed.
  bool reopen(const SandboxPtr& sandbox);
  // They are free when this returns.
  void close(Sandbox& sandbox);
  // Of all, until nothing of them runs.
  net::Task<void> closeAll();

 private:
  const Sandbox* holderOf(const model::PortMapping& port, const Sandbox& but) const;

  const Foundation& foundation_;
  const Timekeeper& timekeeper_;
  const SandboxTable& table_;
  Idle on_idle_;
  forward::Slots slots_;
  net::TaskGroup closing_;
};

}  // namespace ak::manager
