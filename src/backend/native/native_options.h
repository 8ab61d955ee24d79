#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"
#include "model/box.h"
#include "net/task.h"
#include "observe/log.h"

namespace ak::backend {

// What main decides for the native backend.
struct NativeOptions {
  std::string agent_program;      // absolute path of ak-agent
  std::string launcher_program;   // absolute path of ak-launcher
  std::string runtime_directory;  // 0700, short: launcher.sock and its scratch mount
  // Parent of all StartRequest::runtime_directory; sweep() removes what nobody keeps.
  std::string sandboxes_directory;
  // BPF that agent and guest run under, compiled by policy; never empty.
  std::string base_filter;

  std::uint32_t pool_size = 2;  // warm boxes for each kind of request
  std::uint32_t pool_max = 8;   // warm boxes in all; 0: no pool
  // Id ranges of parked boxes come from the one who gives them to all sandboxes. On a hit the
  // parked box's range becomes the sandbox's (Started::ids) and the request's own goes back.
  std::function<Result<model::IdRange>()> take_ids;
  std::function<void(const model::IdRange&)> return_ids;

  std::chrono::milliseconds start_limit{15000};
  const observe::Log* log = nullptr;  // outlives the backend
};

}  // namespace ak::backend
