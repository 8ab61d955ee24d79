#pragma once

#include <chrono>
#include <string>

#include "channel/agent.h"
#include "channel/stream_handle.h"

namespace ak::channel {

// The service's answer, which comes before any data.
net::Task<Result<std::string>> replyOf(StreamHandle& stream,
                                       std::chrono::milliseconds limit = kCallLimit);

}  // namespace ak::channel
