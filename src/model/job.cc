#include "model/job.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace ak::model {

namespace {

constexpr std::array<std::string_view, 4> kStatusNames = {"running", "completed", "failed", "lost"};

}  // namespace

std::string_view name(JobStatus value) {
  return kStatusNames.at(static_cast<std::size_t>(value));
}

Result<JobStatus> parseJobStatus(std::string_view word) {
  const auto* found = std::ranges::find(kStatusNames, word);
  if (found == kStatusNames.end()) {
    return fail(ErrorCode::InvalidArgument, cat("'", printable(word), "' is no status of a job"));
  }
  return static_cast<JobStatus>(found - kStatusNames.begin());
}

void finish(JobRecord& job, ExecOutcome outcome) {
  if (outcome.killed) {
    outcome.exit_code = kKilledExitCode;
  }
  job.status = outcome.exit_code == 0 ? JobStatus::Completed : JobStatus::Failed;
  job.outcome = outcome;
}

}  // namespace ak::model
