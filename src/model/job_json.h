#pragma once

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "model/job.h"

namespace ak::model {

// {id, command, pid, status, exit_code, signal, timed_out, killed, out_of_memory, stdout_bytes,
// stderr_bytes, started_at, ended_at, reason?, main}; exit_code, signal and ended_at are null as
// long as there are none. The sandbox is not among them: callers know it.
nlohmann::json toJson(const JobRecord& job);
Result<JobRecord> jobRecordFromJson(const nlohmann::json& body);

}  // namespace ak::model
