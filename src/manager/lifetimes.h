#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "manager/lifecycle.h"
#include "manager/upkeep.h"
#include "net/event.h"

namespace ak::manager {

// What is said of sandboxes, and what time does to them: labels, expiry, archive, lifecycle
// policies. All on the loop. A change is durable when it returns, and undone in memory when it
// cannot be made so.
class Lifetimes {
 public:
  static constexpr std::chrono::seconds kGrace = Timekeeper::kGrace;

  Lifetimes(const Foundation& foundation, Lifecycle& lifecycle);

  net::Task<Status> update(SandboxPtr sandbox, SandboxUpdate update);
  net::Task<Status> extend(SandboxPtr sandbox, std::uint64_t seconds);
  // Stops it first. Archiving an archived one changes nothing.
  net::Task<Status> archive(SandboxPtr sandbox, std::string reason);
  // Takes it out of archive or dormancy; it can then be started. Else only counts as a use.
  net::Task<Status> unarchive(SandboxPtr sandbox);

  // Removes what has expired, also what runs. One that fails is reported and stops no other.
  net::Task<Collected> collect(CollectRequest request);
  net::Task<Reconciled> reconcile(bool dry_run);

  // Does both by itself when something is due, and saves when sandboxes were last used. Until it is
  // cancelled.
  net::Task<void> automate();
  // One round of that; how many things could not be done.
  net::Task<std::size_t> lookOnce();
  // This sandbox's time may have come nearer.
  void consider(const Sandbox& sandbox);

  // Saves the last stamps, at the daemon's end, when nothing is used any more.
  net::Task<void> close();

 private:
  friend class InUse;

  // What the timer does is told to the witness, what somebody asked for by whoever asked.
  enum class By : bool { Request, Timer };
  void tell(By by,
            const policy::LifecycleDecision& decided,
            const Sandbox& on,
            const Status& done) const;
  net::Task<Status> act(SandboxPtr sandbox, const policy::LifecycleDecision& decision);
  net::Task<Collected> collectFor(By by, CollectRequest request);
  net::Task<Reconciled> reconcileFor(By by, bool dry_run);
  net::Task<void> saveStamps();
  SteadyTime dueTime(const Sandbox& sandbox) const;

  const Foundation& foundation_;
  Lifecycle& lifecycle_;
  const Timekeeper& timekeeper_;
  net::Event sooner_;
  SteadyTime look_at_{};  // when automate() looks again
  SteadyTime save_at_{};  // and when it saves stamps at the earliest
};

// A command, stream or file operation in a sandbox: it is not idle meanwhile. Costs nothing for a
// sandbox that ends with its command.
class InUse {
 public:
  InUse(Lifetimes& lifetimes, SandboxPtr sandbox);
  ~InUse();
  InUse(const InUse&) = delete;
  InUse& operator=(const InUse&) = delete;

 private:
  Lifetimes& lifetimes_;
  SandboxPtr sandbox_;
};

}  // namespace ak::manager
