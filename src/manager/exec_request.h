#pragma once

#include "model/run_request.h"
#include "model/sandbox.h"
#include "wire/exec.h"

namespace ak::manager {

// What the agent is asked, with what the sandbox's record says where the request says nothing.
wire::ExecRequest execRequestOf(const model::SandboxRecord& record, model::ExecRequest request);

}  // namespace ak::manager
