#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "launch/reservation.h"
#include "model/box.h"
#include "os/cgroup.h"
#include "sys/owned_fd.h"

namespace ak::launch {

// The layer that a box writes to: root/ and work/ with a work directory of overlayfs each. Both
// descriptors name the same directory; `shown` goes through the box's id range, `raw` does not.
struct Writable {
  sys::OwnedFd shown;
  sys::OwnedFd raw;
  bool temporary = false;  // a tmpfs of the box; else it outlives it
};

// A user namespace that shows files of one user and group as the root's of one box.
struct Owner {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  sys::OwnedFd user_namespace;  // invalid: not made
};

// What joins a box with network `full` to the host (network.h); both invalid otherwise.
struct Network {
  sys::OwnedFd process;  // pidfd of the helper
  sys::OwnedFd log;
};

// A box as the launcher sees it. Destroying the value ends nothing: BoxMaker::kill() does.
struct Box {
  // SettingUp until its child reports that it is Parked; Starting from the moment it has its
  // identity (which may come before it is parked) until the agent is executed.
  enum class State : std::uint8_t { SettingUp, Parked, Starting, Live };

  std::string id;
  State state = State::SettingUp;
  pid_t pid = -1;
  std::uint64_t start_ticks = 0;
  sys::OwnedFd pidfd;
  sys::OwnedFd control;  // to the child, until it execs
  sys::OwnedFd user_namespace;
  model::IdRange ids;
  model::Limits limits;
  std::vector<model::EnforcedLimit> enforced;
  model::BoxPhases phases;
  std::chrono::steady_clock::time_point phase_began;
  os::BoxCgroup cgroup;
  // While its processes are frozen for a copy of its files: when they go on by themselves.
  std::optional<std::chrono::steady_clock::time_point> thaws;
  Writable writable;
  sys::OwnedFd changes;  // directory of what the workspace's guest writes; for the daemon
  Owner owner;
  Network network;
  Reservation reservation;
  bool recorded = false;

  // Time since the last lap or the phase's begin, in microseconds.
  std::uint32_t lap() {
    const auto now = std::chrono::steady_clock::now();
    const auto spent = std::chrono::duration_cast<std::chrono::microseconds>(now - phase_began);
    phase_began = now;
    return static_cast<std::uint32_t>(spent.count());
  }
};

}  // namespace ak::launch
