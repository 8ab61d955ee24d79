// Detached commands through the programs: they outlive client and daemon, are told apart from those
// of other sandboxes, and are killed with all that they started.
#include <csignal>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "scratch_home.h"
#include "sys/process.h"

namespace ak::e2e {
namespace {

using nlohmann::json;

class JobsTest : public ScratchHome {
 protected:
  void SetUp() override {
    ScratchHome::SetUp();
    if (!IsSkipped()) {
      make();
    }
  }

  void TearDown() override {
    if (!IsSkipped()) {
      agentkernel({"rm", "it"});
    }
    ScratchHome::TearDown();
  }

  void make() const {
    const Finished made =
        agentkernel({"run", "--keep", "--name", "it", "--mount", "none", "mkfifo", "/tmp/go"});
    ASSERT_EQ(made.status, 0) << made.err;
  }

  std::string start(Words command) const {
    Words words = {"exec", "-d", "it", "--"};
    words.insert(words.end(), command.begin(), command.end());
    const Finished started = agentkernel(words);
    EXPECT_EQ(started.status, 0) << started.err;
    EXPECT_EQ(started.out.size(), 9U) << "8 hex digits";
    return std::string(trim(started.out));
  }

  std::string start(const std::string& script) const { return start({"sh", "-c", script}); }

  json status(const std::string& id) const {
    const Finished asked = agentkernel({"job", "status", "--json", "it", id});
    EXPECT_EQ(asked.status, 0) << asked.err;
    return json::parse(asked.out, nullptr, false);
  }

  // Its whole output; returns when it has ended.
  std::string follow(const std::string& id, Words options = {}) const {
    Words words = {"job", "logs", "--follow"};
    words.insert(words.end(), options.begin(), options.end());
    words.insert(words.end(), {"it", id});
    const Finished followed = agentkernel(words);
    EXPECT_EQ(followed.status, 0) << followed.err;
    return followed.out;
  }

  // Lets a job go on that reads from /tmp/go.
  void go() const {
    EXPECT_EQ(agentkernel({"exec", "it", "sh", "-c", "echo > /tmp/go"}).status, 0);
  }

  pid_t daemon() const {
    const Finished asked = agentkernel({"daemon", "status", "--json"});
    return json::parse(asked.out, nullptr, false).value("pid", 0);
  }

