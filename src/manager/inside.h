#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "channel/agent.h"
#include "net/task.h"

// Commands of ours in a sandbox, as uid 0 there, to their end.
namespace ak::manager {

struct InsideCommand {
  std::vector<std::string> argv;
  std::string directory = "/";
  std::uint32_t limit_ms = 10'000;
};

struct Ran {
  int code = 0;        // as shells have it; 124 timed out
  std::string output;  // both streams; of a long one the end
};

inline constexpr std::size_t kMaxInsideOutput = std::size_t{256} * 1024;

net::Task<Result<Ran>> runInside(channel::Agent& agent, InsideCommand command);

// The two halves of it, for who may want to end the command in between (ExecControl::Kill).
net::Task<Result<std::unique_ptr<channel::ExecStream>>> startInside(channel::Agent& agent,
                                                                    InsideCommand command);
net::Task<Result<Ran>> finishInside(channel::ExecStream& command);
// Beside finishInside(), which then says how it ended.
net::Task<void> killInside(channel::ExecStream& command);

}  // namespace ak::manager
