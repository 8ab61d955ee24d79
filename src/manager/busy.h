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

}  // namespace ak::manager
