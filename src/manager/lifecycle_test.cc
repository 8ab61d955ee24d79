#include "manager/lifecycle.h"

#include <sys/wait.h>

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "manager/testing/bench.h"

namespace ak::manager {
namespace {

using model::SandboxStatus;
using ::testing::HasSubstr;
using End = manager::testing::Bench::End;

class LifecycleTest : public ::testing::Test {
 protected:
  testing::Bench bench_;
};

TEST_F(LifecycleTest, WhatCannotBeRemovedStaysAndSaysWhy) {
  const SandboxPtr box = bench_.make("box");
  bench_.alterDatabase(
      "CREATE TRIGGER no BEFORE DELETE ON sandboxes BEGIN SELECT RAISE(ABORT, 'no'); END;");
  EXPECT_FALSE(bench_.wait(bench_.lifecycle().remove(box)));
  ASSERT_EQ(bench_.find("box"), box);
  EXPECT_EQ(box->status, SandboxStatus::Stopped);
  EXPECT_THAT(box->record.stop_reason, HasSubstr("removing it failed"));
  bench_.alterDatabase("DROP TRIGGER no;");
  EXPECT_TRUE(bench_.wait(bench_.lifecycle().remove(box)));
  EXPECT_EQ(bench_.find("box"), nullptr);
}

// Other implementations keep a file for each sandbox in the same place.
TEST_F(LifecycleTest, OnlyItsOwnLeftoversAreSweptAway) {
  const std::filesystem::path place = bench_.directory() + "/sandboxes";
  const std::filesystem::path left = place / "01890a5d-ac96-774b-bcce-b302099a8057";
  std::filesystem::create_directories(left / "layer");
  const std::filesystem::path theirs = place / "box.json";
  std::ofstream(theirs) << "{}";
  std::filesystem::create_directory(place / "notes");
  bench_.restartDaemon(End::Killed);
  EXPECT_FALSE(std::filesystem::exists(left));
  EXPECT_TRUE(std::filesystem::exists(theirs));
  EXPECT_TRUE(std::filesystem::exists(place / "notes"));
}

TEST_F(LifecycleTest, TwoWhoStartItFindItRunning) {
  const SandboxPtr box = bench_.make("box");
  ASSERT_TRUE(bench_.wait(bench_.lifecycle().stop(box, "by hand")));
  const auto both = [&]() -> net::Task<int> {
    int failed = 0;
    net::TaskGroup group(bench_.executor());
    const auto start = [&]() -> net::Task<void> {
      const Status started = co_await bench_.lifecycle().restart(box);
      failed += started ? 0 : 1;
    };
    group.spawn(start());
    group.spawn(start());
    co_await group.join();
    co_return failed;
  };
  EXPECT_EQ(bench_.wait(both()), 0);
  EXPECT_EQ(box->status, SandboxStatus::Running);
}

TEST_F(LifecycleTest, AStopAtAnyMomentOfAStartDoesNotWaitForTheInitScript) {
  const SandboxPtr box = bench_.make("box");
  box->record.init_script = "sleep 1000";
  for (int turns = 0; turns < 12; ++turns) {
    ASSERT_TRUE(bench_.wait(bench_.lifecycle().stop(box, "by hand")));
    const auto race = [&]() -> net::Task<bool> {
      net::TaskGroup group(bench_.executor());
      const auto start = [&]() -> net::Task<void> {
        const Status started = co_await bench_.lifecycle().restart(box);
        EXPECT_FALSE(started);
      };
      group.spawn(start());
      while (box->status != SandboxStatus::Running) {
        co_await net::yield();
      }
      for (int i = 0; i < turns; ++i) {
        co_await net::yield();
      }
      const Status stopped = co_await bench_.lifecycle().stop(box, "by hand");
      co_await group.join();
      co_return stopped.has_value();
    };
    EXPECT_TRUE(bench_.wait(race()));
    EXPECT_EQ(box->status, SandboxStatus::Stopped);
  }
}

model::Limits withPids(const SandboxPtr& box, std::uint32_t pids) {
  model::Limits limits = box->record.permissions.limits;
  limits.pids = pids;
  return limits;
}

// The fake backend cannot change what runs.
TEST_F(LifecycleTest, AResizeThatNeedsARestartKeepsTheSandbox) {
  const SandboxPtr box = bench_.make("box");
  const std::string uuid = box->record.uuid;
  const std::uint64_t epoch = box->record.epoch;
  const auto restarted = bench_.wait(bench_.lifecycle().resize(box, withPids(box, 77)));
  ASSERT_TRUE(restarted) << restarted.error().message;
  EXPECT_TRUE(*restarted);
  EXPECT_EQ(box->status, SandboxStatus::Running);
  EXPECT_EQ(box->record.uuid, uuid);
  EXPECT_GT(box->record.epoch, epoch);
  EXPECT_EQ(box->record.permissions.limits.pids, 77U);
  ASSERT_TRUE(bench_.wait(bench_.lifecycle().stop(box, "by hand")));
  EXPECT_FALSE(*bench_.wait(bench_.lifecycle().resize(box, withPids(box, 78))));
  EXPECT_EQ(box->status, SandboxStatus::Stopped);
  bench_.restartDaemon(End::Orderly);
  EXPECT_EQ(bench_.find("box")->record.permissions.limits.pids, 78U);
}

TEST_F(LifecycleTest, AResizeThatCannotBeWrittenDownChangesNothing) {
  const SandboxPtr box = bench_.make("box");
  const std::uint32_t pids = box->record.permissions.limits.pids;
  ASSERT_TRUE(bench_.wait(bench_.lifecycle().stop(box, "by hand")));
  bench_.alterDatabase(
      "CREATE TRIGGER no BEFORE UPDATE ON sandboxes BEGIN SELECT RAISE(ABORT, 'no'); END;");
  EXPECT_FALSE(bench_.wait(bench_.lifecycle().resize(box, withPids(box, 78))));
  EXPECT_EQ(box->record.permissions.limits.pids, pids);
  bench_.alterDatabase("DROP TRIGGER no;");
}

// The next daemon would take its box for one without an owner.
TEST_F(LifecycleTest, AStartThatCannotBeWrittenDownRunsNothing) {
  const SandboxPtr box = bench_.make("box");
  ASSERT_TRUE(bench_.wait(bench_.lifecycle().stop(box, "by hand")));
  bench_.alterDatabase(
      "CREATE TRIGGER full BEFORE UPDATE ON sandboxes BEGIN SELECT RAISE(ABORT, 'full'); END;");
  EXPECT_FALSE(bench_.wait(bench_.lifecycle().restart(box)));
  EXPECT_EQ(box->status, SandboxStatus::Stopped);
  EXPECT_EQ(box->agent, nullptr);
  bench_.alterDatabase("DROP TRIGGER full;");
  EXPECT_TRUE(bench_.wait(bench_.lifecycle().restart(box)));
  EXPECT_EQ(box->status, SandboxStatus::Running);
}

TEST_F(LifecycleTest, AStartOfWhatIsBeingRemovedIsNotFound) {
  const SandboxPtr box = bench_.make("box");
  const auto race = [&]() -> net::Task<Status> {
    net::TaskGroup group(bench_.executor());
    const auto remove = [&]() -> net::Task<void> {
      const Status removed = co_await bench_.lifecycle().remove(box);
      EXPECT_TRUE(removed);
    };
    group.spawn(remove());
    co_await net::yield();
    const Status started = co_await bench_.lifecycle().restart(box);
    co_await group.join();
    co_return started;
  };
  const Status started = bench_.wait(race());
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, ErrorCode::NotFound);
}

// Its end must be seen also while something else has it in hand.
TEST_F(LifecycleTest, ABoxThatEndsWhileItsRecordChangesIsStopped) {
  const SandboxPtr box = bench_.make("box");
  const auto race = [&]() -> net::Task<Status> {
    const Lifecycle::Edit edit = [&](model::SandboxRecord&) {
      EXPECT_EQ(::kill(box->record.pid, SIGKILL), 0);
      return Status();
    };
    const Status changed = co_await bench_.lifecycle().change(box, edit);
    while (box->status == SandboxStatus::Running) {
      co_await box->changed.wait();
    }
    co_return changed;
  };
  EXPECT_TRUE(bench_.wait(race()));
  EXPECT_EQ(box->record.stop_reason, "ended by signal 9");
}

// A guest may hold up its agent; the box is neither given up nor doubled, and can be ended.
TEST_F(LifecycleTest, OneThatLivesAndDoesNotAnswerIsUnknownUntilItDoes) {
  const pid_t patient = bench_.make("patient")->record.pid;
  const pid_t doomed = bench_.make("doomed")->record.pid;
  for (const pid_t agent : {patient, doomed}) {
    ASSERT_EQ(::kill(agent, SIGSTOP), 0);
  }
  bench_.restartDaemon(End::Killed);

  SandboxPtr box = bench_.find("patient");
  EXPECT_EQ(box->status, SandboxStatus::Unknown);
  ASSERT_EQ(::kill(patient, SIGCONT), 0);
  ASSERT_TRUE(bench_.wait(bench_.lifecycle().restart(box)));
  EXPECT_EQ(box->status, SandboxStatus::Running);
  EXPECT_EQ(box->record.pid, patient) << "the same one";

  box = bench_.find("doomed");
  EXPECT_EQ(box->status, SandboxStatus::Unknown);
  EXPECT_TRUE(bench_.wait(bench_.lifecycle().stop(box, "by hand")));
  EXPECT_EQ(box->status, SandboxStatus::Stopped);
  EXPECT_EQ(::waitpid(doomed, nullptr, WNOHANG), doomed) << "our child, since nobody else's";
}

TEST_F(LifecycleTest, OneThatCannotBeRecoveredKeepsNobodyElse) {
  const pid_t left_alone = bench_.make("broken")->record.pid;
  bench_.make("sound");
  bench_.alterDatabase(
      "UPDATE sandboxes SET body = json_set(body, '$.epoch', 'many') WHERE name = 'broken';");
  bench_.restartDaemon(End::Killed);
  EXPECT_EQ(bench_.find("broken"), nullptr) << "it is left alone, and the log says so";
  EXPECT_THAT(bench_.lines, ::testing::Contains(HasSubstr("cannot be read")));
  const SandboxPtr sound = bench_.find("sound");
  ASSERT_NE(sound, nullptr);
  EXPECT_EQ(sound->status, SandboxStatus::Running);
  EXPECT_EQ(::kill(left_alone, SIGKILL), 0) << "it lives, and nobody else ends it";
}

TEST_F(LifecycleTest, DirectoriesThatNobodyKnowsAreRemovedByTheNextDaemon) {
  const std::string known = bench_.make("box")->record.uuid;
  const std::string unreadable = bench_.make("broken")->record.uuid;
  const pid_t left_alone = bench_.find("broken")->record.pid;
  const std::filesystem::path all = bench_.directory() + "/sandboxes";
  std::filesystem::create_directories(all / "01890a5d-ac96-774b-bcce-b302099a8057" / "layer");
  bench_.alterDatabase("UPDATE sandboxes SET body = '{}' WHERE name = 'broken';");
  bench_.restartDaemon(End::Killed);
  EXPECT_FALSE(std::filesystem::exists(all / "01890a5d-ac96-774b-bcce-b302099a8057"));
  EXPECT_TRUE(std::filesystem::exists(all / known));
  EXPECT_TRUE(std::filesystem::exists(all / unreadable)) << "never what only cannot be read";
  EXPECT_EQ(::kill(left_alone, SIGKILL), 0);
}

}  // namespace
}  // namespace ak::manager
