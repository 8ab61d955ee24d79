#pragma once

#include <chrono>
#include <optional>

#include "base/clock.h"
#include "manager/sandbox.h"
#include "policy/lifecycle.h"

namespace ak::manager {

// How long sandboxes have been idle or archived, and whether their time has come. Records keep wall
// times, for people and for the next daemon; here they become points of the steady clock once, when
// a sandbox is met. Setting the wall clock forward then deletes nothing, and setting it back keeps
// nothing idle for ever.
class Timekeeper {
 public:
  // A sandbox whose time is up stays for so long, in which it can still be extended.
  static constexpr std::chrono::seconds kGrace{60};

  explicit Timekeeper(const Clock& clock) : clock_(clock) {}

  // Reads the record's texts. A text that is no time, or one of the future, counts as now.
  void meet(Sandbox& sandbox) const;
  // It is used now. Changes the record, which the caller may save later.
  void touch(Sandbox& sandbox) const;
  // A command, stream or file operation begins and ends: it is not idle meanwhile.
  void enter(Sandbox& sandbox) const;
  void leave(Sandbox& sandbox) const;
  // After its expiry or archive time was changed.
  void readAgain(Sandbox& sandbox) const;

  // Its end is at least `grace` past, by both clocks.
  bool expired(const Sandbox& sandbox, std::chrono::seconds grace) const;
  policy::LifecycleSubject subject(const Sandbox& sandbox) const;
  // From now until the first thing that could happen to it by itself; nothing if nothing will.
  std::optional<std::chrono::seconds> due(const Sandbox& sandbox, std::chrono::seconds grace) const;
  // To the end of its time and the grace, by the clock that says more; nothing without an end.
  std::optional<std::chrono::seconds> left(const Sandbox& sandbox,
                                           std::chrono::seconds grace) const;

 private:
  SteadyTime pointOf(const std::string& text) const;
  std::chrono::seconds since(SteadyTime point) const;

  const Clock& clock_;
};

}  // namespace ak::manager