  // Complete when it returns.
  void killDaemon() const {
    const pid_t pid = daemon();
    ASSERT_GT(pid, 1);
    const auto pidfd = sys::openPidFd(pid);
    ASSERT_TRUE(pidfd);
    ASSERT_EQ(::kill(pid, SIGKILL), 0);
    pollfd slot{pidfd->get(), POLLIN, 0};
    ASSERT_EQ(::poll(&slot, 1, 30'000), 1);
  }
};

TEST_F(JobsTest, QuotingExitCodesAndStreamsAreExact) {
  const std::string id = start({"sh", "-c", "printf '%s|' \"$@\"; echo err >&2; exit 42", "sh",
                                "a  b", "'$(id -u)'", "\"", "", "x\ny"});
  EXPECT_EQ(follow(id), "a  b|'$(id -u)'|\"||x\ny|");
  const json job = status(id);
  EXPECT_EQ(job["status"], "failed");
  EXPECT_EQ(job["exit_code"], 42);
  EXPECT_EQ(job["sandbox"], "it");
  EXPECT_TRUE(job["signal"].is_null());
  EXPECT_EQ(agentkernel({"job", "logs", "--stderr", "it", id}).out, "err\n");
  EXPECT_EQ(agentkernel({"job", "logs", "--offset", "3", "it", id}).out, "b|'$(id -u)'|\"||x\ny|");
  const std::string fine = start("true");
  follow(fine);
  EXPECT_EQ(status(fine)["status"], "completed");
  EXPECT_EQ(status(fine)["exit_code"], 0);
}

TEST_F(JobsTest, BytesComeOutAsTheyWere) {
  const std::string id = start(R"(printf '\377\000\033[31mred\n')");
  const std::string bytes("\377\000\033[31mred\n", 11);
  EXPECT_EQ(follow(id), bytes);
  EXPECT_EQ(agentkernel({"job", "logs", "it", id}).out, bytes);
}

TEST_F(JobsTest, ADaemonThatIsKilledLosesNothing) {
  const std::string id = start(
      "i=0; while [ $i -lt 200 ]; do echo line $i; i=$((i+1)); done; read x < /tmp/go; "
      "while [ $i -lt 400 ]; do echo line $i; i=$((i+1)); done; exit 9");
  const std::string ended = start("echo short; exit 8");
  killDaemon();
  EXPECT_EQ(status(ended)["exit_code"], 8);
  EXPECT_EQ(agentkernel({"job", "logs", "it", ended}).out, "short\n");
  EXPECT_EQ(status(id)["status"], "running");
  killDaemon();
  go();
  std::string whole;
  for (int i = 0; i < 400; ++i) {
    whole += cat("line ", i, "\n");
  }
  EXPECT_EQ(follow(id), whole);
  EXPECT_EQ(status(id)["exit_code"], 9);
  killDaemon();
  EXPECT_EQ(agentkernel({"job", "logs", "it", id}).out, whole);
  EXPECT_EQ(status(id)["exit_code"], 9);
}

TEST_F(JobsTest, AnOrderlyRestartLeavesThemAloneToo) {
  const std::string id = start("echo up; read x < /tmp/go; exit 4");
  ASSERT_EQ(agentkernel({"daemon", "restart"}).status, 0);
  EXPECT_EQ(status(id)["status"], "running");
  go();
  EXPECT_EQ(follow(id), "up\n");
  EXPECT_EQ(status(id)["exit_code"], 4);
}

TEST_F(JobsTest, AFollowerIsToldThatTheDaemonEndsAndGoesOnWhereItWas) {
  const std::string id = start("echo before; read x < /tmp/go; echo after");
  Program follower = ScratchHome::start({"job", "logs", "--follow", "it", id});
  std::string seen;
  ASSERT_TRUE(readUntil(follower.output(), "before\n", seen));
  ASSERT_EQ(agentkernel({"daemon", "stop"}).status, 0);
  const Finished told = follower.finish();
  EXPECT_EQ(told.status, 125);
  EXPECT_NE(told.err.find("daemon"), std::string::npos) << told.err;
  go();
  EXPECT_EQ(follow(id, {"--offset", "7"}), "after\n");
}

TEST_F(JobsTest, KillEndsAllThatItStarted) {
  // A daemonised grandchild that ignores SIGTERM, of which the FIFO's end of file tells the end.
  const std::string id = start(
      "mkfifo /tmp/pulse; setsid sh -c 'trap \"\" TERM HUP; exec 3>/tmp/pulse; "
      "setsid sleep 1000 & while :; do sleep 0.2; done' >/dev/null 2>&1 & "
      "trap '' TERM; echo up; while :; do sleep 0.2; done");
  Program watch = ScratchHome::start({"exec", "it", "sh", "-c",
                                      "while ! [ -p /tmp/pulse ]; do sleep 0.05; done; exec "
                                      "4</tmp/pulse; echo open; read x <&4; echo gone"});
  std::string seen;
  ASSERT_TRUE(readUntil(watch.output(), "open\n", seen));
  const Finished killed = agentkernel({"job", "kill", "--grace", "200ms", "--json", "it", id});
  EXPECT_EQ(killed.status, 0) << killed.err;
  const json job = json::parse(killed.out, nullptr, false);
  EXPECT_EQ(job["status"], "failed");
  EXPECT_EQ(job["exit_code"], 137);
  EXPECT_EQ(job["signal"], 9);
  EXPECT_EQ(job["killed"], true);
  EXPECT_TRUE(readUntil(watch.output(), "gone\n", seen));
  EXPECT_EQ(agentkernel({"exec", "it", "echo", "alive"}).out, "alive\n");
  // Once more is no harm, and no news.
  EXPECT_EQ(agentkernel({"job", "kill", "it", id}).status, 0);
  EXPECT_EQ(status(id)["exit_code"], 137);
}

TEST_F(JobsTest, TermIsEnoughForWhatListensToIt) {
  const std::string id =
      start("trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.05; done");
  Program follower = ScratchHome::start({"job", "logs", "-f", "it", id});
  std::string seen;
  ASSERT_TRUE(readUntil(follower.output(), "up\n", seen));
  EXPECT_EQ(agentkernel({"job", "kill", "it", id}).status, 0);
  EXPECT_EQ(follower.finish().out, "bye\n");
  EXPECT_EQ(status(id)["exit_code"], 137);
  EXPECT_TRUE(status(id)["signal"].is_null()) << "it ended by itself";
}

TEST_F(JobsTest, SignalsReachIt) {
  const std::string id = start("trap 'exit 5' USR1; echo up; while :; do sleep 0.05; done");
  Program follower = ScratchHome::start({"job", "logs", "-f", "it", id});
  std::string seen;
  ASSERT_TRUE(readUntil(follower.output(), "up\n", seen));
  EXPECT_EQ(agentkernel({"job", "signal", "it", id, "USR1"}).status, 0);
  follower.finish();
  EXPECT_EQ(status(id)["exit_code"], 5);
  EXPECT_EQ(status(id)["killed"], false);
  const Finished late = agentkernel({"job", "signal", "it", id, "USR1"});
  EXPECT_NE(late.status, 0);
  EXPECT_NE(late.err.find("has ended"), std::string::npos) << late.err;
}

TEST_F(JobsTest, RecordsAndLogsAreThereAfterAStopAndGoWithTheSandbox) {
  const std::string done = start("echo kept; exit 2");
  follow(done);
  const std::string id = start("echo up; exec sleep 1000");
  Program follower = ScratchHome::start({"job", "logs", "-f", "it", id});
  std::string seen;
  ASSERT_TRUE(readUntil(follower.output(), "up\n", seen));
  ASSERT_EQ(agentkernel({"stop", "it"}).status, 0);
  EXPECT_EQ(follower.finish().status, 0);
  EXPECT_EQ(status(id)["status"], "lost");
  EXPECT_TRUE(status(id)["exit_code"].is_null());
  EXPECT_EQ(status(done)["exit_code"], 2);
  EXPECT_EQ(agentkernel({"job", "logs", "it", done}).out, "kept\n");
  EXPECT_EQ(agentkernel({"job", "kill", "it", id}).status, 0) << "a no-op";
  EXPECT_EQ(status(id)["status"], "lost");
  killDaemon();
  EXPECT_EQ(status(id)["status"], "lost");
  EXPECT_EQ(agentkernel({"job", "logs", "it", id}).out, "up\n");
  const Finished refused = agentkernel({"exec", "-d", "it", "--", "true"});
  EXPECT_NE(refused.err.find("not running"), std::string::npos) << refused.err;

  ASSERT_EQ(agentkernel({"rm", "it"}).status, 0);
  make();
  EXPECT_EQ(json::parse(agentkernel({"job", "list", "--json", "it"}).out).size(), 0U);
  const Finished gone = agentkernel({"job", "status", "it", id});
  EXPECT_NE(gone.status, 0);
  EXPECT_NE(gone.err.find("has no job"), std::string::npos) << gone.err;
}

TEST_F(JobsTest, UpstreamsVerbsAreUnderstood) {
  const std::string id = start("echo out; echo err >&2");
  follow(id);
  EXPECT_NE(agentkernel({"sandbox", "exec-list", "it"}).out.find(id), std::string::npos);
  EXPECT_EQ(agentkernel({"sandbox", "exec-logs", "it", id}).out, "out\n");
  EXPECT_EQ(agentkernel({"sandbox", "exec-logs", "it", id, "--stderr"}).out, "err\n");
  EXPECT_EQ(agentkernel({"sandbox", "exec-kill", "it", id}).status, 0);
}

TEST_F(JobsTest, WhatItCannotHaveIsRefused) {
  EXPECT_EQ(agentkernel({"exec", "-d", "-t", "it", "--", "true"}).status, 125);
  EXPECT_EQ(agentkernel({"exec", "-d", "it", "--", "no-such-program"}).status, 127);
  EXPECT_EQ(json::parse(agentkernel({"job", "list", "--json", "it"}).out).size(), 0U);
}

TEST_F(JobsTest, TheCommandPolicyIsAskedFirst) {
  ASSERT_TRUE(sys::makePrivateDirectory(home() + "/.config/agentkernel"));
  write(home() + "/.config/agentkernel/config.toml", "[security.commands]\nblock = [\"sleep\"]\n");
  const Finished denied = agentkernel({"exec", "-d", "no-such-sandbox", "--", "sleep", "1"});
  EXPECT_NE(denied.err.find("sleep"), std::string::npos) << denied.err;
  EXPECT_EQ(denied.err.find("no sandbox"), std::string::npos) << denied.err;
}

TEST_F(JobsTest, TheCommandOfADetachedRunIsAJobThatOutlivesTheDaemon) {
  const Finished made = agentkernel({"run", "-d", "--name", "alone", "--mount", "none", "sh", "-c",
                                     "echo one; mkfifo /tmp/go; read x < /tmp/go; echo two; "
                                     "exit 6"});
  ASSERT_EQ(made.status, 0) << made.err;
  killDaemon();
  const json jobs = json::parse(agentkernel({"job", "list", "--json", "alone"}).out);
  ASSERT_EQ(jobs.size(), 1U);
  EXPECT_EQ(jobs[0]["status"], "running");
  EXPECT_EQ(jobs[0]["main"], true);
  Program follower = ScratchHome::start({"logs", "-f", "--verbose", "alone"});
  std::string seen;
  ASSERT_TRUE(readUntil(follower.output(), "one\n", seen));
  (void)agentkernel(
      {"exec", "alone", "sh", "-c", "while ! [ -p /tmp/go ]; do sleep 0.05; done; echo > /tmp/go"});
  const Finished followed = follower.finish();
  EXPECT_EQ(followed.out, "two\n");
  EXPECT_NE(followed.err.find("its command ended with code 6"), std::string::npos) << followed.err;
  const std::string id = jobs[0]["id"];
  EXPECT_EQ(json::parse(agentkernel({"job", "status", "--json", "alone", id}).out)["exit_code"], 6);
  EXPECT_EQ(agentkernel({"job", "logs", "alone", id}).out, "one\ntwo\n");
  EXPECT_EQ(agentkernel({"rm", "alone"}).status, 0);
}

}  // namespace
}  // namespace ak::e2e
