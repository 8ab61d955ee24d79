// Jobs with real agents, the real store and real files: what is recorded, what survives, what is
// bounded.
#include "manager/job_keeper.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "manager/testing/bench.h"
#include "net/task_group.h"
#include "sys/file.h"

namespace ak::manager {
namespace {

using model::JobStatus;
using ::testing::HasSubstr;
using End = manager::testing::Bench::End;

class JobKeeperTest : public ::testing::Test {
 protected:
  JobKeeper& keeper() { return bench_.lifecycle().jobs(); }

  Result<model::JobRecord> tryStart(const SandboxPtr& box, const std::string& script) {
    model::JobRecord job;
    job.command = {"/bin/sh", "-c", script};
    wire::ExecRequest exec;
    exec.argv = job.command;
    exec.close_stdin = true;
    return bench_.wait(keeper().start(box, std::move(job), std::move(exec)));
  }

  std::string start(const SandboxPtr& box, const std::string& script) {
    const auto job = tryStart(box, script);
    EXPECT_TRUE(job) << job.error().message;
    return job ? job->id : std::string();
  }

  model::JobRecord find(const SandboxPtr& box, const std::string& id) {
    auto job = bench_.wait(keeper().find(box, id));
    EXPECT_TRUE(job) << job.error().message;
    return job.value_or(model::JobRecord());
  }

  // Until it is over.
  model::JobRecord finished(const SandboxPtr& box, const std::string& id) {
    auto work = [&]() -> net::Task<void> {
      while (box->jobs.contains(id) || box->adopting) {
        co_await box->changed.wait();
      }
    };
    bench_.wait(work());
    return find(box, id);
  }

  std::string log(const SandboxPtr& box, const std::string& id) {
    std::string text;
    for (std::uint64_t at = 0;;) {
      const auto piece =
          readJobLog(keeper().directoryOf(box->record.uuid, id), JobChannel::Stdout, at, 1 << 20);
      if (!piece || piece->data.empty()) {
        return text;
      }
      if (piece->missing != 0) {
        text += cat("[", piece->missing, "]");
      }
      text += piece->data;
      at = piece->next;
    }
  }

  // A FIFO that a job reads from: it goes on when the test says so.
  std::string gate(const std::string& name) {
    const std::string path = cat(bench_.directory(), "/", name);
    EXPECT_EQ(::mkfifo(path.c_str(), 0666), 0);
    return path;
  }

  static void openGate(const std::string& path) {
    const auto fd = sys::openPath(path, O_RDWR);  // does not wait for the reader
    ASSERT_TRUE(fd && sys::writeAll(fd->get(), "go\n"));
    gates().push_back(fd->duplicate().value());
  }

  static std::vector<sys::OwnedFd>& gates() {
    static std::vector<sys::OwnedFd> open;
    return open;
  }

  ~JobKeeperTest() override { gates().clear(); }

