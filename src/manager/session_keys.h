#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "channel/agent.h"
#include "manager/manager.h"
#include "net/task.h"

namespace ak::manager {

// Passes on what one client of a session types, its sizes and its signals, until it leaves: then
// left(). With `joined`, the size of a client that comes to what others began: the program is first
// told to draw anew. Without a terminal (the session has ended) it only waits for the client.
// `terminal` is shared with nobody: a coroutine's argument has to be copied.
net::Task<void> carryKeys(std::shared_ptr<channel::JobTerminal> terminal,
                          ExecSink& sink,
                          std::optional<model::TerminalSize> joined,
                          std::function<void()> left);

}  // namespace ak::manager
