#include "model/job_json.h"

#include <limits>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "model/json_fields.h"

namespace ak::model {

using nlohmann::json;

json toJson(const JobRecord& job) {
  const ExecOutcome outcome = job.outcome.value_or(ExecOutcome{});
  json body = {{"id", job.id},
               {"command", job.command},
               {"main", job.main},
               {"terminal", job.terminal},
               {"pid", job.pid},
               {"status", name(job.status)},
               {"exit_code", nullptr},
               {"signal", nullptr},
               {"timed_out", outcome.timed_out},
               {"killed", outcome.killed},
               {"out_of_memory", outcome.out_of_memory},
               {"stdout_bytes", job.stdout_bytes},
               {"stderr_bytes", job.stderr_bytes},
               {"started_at", formatTime(job.started_at)},
               {"ended_at", nullptr}};
  if (job.outcome) {
    body["exit_code"] = outcome.exit_code;
    if (outcome.signal != 0) {
      body["signal"] = outcome.signal;
    }
  }
  if (job.ended_at) {
    body["ended_at"] = formatTime(*job.ended_at);
  }
  if (!job.reason.empty()) {
    body["reason"] = isUtf8(job.reason) ? job.reason : printable(job.reason);
  }
  return body;
}

namespace {

void readOutcome(JsonFields& fields, std::optional<ExecOutcome>& result) {
  std::optional<int> exit_code;
  fields.number("exit_code", exit_code, 255);
  if (!exit_code) {
    return;
  }
  ExecOutcome outcome;
  outcome.exit_code = *exit_code;
  fields.number("signal", outcome.signal, 64);
  fields.boolean("timed_out", outcome.timed_out);
  fields.boolean("killed", outcome.killed);
  fields.boolean("out_of_memory", outcome.out_of_memory);
  result = outcome;
}

}  // namespace

Result<JobRecord> jobRecordFromJson(const json& body) {
  JsonFields fields(body, "");
  JobRecord job;
  std::string status;
  std::string started_at;
  std::string ended_at;
  fields.string("id", job.id);
  fields.strings("command", job.command);
  fields.boolean("main", job.main);
  fields.boolean("terminal", job.terminal);
  fields.number("pid", job.pid, std::numeric_limits<std::int32_t>::max());
  fields.string("status", status);
  readOutcome(fields, job.outcome);
  constexpr auto kMost = std::uint64_t{1} << 62U;
  fields.number("stdout_bytes", job.stdout_bytes, kMost);
  fields.number("stderr_bytes", job.stderr_bytes, kMost);
  fields.string("started_at", started_at);
  fields.string("ended_at", ended_at);
  fields.string("reason", job.reason);
  AK_TRY(std::move(fields).status());
  job.status = AK_TRY(parseJobStatus(status));
  job.started_at = parseTime(started_at).value_or(WallTime{});
  if (!ended_at.empty()) {
    job.ended_at = parseTime(ended_at).value_or(WallTime{});
  }
  return job;
}

}  // namespace ak::model
