#pragma once

#include <optional>
#include <string>

#include "backend/native/native_backend.h"
#include "net/async_fd.h"
#include "net/event.h"

namespace ak::backend {

// A live box as the daemon sees it.
struct NativeBackend::Box {
  Box(net::Executor executor, sys::OwnedFd pid_fd)
      : process(executor, std::move(pid_fd)), changed(executor) {}

  std::string id;      // of the sandbox
  std::string box_id;  // of the launcher; a pooled box has one of its own
  std::string runtime_directory;
  net::AsyncFd process;                 // pidfd
  net::Event changed;                   // gone or reported
  std::optional<model::BoxExited> how;  // the launcher's report
  std::int32_t launcher_pid = 0;        // of the launcher that made it; 0: one that is gone
  bool stopping = false;
  bool holds_names = false;  // in a writable workspace, until its launcher has cleaned up
  bool gone = false;
};

}  // namespace ak::backend
