#pragma once

#include "manager/sandbox.h"

namespace ak::manager {

// Until nobody else changes it.
inline net::Task<void> settled(SandboxPtr sandbox) {
  while (sandbox->busy) {
    co_await sandbox->changed.wait();
  }
}

// Marks a sandbox as being worked on, for as long as it lives.
struct Busy {
  explicit Busy(SandboxPtr marked) : sandbox(std::move(marked)) { sandbox->busy = true; }

  ~Busy() {
    sandbox->busy = false;
    sandbox->notify();
  }

  Busy(const Busy&) = delete;
  Busy& operator=(const Busy&) = delete;

  SandboxPtr sandbox;
};

// A job of the sandbox, from before it is on record until it is carried or erased again. Whoever
// settles the sandbox waits for it: else its row would be given an end that it never had, and its
// files be made anew in a directory that is being removed.
struct StartingJob {
  explicit StartingJob(SandboxPtr of) : sandbox(std::move(of)) { ++sandbox->starting_jobs; }

  ~StartingJob() {
    --sandbox->starting_jobs;
    sandbox->notify();
  }

  StartingJob(const StartingJob&) = delete;
  StartingJob& operator=(const StartingJob&) = delete;

  SandboxPtr sandbox;
};

}  // namespace ak::manager