  testing::Bench bench_;
};

TEST_F(JobKeeperTest, AJobIsOnRecordWithItsLogFromItsStartToItsEnd) {
  const SandboxPtr box = bench_.make("box");
  const std::string go = gate("go");
  const std::string id = start(box, cat("echo one; read x < ", go, "; echo two; exit 3"));
  EXPECT_EQ(find(box, id).status, JobStatus::Running);
  EXPECT_GT(find(box, id).pid, 0);
  openGate(go);
  const model::JobRecord job = finished(box, id);
  EXPECT_EQ(job.status, JobStatus::Failed);
  EXPECT_EQ(job.outcome->exit_code, 3);
  EXPECT_EQ(job.stdout_bytes, 8U);
  EXPECT_EQ(log(box, id), "one\ntwo\n");
  EXPECT_EQ(id.size(), 8U);
}

TEST_F(JobKeeperTest, WhatCannotStartLeavesNoRecord) {
  const SandboxPtr box = bench_.make("box");
  model::JobRecord job;
  job.command = {"/no/such/program"};
  wire::ExecRequest exec;
  exec.argv = job.command;
  exec.close_stdin = true;
  const auto started = bench_.wait(keeper().start(box, std::move(job), std::move(exec)));
  EXPECT_EQ(started.error().code, ErrorCode::CommandNotFound);
  EXPECT_TRUE(bench_.wait(keeper().list(box))->empty());
}

TEST_F(JobKeeperTest, TheNextDaemonHasTheWholeLogAndTheRightExitCode) {
  const SandboxPtr box = bench_.make("box");
  const std::string go = gate("go");
  const std::string runs = start(box, cat("echo one; read x < ", go, "; echo two; exit 5"));
  const std::string ends = start(box, "echo early; exit 6");
  bench_.restartDaemon(End::Killed);
  const SandboxPtr again = bench_.find("box");
  EXPECT_EQ(finished(again, ends).outcome->exit_code, 6);
  EXPECT_EQ(log(again, ends), "early\n");
  EXPECT_EQ(find(again, runs).status, JobStatus::Running);
  openGate(go);
  EXPECT_EQ(finished(again, runs).outcome->exit_code, 5);
  EXPECT_EQ(log(again, runs), "one\ntwo\n");
  // And the one after it has it from the books.
  bench_.restartDaemon(End::Orderly);
  EXPECT_EQ(find(bench_.find("box"), runs).outcome->exit_code, 5);
}

// Whoever asks waits for what has ended, and is told nothing that is no longer true.
TEST_F(JobKeeperTest, WhoAsksTheNextDaemonSeesWhatHasEndedMeanwhile) {
  const SandboxPtr box = bench_.make("box");
  const std::string id = start(box, "exit 7");
  auto ended = [&]() -> net::Task<void> {
    for (;;) {
      const auto listed = co_await box->agent->listJobs();
      if (!listed || listed->empty() || listed->front().ended) {
        co_return;
      }
    }
  };
  bench_.alterDatabase(
      "CREATE TRIGGER full BEFORE UPDATE ON jobs BEGIN SELECT RAISE(ABORT, 'full'); END;");
  bench_.wait(ended());
  bench_.restartDaemon(End::Killed);
  bench_.alterDatabase("DROP TRIGGER full;");
  bench_.restartDaemon(End::Killed);
  EXPECT_EQ(find(bench_.find("box"), id).outcome.value_or(model::ExecOutcome()).exit_code, 7);
}

TEST_F(JobKeeperTest, AStoppedSandboxLosesWhatRunsAndKeepsRecordsAndLogs) {
  const SandboxPtr box = bench_.make("box");
  const std::string done = start(box, "echo done");
  finished(box, done);
  const std::string id = start(box, "echo up; exec sleep 1000");
  auto printed = [&]() -> net::Task<void> {
    while (box->jobs.at(id)->record.stdout_bytes == 0) {
      co_await box->jobs.at(id)->changed.wait();
    }
  };
  bench_.wait(printed());
  ASSERT_TRUE(bench_.wait(bench_.lifecycle().stop(box, "stopped by request")));
  EXPECT_EQ(find(box, id).status, JobStatus::Lost);
  EXPECT_THAT(find(box, id).reason, HasSubstr("stopped by request"));
  EXPECT_FALSE(find(box, id).outcome);
  EXPECT_EQ(find(box, done).status, JobStatus::Completed);
  EXPECT_EQ(log(box, id), "up\n");
  ASSERT_TRUE(bench_.wait(bench_.lifecycle().restart(box)));
  EXPECT_EQ(bench_.wait(keeper().list(box))->size(), 2U);
  EXPECT_EQ(finished(box, start(box, "exit 1")).outcome->exit_code, 1);
}

// Its row is written while its sandbox ends: it gets no end that it never had.
TEST_F(JobKeeperTest, ASandboxIsNotSettledUnderAJobThatIsBeingStarted) {
  const SandboxPtr box = bench_.make("box");
  std::vector<std::string> ended;
  keeper().onEnded(
      [&](const SandboxPtr&, const model::JobRecord& job) { ended.push_back(job.id); });
  auto other = store::Database::open(bench_.directory() + "/state.db");
  ASSERT_TRUE(other && other->execute("BEGIN IMMEDIATE"));  // whoever writes waits
  net::TaskGroup both(bench_.executor());
  both.spawn([](JobKeeper& keeper, SandboxPtr sandbox) -> net::Task<void> {
    model::JobRecord job;
    job.command = {"/bin/true"};
    wire::ExecRequest exec;
    exec.argv = job.command;
    exec.close_stdin = true;
    EXPECT_FALSE(co_await keeper.start(std::move(sandbox), std::move(job), std::move(exec)));
  }(keeper(), box));
  both.spawn([](Lifecycle& lifecycle, SandboxPtr sandbox) -> net::Task<void> {
    EXPECT_TRUE(co_await lifecycle.remove(std::move(sandbox)));
  }(bench_.lifecycle(), box));
  const auto rest = [&]() -> net::Task<void> {
    while (box->status != model::SandboxStatus::Stopped) {
      co_await box->changed.wait();
    }
    EXPECT_TRUE(other->execute("COMMIT"));
    co_await both.join();
  };
  bench_.wait(rest());
  EXPECT_TRUE(ended.empty());
  EXPECT_TRUE(std::filesystem::is_empty(bench_.directory() + "/sandboxes"));
}

// Its sandbox was stopped while no disk took the end; it does not seem to run in the next box.
TEST_F(JobKeeperTest, WhatCouldNotBeRecordedAtTheStopIsRecordedBeforeTheNextStart) {
  const SandboxPtr box = bench_.make("box");
  const std::string id = start(box, "exec sleep 1000");
  bench_.alterDatabase(
      "CREATE TRIGGER full BEFORE UPDATE ON jobs BEGIN SELECT RAISE(ABORT, 'full'); END;");
  ASSERT_TRUE(bench_.wait(bench_.lifecycle().stop(box, "test")));
  EXPECT_EQ(find(box, id).status, JobStatus::Running);
  bench_.alterDatabase("DROP TRIGGER full;");
  ASSERT_TRUE(bench_.wait(bench_.lifecycle().restart(box)));
  EXPECT_EQ(find(box, id).status, JobStatus::Lost);
}

TEST_F(JobKeeperTest, JobsWhoseSandboxDiedWithTheDaemonAreLost) {
  const SandboxPtr box = bench_.make("box");
  const std::string id = start(box, "exec sleep 1000");
  ::kill(box->record.pid, SIGKILL);
  bench_.restartDaemon(End::Killed);
  EXPECT_EQ(find(bench_.find("box"), id).status, JobStatus::Lost);
}

TEST_F(JobKeeperTest, ANewSandboxOfTheSameNameHasNone) {
  const SandboxPtr box = bench_.make("box");
  const std::string id = start(box, "echo secret");
  finished(box, id);
  const std::string directory = keeper().directoryOf(box->record.uuid, id);
  ASSERT_TRUE(bench_.wait(bench_.lifecycle().remove(box)));
  EXPECT_FALSE(std::filesystem::exists(directory));
  const SandboxPtr other = bench_.make("box");
  EXPECT_TRUE(bench_.wait(keeper().list(other))->empty());
  EXPECT_EQ(bench_.wait(keeper().find(other, id)).error().code, ErrorCode::NotFound);
}

TEST_F(JobKeeperTest, ASandboxIsInUseAsLongAsAJobRuns) {
  const SandboxPtr box = bench_.make("box", {.lifecycle = {.auto_stop_after_seconds = 60}});
  const std::string go = gate("go");
  const std::string id = start(box, cat("read x < ", go));
  auto drained = [&]() -> net::Task<void> { co_await net::yield(); };
  bench_.wait(drained());
  bench_.clock.advance(std::chrono::hours(1));
  EXPECT_TRUE(bench_.wait(bench_.lifetimes().reconcile(true)).actions.empty());
  openGate(go);
  finished(box, id);
  bench_.clock.advance(std::chrono::seconds(59));
  EXPECT_TRUE(bench_.wait(bench_.lifetimes().reconcile(true)).actions.empty());
  // Reading is no use.
  (void)find(box, id);
  (void)bench_.wait(keeper().list(box));
  bench_.clock.advance(std::chrono::seconds(2));
  EXPECT_EQ(bench_.wait(bench_.lifetimes().reconcile(true)).actions.size(), 1U);
}

TEST_F(JobKeeperTest, OneMoreTakesThePlaceOfTheOldestThatHasEnded) {
  const SandboxPtr box = bench_.make("box");
  const std::string runs = start(box, "exec sleep 1000");
  const std::string oldest = start(box, "echo oldest");
  finished(box, oldest);
  for (std::size_t i = 2; i < wire::kMaxJobs; ++i) {
    finished(box, start(box, "true"));
  }
  start(box, "true");
  const auto jobs = bench_.wait(keeper().list(box));
  EXPECT_EQ(jobs->size(), wire::kMaxJobs);
  EXPECT_EQ(jobs->front().id, runs) << "what runs stays";
  EXPECT_EQ(bench_.wait(keeper().find(box, oldest)).error().code, ErrorCode::NotFound);
  EXPECT_FALSE(std::filesystem::exists(keeper().directoryOf(box->record.uuid, oldest)));
}

TEST_F(JobKeeperTest, AJobThatNobodyWasToldOfIsEndedByTheNextDaemon) {
  const SandboxPtr box = bench_.make("box");
  const std::string id = start(box, "exec sleep 1000");
  bench_.alterDatabase("DELETE FROM jobs;");
  bench_.restartDaemon(End::Killed);
  const SandboxPtr again = bench_.find("box");
  auto gone = [&]() -> net::Task<std::size_t> {
    while (again->adopting) {
      co_await again->changed.wait();
    }
    const auto listed = co_await again->agent->listJobs();
    co_return listed ? listed->size() : 99;
  };
  EXPECT_EQ(bench_.wait(gone()), 0U);
  EXPECT_TRUE(bench_.wait(keeper().list(again))->empty());
}

// The daemon before may have died between putting its end into the books and telling the agent.
TEST_F(JobKeeperTest, WhatARecordedJobLeftRunningStaysUnderTheNextDaemon) {
  const SandboxPtr box = bench_.make("box");
  const std::string out = gate("server");
  const auto server = sys::openPath(out, O_RDONLY | O_NONBLOCK);
  bench_.alterDatabase(
      "CREATE TRIGGER full BEFORE UPDATE ON jobs BEGIN SELECT RAISE(ABORT, 'full'); END;");
  const std::string id = start(box, cat("(echo up; exec sleep 1000) > ", out, " 2>&1 &"));
  finished(box, id);
  bench_.alterDatabase(
      "DROP TRIGGER full;"
      "UPDATE jobs SET running = 0, body = json_set(body, '$.status', 'completed');");
  bench_.restartDaemon(End::Killed);
  const SandboxPtr again = bench_.find("box");
  const auto known = [&]() -> net::Task<std::size_t> {
    while (again->adopting) {
      co_await again->changed.wait();
    }
    const auto all = co_await again->agent->listJobs();
    co_return all ? all->size() : 99;
  };
  EXPECT_EQ(bench_.wait(known()), 0U);
  pollfd state{server->get(), POLLIN, 0};
  char text[8];
  EXPECT_EQ(::poll(&state, 1, 10'000), 1);
  EXPECT_EQ(::read(server->get(), text, sizeof text), 3);
  EXPECT_EQ(::poll(&state, 1, 0), 0) << "it was ended";
}

TEST_F(JobKeeperTest, ARecordWhoseJobWasNeverStartedIsLost) {
  const SandboxPtr box = bench_.make("box");
  bench_.alterDatabase(
      cat("INSERT INTO jobs (sandbox, id, running, body) VALUES ('", box->record.uuid,
          R"(', '0000000a', 1, '{"id":"0000000a","status":"running","command":["true"]}');)"));
  bench_.restartDaemon(End::Killed);
  const SandboxPtr again = bench_.find("box");
  EXPECT_EQ(finished(again, "0000000a").status, JobStatus::Lost);
}

TEST_F(JobKeeperTest, MuchOutputIsKeptInBounds) {
  const SandboxPtr box = bench_.make("box");
  const std::string id = start(box, "head -c 100000000 /dev/zero | tr '\\0' x; echo end");
  const model::JobRecord job = finished(box, id);
  EXPECT_EQ(job.stdout_bytes, 100'000'004U);
  std::uintmax_t kept = 0;
  for (const auto& file :
       std::filesystem::directory_iterator(keeper().directoryOf(box->record.uuid, id))) {
    kept += file.file_size();
  }
  EXPECT_LE(kept, JobLog::kSegment * JobLog::kSegments);
  const std::string text = log(box, id);
  EXPECT_TRUE(text.starts_with(cat("[", 100'000'004 - kept, "]xxx")));
  EXPECT_TRUE(text.ends_with("xend\n"));
}

}  // namespace
}  // namespace ak::manager
