#pragma once

#include <functional>
#include <string_view>

#include "base/result.h"
#include "channel/agent.h"
#include "manager/manager.h"
#include "model/run_request.h"
#include "net/task.h"

namespace ak::manager {

struct PumpOptions {
  bool terminal = false;
  // Sees all output, also when the client is gone (the output log).
  std::function<void(bool is_error, std::string_view data)> tap;
};

// Carries output, input, resizes and signals between a running exec and its client until the
// command has ended. A client that leaves ends the command. Holds at most one piece of output: a
// client that does not read stops the guest's writer, nothing else. An Error means that the agent
// is gone, or silent beyond the command's own time (Timeout).
net::Task<Result<model::ExecOutcome>> pump(net::Executor executor,
                                           channel::ExecStream& stream,
                                           ExecSink& sink,
                                           PumpOptions options);

// 128+n for a signal, 124 for a timeout, as shells have it.
model::ExecOutcome outcomeOf(const wire::ExecExit& exit);

}  // namespace ak::manager
