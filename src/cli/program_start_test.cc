// How the program finds and starts a daemon.
#include "cli/testing/program_fixture.h"

namespace ak::cli {
namespace {

using testing::Finished;
using testing::Program;
using testing::Words;

class NoDaemonTest : public testing::ProgramFixture {};

TEST_F(NoDaemonTest, AMissingDaemonProgramIsToldWithItsRemedy) {
  const Finished finished = run({"list"});
  EXPECT_EQ(finished.status, 125);
  EXPECT_TRUE(finished.err.contains("/nonexistent/agentkerneld")) << finished.err;
  EXPECT_TRUE(finished.err.contains("AGENTKERNEL_DAEMON")) << finished.err;
  EXPECT_EQ(run({"daemon", "status"}).status, 3);
  EXPECT_EQ(run({"daemon", "stop"}).status, 0);
}

class DaemonStartTest : public testing::ProgramFixture {
 protected:
  DaemonStartTest() { daemon_ = AK_BIN_DIR "/../tests/fake_daemon"; }

  ~DaemonStartTest() override { run({"daemon", "stop"}); }
};

TEST_F(DaemonStartTest, FiftyAtOnceStartOneDaemon) {
  std::vector<std::unique_ptr<Program>> programs;
  for (int i = 0; i < 50; ++i) {
    programs.push_back(std::make_unique<Program>(words({"run", "true"}), variables()));
  }
  for (const auto& program : programs) {
    const Finished finished = program->finish();
    EXPECT_EQ(finished.status, 0) << finished.err;
    EXPECT_EQ(finished.out, "hello\n");
  }
  EXPECT_EQ(fileInState("starts"), "x");
}

TEST_F(DaemonStartTest, AnotherRuntimeDirectoryFindsTheSameDaemon) {
  ASSERT_EQ(run({"run", "true"}).status, 0);
  Words elsewhere = variables();
  elsewhere[2] = "XDG_RUNTIME_DIR=" + state() + "/elsewhere";
  const Finished finished = Program(words({"run", "true"}), elsewhere).finish();
  EXPECT_EQ(finished.status, 0) << finished.err;
  EXPECT_EQ(fileInState("starts"), "x");
}

TEST_F(DaemonStartTest, RestartEndsTheOldOneAndStopIsIdempotent) {
  ASSERT_EQ(run({"daemon", "start"}).status, 0);
  const Finished restarted = run({"daemon", "restart"});
  EXPECT_EQ(restarted.status, 0) << restarted.err;
  EXPECT_EQ(fileInState("starts"), "xx");
  EXPECT_TRUE(run({"daemon", "status"}).out.starts_with("daemon      running (process "));
  EXPECT_EQ(run({"daemon", "stop"}).out, "the daemon has ended\n");
  EXPECT_EQ(run({"daemon", "stop"}).out, "the daemon was not running\n");
  EXPECT_EQ(run({"daemon", "status"}).status, 3);
}

TEST_F(DaemonStartTest, WhyItCannotStartIsSaidInItsOwnWords) {
  write(state() + "/mode", "fail");
  const Finished finished = run({"run", "true"});
  EXPECT_EQ(finished.status, 125);
  EXPECT_TRUE(finished.err.contains("the state is from the future")) << finished.err;
  write(state() + "/mode", "silent");
  EXPECT_TRUE(run({"run", "true"}).err.contains("ended with status 3"));
}

}  // namespace
}  // namespace ak::cli
