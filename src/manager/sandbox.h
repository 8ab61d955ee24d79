#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "backend/backend.h"
#include "forward/forwarder.h"
#include "manager/output_log.h"
#include "model/sandbox.h"
#include "net/event.h"
#include "policy/admission.h"

namespace ak::manager {

struct LiveJob;

// A sandbox that the daemon knows: its record and, while it runs, its live parts. Shared by the
// manager's tables and by the coroutines that run or exec in it, so that a removal in the middle of
// an exec leaves the exec something to fail on.
struct Sandbox {
  explicit Sandbox(net::Executor executor) : changed(std::move(executor)) {}

  model::SandboxRecord record;
  model::SandboxStatus status = model::SandboxStatus::Stopped;
  bool durable = false;    // has a row in the store
  bool busy = false;       // something changes it; others wait
  bool elsewhere = false;  // of a backend that is not in use here: shown, and left alone
  bool announced = false;  // those who watch know of it
  bool ending = false;     // its box is being ended by us
  unsigned pauses = 0;     // how often it was frozen to be copied
  unsigned enders = 0;     // who want it ended, and wait for nobody's init script
  bool from_pool = false;
  policy::Reservation reserved;

  // Its lifetime on the steady clock (timekeeper.h).
  SteadyTime last_used{};
  std::optional<SteadyTime> expires;
  std::optional<SteadyTime> archived;
  unsigned in_use = 0;         // commands and streams under way
  std::string saved_activity;  // record.lifetime.last_activity_at, as it is in the store

  // While running:
  std::shared_ptr<channel::Agent> agent;  // also held by its own streams
  sys::OwnedFd process;
  sys::OwnedFd changes;  // the workspace's upper layer
  std::optional<OutputLog> log;
  std::shared_ptr<channel::ExecStream> init_script;      // while it runs
  std::map<std::string, std::shared_ptr<LiveJob>> jobs;  // by id; see job_keeper.h
  std::string told_end;                                  // the expires_at that its agent knows of
  bool adopting = false;                                 // its jobs are being found out
  unsigned starting_jobs = 0;  // on record already, or about to be, and not yet in `jobs`
  std::shared_ptr<forward::Forwarder> ports;  // also held until it has ended; see port_keeper.h
  std::vector<std::string> port_problems;     // why some are not published

  // Status, busy or the log have changed. Whoever looks at them over a suspension compares the
  // revision before it waits: a notification in between reaches nobody.
  void notify() {
    ++revision;
    changed.notifyAll();
  }

  std::uint64_t revision = 0;
  net::Event changed;
};

// shared: see above
using SandboxPtr = std::shared_ptr<Sandbox>;

}  // namespace ak::manager
