// The writer: order, commits, rotation, what a crash or another program leaves, a full disk.
#include "audit/log.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <unistd.h>

#include <set>
#include <thread>

#include <gmock/gmock.h>

#include "audit/testing/log_fixture.h"

namespace ak::audit {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class AuditLogTest : public testing::LogFixture {};

TEST_F(AuditLogTest, IsItsOwnersAlone) {
  open();
  record(1);
  struct stat info{};
  ASSERT_EQ(::stat(options_.path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0600U);
  ASSERT_EQ(::stat((directory_ + "/log").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0700U);
  close();
  ::chmod(options_.path.c_str(), 0644);
  open();
  ASSERT_EQ(::stat(options_.path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0600U) << "an older one with the umask's mode";
}

TEST_F(AuditLogTest, WhatIsNotAFileOfOursIsNotWritten) {
  std::filesystem::create_directory(directory_ + "/log");
  for (const char* kind : {"link", "fifo", "directory"}) {
    if (kind == std::string_view("link")) {
      std::filesystem::create_symlink(directory_ + "/elsewhere", options_.path);
    } else if (kind == std::string_view("fifo")) {
      ASSERT_EQ(::mkfifo(options_.path.c_str(), 0600), 0);
    } else {
      std::filesystem::create_directory(options_.path);
    }
    open();
    record(2);
    EXPECT_EQ(log_->stats().lost, 2U) << kind;
    EXPECT_NE(log_->stats().failing, "") << kind;
    EXPECT_FALSE(std::filesystem::exists(directory_ + "/elsewhere"));
    close();
    std::filesystem::remove(options_.path);
  }
}

TEST_F(AuditLogTest, SaysWhyItsFileCannotBeOpenedAgain) {
  open();
  record(1);
  log_->commit();
  std::filesystem::rename(options_.path, directory_ + "/moved");
  std::filesystem::create_symlink(directory_ + "/elsewhere", options_.path);
  record(1);
  log_->commit();
  EXPECT_TRUE(log_->stats().failing.contains("symbolic link")) << log_->stats().failing;
}

TEST_F(AuditLogTest, GoesOnWhereTheLastDaemonEnded) {
  open();
  record(3);
  close();
  open();
  record(2);
  log_->commit();
  const Verdict verdict = verify();
  EXPECT_TRUE(verdict.intact) << verdict.problem;
  EXPECT_EQ(verdict.lines, 5U);
  EXPECT_EQ(verdict.last, log_->stats().head.last);
}

TEST_F(AuditLogTest, IsOnTheDiskWithinASecondWithoutBeingAsked) {
  open();
  const sys::OwnedFd watch(::inotify_init1(IN_CLOEXEC));
  ASSERT_GE(::inotify_add_watch(watch.get(), directory_.c_str(), IN_MOVED_TO), 0);
  record(1);
  pollfd renamed{watch.get(), POLLIN, 0};
  ASSERT_EQ(::poll(&renamed, 1, 30'000), 1) << "nobody wrote a head";
  EXPECT_TRUE(text(options_.head_path).starts_with("1:")) << text(options_.head_path);
}

TEST_F(AuditLogTest, LinesBehindTheLastCommitLiveThroughAKill) {
  open();
  record(3);
  log_->commit();
  record(4);
  kill();
  EXPECT_TRUE(text(options_.head_path).starts_with("3:"));
  open();
  record(1);
  log_->commit();
  const Verdict verdict = verify();
  EXPECT_TRUE(verdict.intact) << verdict.problem;
  EXPECT_EQ(verdict.lines, 8U);
}

TEST_F(AuditLogTest, AKillBeforeTheFirstCommitLosesNothing) {
  open();
  record(4);
  close();
  std::filesystem::remove(options_.head_path);
  overwrite(options_.head_path, headText(Head()));
  open();
  record(1);
  log_->commit();
  EXPECT_TRUE(verify().intact) << verify().problem;
  EXPECT_EQ(verify().lines, 5U);
}

TEST_F(AuditLogTest, HalfALineOfACrashIsSetAsideAndTold) {
  open();
  record(3);
  close();
  const std::string whole = logText();
  const std::string half = lines()[0].substr(0, 50);
  overwrite(options_.path, whole + half);
  open();
  record(1);
  log_->commit();
  const Verdict verdict = verify();
  EXPECT_TRUE(verdict.intact) << verdict.problem;
  EXPECT_THAT(types(), ElementsAre("command_executed", "command_executed", "command_executed",
                                   "log_repaired", "command_executed"));
  ASSERT_EQ(setAside().size(), 1U);
  EXPECT_EQ(text(setAside()[0]), half);
  EXPECT_TRUE(logText().starts_with(whole));
}

TEST_F(AuditLogTest, EveryByteAtWhichAWriteCanBeTornIsRepaired) {
  open();
  record(2);
  close();
  const std::string head = text(options_.head_path);
  const std::string whole = logText();
  const std::string next = lines()[1] + "\n";
  for (std::size_t size = 1; size < next.size(); size += 7) {
    overwrite(options_.path, whole + next.substr(0, size));
    overwrite(options_.head_path, head);
    open();
    close();
    ASSERT_TRUE(verify().intact) << size << ": " << verify().problem;
    ASSERT_EQ(verify().lines, 3U) << size;
  }
}

TEST_F(AuditLogTest, ZerosOfAPowerCutAreSetAside) {
  open();
  record(2);
  close();
  overwrite(options_.path, logText() + std::string(4096, '\0'));
  open();
  close();
  EXPECT_TRUE(verify().intact) << verify().problem;
  ASSERT_EQ(setAside().size(), 1U);
}

TEST_F(AuditLogTest, AnotherProgramsLogIsSetAsideWhole) {
  std::filesystem::create_directory(directory_ + "/log");
  const std::string theirs =
      R"({"timestamp":"2026-01-01T00:00:00Z","pid":1,"user":"a","type":"sandbox_stopped","name":"x"})"
      "\n";
  overwrite(options_.path, theirs);
  open();
  record(1);
  close();
  EXPECT_TRUE(verify().intact) << verify().problem;
  ASSERT_EQ(setAside().size(), 1U);
  EXPECT_EQ(text(setAside()[0]), theirs);
}

TEST_F(AuditLogTest, RotatesAndKeepsTheChainAndSoManyFiles) {
  options_.max_bytes = 4096;
  options_.max_files = 3;
  open();
  record(20);
  log_->commit();
  EXPECT_TRUE(std::filesystem::exists(options_.path + ".1"));
  EXPECT_EQ(verify().lines, 20U);
  for (int i = 0; i < 10; ++i) {
    record(30);
    log_->commit();
    const Verdict verdict = verify();
    ASSERT_TRUE(verdict.intact) << verdict.problem;
  }
  EXPECT_TRUE(std::filesystem::exists(options_.path + ".3"));
  EXPECT_FALSE(std::filesystem::exists(options_.path + ".4"));
  EXPECT_EQ(verify().last.seq, 320U);
  EXPECT_GT(verify().first.seq, 200U);
  close();
  open();
  record(1);
  close();
  EXPECT_TRUE(verify().intact) << verify().problem;
}

TEST_F(AuditLogTest, AKillAroundARotationLosesNothing) {
  options_.max_bytes = 2048;
  options_.max_files = 100;
  open();
  for (int i = 1; i < 40; ++i) {
    record(1);
    if (i % 7 == 0) {
      log_->commit();
    }
    kill();
    open();
    log_->commit();
    ASSERT_TRUE(verify().intact) << i << ": " << verify().problem;
    ASSERT_EQ(verify().lines, static_cast<std::uint64_t>(i));
  }
}

TEST_F(AuditLogTest, ManyThreadsWriteWholeLinesInOneOrder) {
  options_.max_bytes = 64 * 1024;
  options_.max_files = 100;
  open();
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([this] { record(500); });
    }
    for (int i = 0; i < 20; ++i) {
      Expectation expected;
      expected.head = log_->stats().head;
      const auto verdict = verifyLog(options_.path, expected);
      ASSERT_TRUE(verdict) << verdict.error().message;
      ASSERT_TRUE(verdict->intact) << verdict->problem;
    }
  }
  log_->commit();
  EXPECT_EQ(verify().lines, 2000U);
}

TEST_F(AuditLogTest, NoticesThatItsFileWasRemovedWhileItRuns) {
  open();
  record(3);
  log_->commit();
  std::filesystem::remove(options_.path);
  record(1);
  log_->commit();
  record(1);
  log_->commit();
  EXPECT_THAT(types(), ElementsAre("log_damaged", "command_executed"));
  EXPECT_FALSE(verify().intact);
  EXPECT_THAT(verify().problem, HasSubstr("lines 1 to 4 are missing"));
}

TEST_F(AuditLogTest, NoticesThatItWasCutWhileItRuns) {
  open();
  record(3);
  log_->commit();
  overwriteLines({lines()[0]});
  record(1);
  log_->commit();
  EXPECT_FALSE(verify().intact);
  EXPECT_THAT(logText(), HasSubstr("log_damaged"));
}

// A small file system of our own, so that it can be full.
class FullDiskTest : public testing::LogFixture {
 protected:
  void SetUp() override {
    std::filesystem::create_directory(directory_ + "/log");
    if (::mount("none", (directory_ + "/log").c_str(), "tmpfs", 0, "size=64k,mode=0700") != 0) {
      GTEST_SKIP() << "only root may mount";
    }
    mounted_ = true;
  }

  void TearDown() override {
    close();
    if (mounted_) {
      ::umount((directory_ + "/log").c_str());
    }
  }

  void fill() const {
    std::ofstream file(directory_ + "/log/filler", std::ios::binary);
    const std::string block(1024, 'x');
    while (file << block << std::flush) {
    }
  }

  void makeRoom() const { std::filesystem::remove(directory_ + "/log/filler"); }

  bool mounted_ = false;
};

TEST_F(FullDiskTest, EventsThatCannotBeWrittenAreCountedAndTold) {
  open();
  record(2);
  fill();
  record(50);
  const Log::Stats full = log_->stats();
  EXPECT_GT(full.lost, 0U);
  EXPECT_THAT(full.failing, HasSubstr("No space left on device"));
  EXPECT_TRUE(log_->ready()) << "a warning is enough by default";
  makeRoom();
  record(1);
  log_->commit();
  EXPECT_EQ(log_->stats().failing, "");
  EXPECT_EQ(log_->stats().lost, full.lost) << "the count stays";
  const Verdict verdict = verify();
  EXPECT_TRUE(verdict.intact) << verdict.problem;
  const auto told = nlohmann::json::parse(lines()[lines().size() - 2]);
  EXPECT_EQ(told["type"], "events_lost");
  EXPECT_EQ(told["count"], full.lost);
  EXPECT_THAT(told["error"].get<std::string>(), HasSubstr("No space left"));
}

TEST_F(FullDiskTest, RefusesWorkBeforeAnythingIsLost) {
  options_.on_failure = OnFailure::Refuse;
  open();
  EXPECT_FALSE(log_->ready()) << "64 KiB are less than what is kept in reserve";
  close();
  ::umount((directory_ + "/log").c_str());
  ASSERT_EQ(::mount("none", (directory_ + "/log").c_str(), "tmpfs", 0, "size=2m,mode=0700"), 0);
  open();
  ASSERT_TRUE(log_->ready());
  fill();
  record(100);
  EXPECT_EQ(log_->stats().lost, 0U) << "the reserve";
  int accepted = 0;
  while (log_->ready() && accepted < 10'000) {
    record(1);
    ++accepted;
  }
  EXPECT_LT(accepted, 10'000);
  EXPECT_EQ(log_->stats().lost, 0U);
  EXPECT_EQ(log_->ready().error().code, ErrorCode::Unavailable);
  makeRoom();
  EXPECT_TRUE(log_->ready());
}

}  // namespace
}  // namespace ak::audit
