// `logs --follow` and `daemon logs --follow`: they show what comes, and end when they should.
#include <csignal>

#include "scratch_home.h"

namespace ak::e2e {
namespace {

class FollowTest : public ScratchHome {
 protected:
  void detach(const std::string& name, const std::string& script) const {
    const Finished made = agentkernel(
        {"run", "--detach", "--keep", "--name", name, "--mount", "none", "sh", "-c", script});
    ASSERT_EQ(made.status, 0) << made.err;
  }

  void TearDown() override {
    agentkernel({"rm", "it"});
    ScratchHome::TearDown();
  }

  std::string seen;
};

TEST_F(FollowTest, ShowsWhatIsThereAndWhatComes) {
  detach("it", "echo before; while ! [ -e /tmp/go ]; do sleep 0.05; done; echo after; sleep 1000");
  const Program follower = start({"logs", "--follow", "it"});
  ASSERT_TRUE(readUntil(follower.output(), "before\n", seen)) << seen;
  ASSERT_EQ(agentkernel({"exec", "it", "touch", "/tmp/go"}).status, 0);
  EXPECT_TRUE(readUntil(follower.output(), "after\n", seen)) << seen;
  EXPECT_EQ(seen, "before\nafter\n");
}

// Whoever looks at a log has not asked the command for anything: not to write to the clipboard (OSC
// 52), not to rename the window, not to say something else than it shows.
TEST_F(FollowTest, NothingInALogSteersTheTerminal) {
  detach(
      "it",
      R"(printf '\033]52;c;aGk=\a\033]0;title\a\033[31mred\033[0m\r\302\2332Jend\n'; sleep 1000)");
  const std::string shown =
      "\\x1b]52;c;aGk=\\x07\\x1b]0;title\\x07\\x1b[31mred\\x1b[0m\\x0d\\xc2\\x9b2Jend\n";
  const Program follower = start({"logs", "--follow", "it"});
  EXPECT_TRUE(readUntil(follower.output(), "end\n", seen));
  EXPECT_EQ(seen, shown);
  EXPECT_EQ(agentkernel({"logs", "it"}).out, shown);
}

TEST_F(FollowTest, EndsWhenTheCommandOfADetachedRunEnds) {
  const Finished made =
      agentkernel({"run", "--detach", "--name", "it", "--mount", "none", "sh", "-c",
                   "echo one; while ! [ -e /tmp/go ]; do sleep 0.05; done; printf last"});
  ASSERT_EQ(made.status, 0) << made.err;
  Program follower = start({"logs", "--follow", "--verbose", "it"});
  ASSERT_TRUE(readUntil(follower.output(), "one\n", seen));
  // The sandbox ends with its command, maybe before this has been answered.
  (void)agentkernel({"exec", "it", "touch", "/tmp/go"});
  const Finished finished = follower.finish();
  EXPECT_EQ(finished.status, 0);
  EXPECT_EQ(finished.out, "last");
  EXPECT_NE(finished.err.find("its command ended with code 0"), std::string::npos) << finished.err;
  // And again, when it has long ended.
  EXPECT_EQ(agentkernel({"logs", "-f", "it"}).out, "one\nlast");
}

TEST_F(FollowTest, EndsWhenTheSandboxIsStoppedOrRemoved) {
  for (const char* ending : {"stop", "rm"}) {
    agentkernel({"rm", "it"});
    detach("it", "echo up; exec sleep 1000");
    Program follower = start({"logs", "--follow", "it"});
    seen.clear();
    ASSERT_TRUE(readUntil(follower.output(), "up\n", seen));
    ASSERT_EQ(agentkernel({ending, "it"}).status, 0);
    EXPECT_EQ(follower.finish().status, 0) << ending;
  }
}

TEST_F(FollowTest, InterruptEndsTheFollowingAndNothingElse) {
  detach("it", "echo up; exec sleep 1000");
  Program follower = start({"logs", "--follow", "it"});
  ASSERT_TRUE(readUntil(follower.output(), "up\n", seen));
  follower.signal(SIGINT);
  EXPECT_EQ(follower.finish().status, 128 + SIGINT);
  EXPECT_EQ(agentkernel({"exec", "it", "echo", "alive"}).out, "alive\n");
}

TEST_F(FollowTest, EndsWithItsOwnReaderThoughNothingMoreIsPrinted) {
  detach("it", "echo up; exec sleep 1000");
  Program follower = start({"logs", "--follow", "it"});
  ASSERT_TRUE(readUntil(follower.output(), "up\n", seen));
  follower.closeOutput();
  EXPECT_EQ(follower.finish().status, 128 + SIGPIPE);
}

TEST_F(FollowTest, ASlowReaderHoldsUpNobody) {
  detach("it", "head -c 40000000 /dev/zero | tr '\\0' x; touch /tmp/done; exec sleep 1000");
  Program follower = start({"logs", "--follow", "it"});  // reads nothing
  EXPECT_EQ(agentkernel({"exec", "--timeout", "60s", "it", "sh", "-c",
                         "while ! [ -e /tmp/done ]; do sleep 0.05; done"})
                .status,
            0);
  ASSERT_EQ(agentkernel({"stop", "it"}).status, 0);
  const Finished finished = follower.finish();
  EXPECT_EQ(finished.status, 0);
  EXPECT_NE(finished.out.find("some output is missing here"), std::string::npos);
  EXPECT_LT(finished.out.size(), 40'000'000U);
}

TEST_F(FollowTest, AStopWhileItsReaderWaitsIsNotMissed) {
  detach("it", "head -c 4000000 /dev/zero | tr '\\0' x; touch /tmp/done; exec sleep 1000");
  ASSERT_EQ(agentkernel({"exec", "it", "sh", "-c", "while ! [ -e /tmp/done ]; do sleep 0.05; done"})
                .status,
            0);
  Program follower = start({"logs", "--follow", "it"});
  pollfd first{follower.output(), POLLIN, 0};
  ASSERT_EQ(::poll(&first, 1, 30'000), 1);  // it is in the middle of what there is
  ASSERT_EQ(agentkernel({"stop", "it"}).status, 0);
  const Finished finished = follower.finish();
  EXPECT_EQ(finished.status, 0);
  EXPECT_EQ(finished.out.size(), 4'000'000U);
}

TEST_F(FollowTest, JsonIsAnObjectALine) {
  ASSERT_EQ(agentkernel({"run", "--keep", "--name", "it", "--mount", "none", "sh", "-c",
                         "printf 'a\\n\\033b'"})
                .status,
            0);
  ASSERT_EQ(agentkernel({"stop", "it"}).status, 0);
  EXPECT_EQ(agentkernel({"logs", "-f", "--json", "it"}).out,
            "{\"message\":\"a\"}\n{\"message\":\"\\u001bb\"}\n");
}

TEST_F(FollowTest, TheDaemonsLogGoesOnOverItsRestart) {
  ASSERT_EQ(agentkernel({"daemon", "start"}).status, 0);
  Program follower = start({"daemon", "logs", "--follow"});
  ASSERT_TRUE(readUntil(follower.output(), "listens on", seen)) << seen;
  seen.clear();
  ASSERT_EQ(agentkernel({"daemon", "stop"}).status, 0);
  ASSERT_TRUE(readUntil(follower.output(), "stopped", seen)) << seen;
  ASSERT_EQ(agentkernel({"daemon", "start"}).status, 0);
  ASSERT_TRUE(readUntil(follower.output(), "listens on", seen)) << seen;
  follower.signal(SIGINT);
  EXPECT_EQ(follower.finish().status, 128 + SIGINT);
}

TEST_F(FollowTest, TheDaemonsLogAsJsonIsAnObjectALineToo) {
  ASSERT_TRUE(sys::makePrivateDirectory(state()));
  write(state() + "/daemon.log", "one\ntwo \"x\"\nlast");
  EXPECT_EQ(agentkernel({"daemon", "logs", "--json", "--last", "2"}).out,
            "{\"message\":\"two \\\"x\\\"\"}\n{\"message\":\"last\"}\n");
}

TEST_F(FollowTest, TheDaemonsLogIsFollowedOverItsRotation) {
  ASSERT_TRUE(sys::makePrivateDirectory(state()));
  write(state() + "/daemon.log", "one\ntwo\n");
  Program follower = start({"daemon", "logs", "--follow", "--last", "1"});
  ASSERT_TRUE(readUntil(follower.output(), "two\n", seen));
  ASSERT_EQ(::rename((state() + "/daemon.log").c_str(), (state() + "/daemon.log.1").c_str()), 0);
  write(state() + "/daemon.log", "three\n");
  ASSERT_TRUE(readUntil(follower.output(), "three\n", seen));
  EXPECT_EQ(seen, "two\nthree\n");
  follower.closeOutput();
  EXPECT_EQ(follower.finish().status, 128 + SIGPIPE);
}

}  // namespace
}  // namespace ak::e2e
