#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "model/run_request.h"

namespace ak::model {

// Lost: nobody can say how it ended, since its sandbox ended before its agent could.
enum class JobStatus : std::uint8_t { Running, Completed, Failed, Lost };
std::string_view name(JobStatus value);
Result<JobStatus> parseJobStatus(std::string_view word);

// One detached command, for as long as its sandbox is known. Its environment is not kept: there may
// be secrets in it.
struct JobRecord {
  std::string sandbox;  // uuid: a new sandbox of the same name has none of these
  std::string id;       // 8 hex digits
  std::vector<std::string> command;
  // The command that the sandbox was made for: its output is the sandbox's log too.
  bool main = false;
  // A session: it has a terminal, and people come and go.
  bool terminal = false;
  std::int32_t pid = 0;  // in the sandbox
  JobStatus status = JobStatus::Running;
  std::optional<ExecOutcome> outcome;  // Completed and Failed; 137 for one that was killed
  std::uint64_t stdout_bytes = 0;      // that it printed, when it has ended
  std::uint64_t stderr_bytes = 0;
  std::string reason;  // Lost: why
  WallTime started_at{};
  std::optional<WallTime> ended_at;
  bool operator==(const JobRecord&) const = default;
};

// What a killed one has for its exit code, whatever it did about SIGTERM.
inline constexpr int kKilledExitCode = 137;

// Takes the outcome over: the status and the exit code follow from it.
void finish(JobRecord& job, ExecOutcome outcome);

}  // namespace ak::model
