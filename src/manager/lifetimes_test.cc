#include "manager/lifetimes.h"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "manager/daemon_manager.h"
#include "manager/testing/bench.h"

namespace ak::manager {
namespace {

using model::SandboxStatus;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using End = manager::testing::Bench::End;

class LifetimesTest : public ::testing::Test {
 protected:
  static model::Notes policy(model::LifecyclePolicy policy) { return {.lifecycle = policy}; }

  Reconciled reconcile(bool dry_run = false) {
    return bench_.wait(bench_.lifetimes().reconcile(dry_run));
  }

  Collected collect(CollectRequest request = {}) {
    return bench_.wait(bench_.lifetimes().collect(std::move(request)));
  }

  Status update(const SandboxPtr& sandbox, SandboxUpdate update) {
    return bench_.wait(bench_.lifetimes().update(sandbox, std::move(update)));
  }

  testing::Bench bench_;
};

TEST_F(LifetimesTest, LabelsAndDescriptionAreThereAfterARestart) {
  const SandboxPtr box = bench_.make("box", {.labels = {{"env", "prod"}}, .description = "one"});
  ASSERT_TRUE(update(
      box,
      {.remove_labels = {"env", "none"}, .set_labels = {{"team", "ml"}}, .description = "two"}));
  bench_.restartDaemon(End::Killed);
  const SandboxPtr found = bench_.find("box");
  EXPECT_EQ(found->record.labels, (model::Labels{{"team", "ml"}}));
  EXPECT_EQ(found->record.description, "two");
  ASSERT_TRUE(update(found, {.labels = model::Labels{{"a", "b"}}, .description = ""}));
  EXPECT_EQ(found->record.labels, (model::Labels{{"a", "b"}}));
  EXPECT_EQ(found->record.description, "");
}

TEST_F(LifetimesTest, WithoutADaemonItsAgentEndsIt) {
  const SandboxPtr box = bench_.make("box", {.ttl_seconds = 10});
  const SandboxPtr other = bench_.make("other", {.ttl_seconds = 10});
  ASSERT_TRUE(bench_.wait(bench_.lifetimes().extend(other, 3600)));
  const sys::OwnedFd agent(static_cast<int>(::syscall(SYS_pidfd_open, box->record.pid, 0)));
  const pid_t other_agent = other->record.pid;
  ASSERT_TRUE(agent.valid());
  bench_.clock.advance(seconds(10) + Timekeeper::kGrace - seconds(1));
  bench_.restartDaemon(End::Killed);
  EXPECT_EQ(bench_.find("box")->status, SandboxStatus::Running);
  bench_.withoutDaemon([&] {
    pollfd ended{agent.get(), POLLIN, 0};
    EXPECT_EQ(::poll(&ended, 1, 20'000), 1);
    EXPECT_EQ(::kill(other_agent, 0), 0);
  });
  EXPECT_EQ(bench_.find("box")->status, SandboxStatus::Stopped);
  EXPECT_EQ(bench_.find("other")->status, SandboxStatus::Running);
  bench_.clock.advance(seconds(1));
  EXPECT_THAT(collect().removed, ElementsAre("box"));
}

TEST_F(LifetimesTest, AChangeThatIsRefusedOrCannotBeSavedIsUndone) {
  const SandboxPtr box = bench_.make("box", {.labels = {{"env", "prod"}}});
  EXPECT_EQ(update(box, {.set_labels = {{"agentkernel.x", "y"}}}).error().code,
            ErrorCode::InvalidArgument);
  model::Labels many;
  for (std::size_t i = 0; i < model::kMaxLabels; ++i) {
    many[cat("k", i)] = "v";
  }
  EXPECT_FALSE(update(box, {.set_labels = many})) << "one too many, with the one that is there";
  bench_.alterDatabase(
      "CREATE TRIGGER full BEFORE UPDATE ON sandboxes BEGIN SELECT RAISE(ABORT, 'full'); END;");
  EXPECT_FALSE(update(box, {.set_labels = {{"team", "ml"}}, .description = "new"}));
  EXPECT_FALSE(bench_.wait(bench_.lifetimes().extend(box, 60)));
  EXPECT_EQ(box->record.labels, (model::Labels{{"env", "prod"}}));
  EXPECT_EQ(box->record.description, "");
  EXPECT_EQ(box->record.lifetime.expires_at, "");
  EXPECT_FALSE(box->expires);
  bench_.alterDatabase("DROP TRIGGER full;");
}

TEST_F(LifetimesTest, ThresholdsAreSetOneByOne) {
  const SandboxPtr box = bench_.make("box", policy({.auto_stop_after_seconds = 1}));
  SandboxUpdate change;
  change.auto_stop.emplace();  // to never
  change.auto_archive = 2;
  ASSERT_TRUE(update(box, change));
  EXPECT_EQ(box->record.lifetime.policy, (model::LifecyclePolicy{.auto_archive_after_seconds = 2}));
  ASSERT_TRUE(update(box, {.lifecycle = model::LifecyclePolicy{}}));
  EXPECT_TRUE(box->record.lifetime.policy.empty());
}

TEST_F(LifetimesTest, ADryRunChangesNothing) {
  const SandboxPtr box = bench_.make("box", policy({.auto_archive_after_seconds = 60}));
  bench_.clock.advance(hours(2));
  const Reconciled result = reconcile(true);
  EXPECT_TRUE(result.dry_run);
  ASSERT_THAT(result.actions, SizeIs(1));
  EXPECT_EQ(result.actions[0].reason, "inactive for 7200s (threshold=60s)");
  EXPECT_EQ(box->record.lifetime.archived_at, "");
  EXPECT_EQ(box->status, SandboxStatus::Running);
}

TEST_F(LifetimesTest, ArchiveStopsAndIsKept) {
  bench_.make("box", policy({.auto_archive_after_seconds = 0}));
  bench_.clock.advance(minutes(10));
  ASSERT_THAT(reconcile().actions, SizeIs(1));
  bench_.restartDaemon(End::Orderly);
  const SandboxPtr box = bench_.find("box");
  EXPECT_EQ(viewOf(*box).status, SandboxStatus::Archived);
  EXPECT_EQ(box->record.lifetime.archived_reason, "inactive for 600s (threshold=0s)");
  const Status refused = bench_.wait(bench_.lifecycle().restart(box));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::Conflict);
  EXPECT_THAT(refused.error().remedy, HasSubstr("agentkernel recover box"));

  ASSERT_TRUE(bench_.wait(bench_.lifetimes().unarchive(box)));
  EXPECT_EQ(viewOf(*box).status, SandboxStatus::Stopped);
  EXPECT_EQ(box->record.lifetime.archived_at, "");
  EXPECT_EQ(box->record.lifetime.archived_reason, "");
  EXPECT_EQ(parseTime(box->record.lifetime.last_activity_at), bench_.clock.wall());
  ASSERT_TRUE(bench_.wait(bench_.lifecycle().restart(box)));
  EXPECT_EQ(viewOf(*box).status, SandboxStatus::Running);
}

TEST_F(LifetimesTest, RecoverOfWhatIsNotArchivedOnlyCountsAsAUse) {
  const SandboxPtr box = bench_.make("box");
  bench_.clock.advance(minutes(10));
  ASSERT_TRUE(bench_.wait(bench_.lifetimes().unarchive(box)));
  EXPECT_EQ(box->status, SandboxStatus::Running);
  EXPECT_EQ(parseTime(box->record.lifetime.last_activity_at), bench_.clock.wall());
}

TEST_F(LifetimesTest, IdleOnesStopAndLongArchivedOnesGo) {
  bench_.make("idle", policy({.auto_stop_after_seconds = 10}));
  const SandboxPtr old = bench_.make("old", policy({.auto_delete_after_seconds = 60}));
  ASSERT_TRUE(bench_.wait(bench_.lifetimes().archive(old, "manual archive")));
  bench_.clock.advance(minutes(10));
  const Reconciled result = reconcile();
  ASSERT_THAT(result.actions, SizeIs(2));
  EXPECT_EQ(result.actions[0].sandbox, "idle");
  EXPECT_EQ(result.actions[1].reason, "archived for 600s (threshold=60s)");
  EXPECT_EQ(bench_.find("idle")->status, SandboxStatus::Stopped);
  EXPECT_EQ(bench_.find("idle")->record.stop_reason, "inactive for 600s (threshold=10s)");
  EXPECT_EQ(bench_.find("old"), nullptr);
}

TEST_F(LifetimesTest, ReconcileTakesNoNoticeOfTheTimeToLive) {
  bench_.make("box", {.ttl_seconds = 1});
  bench_.clock.advance(hours(2));
  EXPECT_THAT(reconcile().actions, IsEmpty());
  EXPECT_NE(bench_.find("box"), nullptr);
}

TEST_F(LifetimesTest, OneThatFailsIsReportedAndTheOthersAreDone) {
  for (const char* name : {"a", "b", "c"}) {
    bench_.make(name, policy({.auto_archive_after_seconds = 5}));
  }
  bench_.alterDatabase(
      "CREATE TRIGGER no BEFORE UPDATE ON sandboxes WHEN old.name = 'a' "
      "BEGIN SELECT RAISE(ABORT, 'no'); END;");
  bench_.clock.advance(seconds(5));
  const Reconciled result = reconcile();
  ASSERT_THAT(result.failures, SizeIs(1));
  EXPECT_EQ(result.failures[0].sandbox, "a");
  ASSERT_THAT(result.actions, SizeIs(2));
  EXPECT_EQ(viewOf(*bench_.find("b")).status, SandboxStatus::Archived);
  EXPECT_EQ(viewOf(*bench_.find("c")).status, SandboxStatus::Archived);
  bench_.alterDatabase("DROP TRIGGER no;");
}

TEST_F(LifetimesTest, GcRemovesWhatIsOverItsTimeRunningOrNot) {
  bench_.make("forever");
  bench_.make("later", {.ttl_seconds = 3600});
  bench_.make("over", {.labels = {{"a", "b"}}, .ttl_seconds = 60});
  const SandboxPtr stopped = bench_.make("stopped", {.ttl_seconds = 60});
  ASSERT_TRUE(bench_.wait(bench_.lifecycle().stop(stopped, "by hand")));
  const SandboxPtr imported = bench_.make("imported");
  imported->record.lifetime.expires_at = "the day after tomorrow";
  EXPECT_THAT(collect().removed, IsEmpty());
  bench_.clock.advance(seconds(60));
  EXPECT_THAT(collect({.dry_run = true}).removed, ElementsAre("over", "stopped"));
  EXPECT_NE(bench_.find("over"), nullptr);
  EXPECT_THAT(collect({.labels = {{"a", "b"}}}).removed, ElementsAre("over"));
  EXPECT_THAT(collect().removed, ElementsAre("stopped"));
  EXPECT_NE(bench_.find("imported"), nullptr);
  EXPECT_NE(bench_.find("forever"), nullptr);
}

TEST_F(LifetimesTest, WhatIsOverCanBeExtendedForAWhile) {
  const SandboxPtr box = bench_.make("box", {.ttl_seconds = 60});
  bench_.clock.advance(seconds(60) + Lifetimes::kGrace - seconds(1));
  EXPECT_EQ(bench_.wait(bench_.lifetimes().lookOnce()), 0U);
  ASSERT_NE(bench_.find("box"), nullptr);
  ASSERT_TRUE(bench_.wait(bench_.lifetimes().extend(box, 60)));
  EXPECT_EQ(parseTime(box->record.lifetime.expires_at), bench_.clock.wall() + seconds(60));
  bench_.clock.advance(seconds(60) + Lifetimes::kGrace);
  EXPECT_EQ(bench_.wait(bench_.lifetimes().lookOnce()), 0U);
  EXPECT_EQ(bench_.find("box"), nullptr);
  EXPECT_THAT(bench_.lines,
              ::testing::Contains("lifetimes: removed box: its time to live is over"));
}

TEST_F(LifetimesTest, ExtendingGivesAnEndToWhatHadNone) {
  const SandboxPtr box = bench_.make("box");
  ASSERT_TRUE(bench_.wait(bench_.lifetimes().extend(box, 60)));
  EXPECT_EQ(box->record.lifetime.ttl_seconds, 60U);
  ASSERT_TRUE(bench_.wait(bench_.lifetimes().extend(box, 60)));
  EXPECT_EQ(box->record.lifetime.ttl_seconds, 120U);
  EXPECT_FALSE(bench_.wait(bench_.lifetimes().extend(box, ~std::uint64_t{0})));
}

TEST_F(LifetimesTest, AClockThatIsSetAnHourOnDeletesNothing) {
  bench_.make("box", {.ttl_seconds = 600, .lifecycle = {.auto_archive_after_seconds = 600}});
  for (const auto jump : {hours(1), hours(-2), hours(1)}) {
    bench_.clock.jumpWall(jump);
    EXPECT_EQ(bench_.wait(bench_.lifetimes().lookOnce()), 0U);
    ASSERT_NE(bench_.find("box"), nullptr);
    EXPECT_EQ(bench_.find("box")->status, SandboxStatus::Running);
  }
}

TEST_F(LifetimesTest, IdleTimeGoesOnOverAnOrderlyRestart) {
  bench_.make("box", policy({.auto_archive_after_seconds = 600}));
  bench_.clock.advance(seconds(300));
  bench_.restartDaemon(End::Orderly);
  bench_.clock.advance(seconds(299));
  EXPECT_THAT(reconcile().actions, IsEmpty());
  bench_.clock.advance(seconds(1));
  EXPECT_THAT(reconcile().actions, SizeIs(1));
}

// When it was last used was known to the daemon that died alone.
TEST_F(LifetimesTest, AfterACrashNoStaleStampArchivesAnything) {
  const SandboxPtr box = bench_.make("box", policy({.auto_archive_after_seconds = 600}));
  bench_.clock.advance(hours(5));
  {
    const InUse use(bench_.lifetimes(), box);
  }
  bench_.restartDaemon(End::Killed);
  EXPECT_THAT(reconcile().actions, IsEmpty());
  bench_.restartDaemon(End::Orderly);
  EXPECT_THAT(reconcile().actions, IsEmpty()) << "nor after the next orderly one";
  bench_.clock.advance(seconds(600));
  EXPECT_THAT(reconcile().actions, SizeIs(1));
}

TEST_F(LifetimesTest, WhatIsInUseIsLeftAloneHoweverLong) {
  const SandboxPtr box = bench_.make("box", policy({.auto_stop_after_seconds = 5}));
  {
    const InUse use(bench_.lifetimes(), box);
    bench_.clock.advance(hours(1));
    EXPECT_THAT(reconcile().actions, IsEmpty());
  }
  EXPECT_THAT(reconcile().actions, IsEmpty());
  bench_.clock.advance(seconds(5));
  EXPECT_THAT(reconcile().actions, SizeIs(1));
}

TEST_F(LifetimesTest, OneThatEndsWithItsCommandIsNotArchived) {
  const SandboxPtr box = bench_.make("box", policy({.auto_archive_after_seconds = 0}));
  box->record.one_shot = true;
  EXPECT_THAT(reconcile().actions, IsEmpty());
  EXPECT_EQ(bench_.wait(bench_.lifetimes().archive(box, "x")).error().code, ErrorCode::Conflict);
}

TEST_F(LifetimesTest, AStartWakesADormantOne) {
  const SandboxPtr box = bench_.make("box");
  ASSERT_TRUE(bench_.wait(bench_.lifecycle().stop(box, "by hand")));
  box->record.lifetime.dormant_at = "2026-01-01T00:00:00Z";
  EXPECT_EQ(viewOf(*box).status, SandboxStatus::Dormant);
  ASSERT_TRUE(bench_.wait(bench_.lifecycle().restart(box)));
  EXPECT_EQ(viewOf(*box).status, SandboxStatus::Running);
}

}  // namespace
}  // namespace ak::manager
