#include "model/job.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "model/job_json.h"
#include "model/signal_name.h"

namespace ak::model {
namespace {

JobRecord running() {
  JobRecord job;
  job.id = "0123abcd";
  job.command = {"sh", "-c", "echo \"a  b\" '$(id)'"};
  job.pid = 7;
  job.started_at = *parseTime("2026-01-02T03:04:05.000006Z");
  return job;
}

TEST(JobTest, ItsStatusFollowsFromItsOutcome) {
  JobRecord job = running();
  finish(job, {});
  EXPECT_EQ(job.status, JobStatus::Completed);
  finish(job, {.exit_code = 3});
  EXPECT_EQ(job.status, JobStatus::Failed);
  // One that was killed has failed, whatever it made of SIGTERM.
  finish(job, {.exit_code = 0, .killed = true});
  EXPECT_EQ(job.status, JobStatus::Failed);
  EXPECT_EQ(job.outcome->exit_code, 137);
  finish(job, {.exit_code = 143, .signal = 15, .killed = true});
  EXPECT_EQ(job.outcome->exit_code, 137);
  EXPECT_EQ(job.outcome->signal, 15);
}

TEST(JobTest, JsonGoesThereAndBack) {
  JobRecord job = running();
  EXPECT_EQ(*jobRecordFromJson(toJson(job)), job);
  EXPECT_TRUE(toJson(job)["exit_code"].is_null());
  finish(job,
         {.exit_code = 137, .signal = 9, .timed_out = true, .killed = true, .out_of_memory = true});
  job.main = true;
  job.terminal = true;
  job.stdout_bytes = std::uint64_t{1} << 40U;
  job.stderr_bytes = 2;
  job.ended_at = job.started_at;
  EXPECT_EQ(*jobRecordFromJson(toJson(job)), job);
  job.status = JobStatus::Lost;
  job.outcome.reset();
  job.reason = "stopped by request";
  EXPECT_EQ(*jobRecordFromJson(toJson(job)), job);
}

TEST(JobTest, WrongTypesAreErrors) {
  for (const char* text : {R"({})", R"({"status":"gone"})", R"({"status":"running","command":"x"})",
                           R"({"status":"running","exit_code":256})", "[]"}) {
    EXPECT_FALSE(jobRecordFromJson(nlohmann::json::parse(text))) << text;
  }
}

TEST(SignalNameTest, NamesAndNumbersAreUnderstood) {
  EXPECT_EQ(*parseSignal("TERM"), 15);
  EXPECT_EQ(*parseSignal("sigusr1"), 10);
  EXPECT_EQ(*parseSignal("SYS"), 31);
  EXPECT_EQ(*parseSignal("64"), 64);
  for (const char* word : {"", "0", "65", "-1", "TEM", "SIG", "9x"}) {
    EXPECT_EQ(parseSignal(word).error().code, ErrorCode::InvalidArgument) << word;
  }
  EXPECT_EQ(parseSignal("TEM").error().remedy, "Did you mean 'TERM'?");
}

}  // namespace
}  // namespace ak::model
