// Execs in child cgroups of their own, and an agent without any privilege.
#include <sys/stat.h>

#include "guest/agent_fixture.h"

namespace ak::guest::test {
namespace {

// A cgroup for one test, v1 pids or v2, removed with it.
class TestCgroup {
 public:
  TestCgroup() {
    for (const char* root : {"/sys/fs/cgroup/pids", "/sys/fs/cgroup"}) {
      path_ = cat(root, "/ak-agent-test-", ::getpid(), "-", counter_++);
      if (::mkdir(path_.c_str(), 0755) == 0) {
        if (auto fd = sys::openPath(path_, O_RDONLY | O_DIRECTORY);
            fd && ::faccessat(fd->get(), "cgroup.procs", W_OK, 0) == 0) {
          fd_ = std::move(*fd);
          return;
        }
        ::rmdir(path_.c_str());
      }
    }
  }

  ~TestCgroup() {
    if (fd_.valid()) {
      for (const std::string& name : children()) {
        ::rmdir(cat(path_, "/", name).c_str());
      }
      EXPECT_EQ(::rmdir(path_.c_str()), 0) << path_;
    }
  }

  bool usable() const { return fd_.valid(); }

  int fd() const { return fd_.get(); }

  bool set(const std::string& file, std::string_view value) const {
    const auto opened = sys::openAt(fd_.get(), file, O_WRONLY);
    return opened && sys::writeAll(opened->get(), value);
  }

  std::vector<std::string> children() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(path_)) {
      if (entry.is_directory()) {
        names.push_back(entry.path().filename());
      }
    }
    return names;
  }

 private:
  static inline int counter_ = 0;
  std::string path_;
  sys::OwnedFd fd_;
};

class AgentCgroupTest : public AgentTest {
 protected:
  void SetUp() override {
    AgentTest::SetUp();
    if (!cgroup_.usable()) {
      GTEST_SKIP() << "no cgroup hierarchy to make groups in";
    }
  }

  static wire::SandboxRules rules() {
    wire::SandboxRules out = TestAgent::defaultRules();
    out.can_group = true;
    return out;
  }

  TestCgroup cgroup_;
};

INSTANTIATE_TEST_SUITE_P(, AgentCgroupTest, testing::Values(Role::Process, Role::Init), roleName);

TEST_P(AgentCgroupTest, EachExecHasItsOwnGroupWhichGoesWithIt) {
  TestAgent agent(GetParam(), cgroup_.fd());
  TestClient client = agent.begin(rules());
  const ExecOutcome outcome = client.shell("cat /proc/self/cgroup");
  EXPECT_NE(outcome.out.find("/exec-1"), std::string::npos) << outcome.out;
  EXPECT_EQ(client.shell("true").exit, wire::ExecExit{});
  EXPECT_LE(cgroup_.children().size(), 1U);
}

// A child that shares the agent's memory before its exec shares the score as well, and its end.
TEST_P(AgentCgroupTest, OnlyTheCommandIsPreferredByTheOomKiller) {
  TestAgent agent(GetParam(), cgroup_.fd());
  TestClient client = agent.begin(rules());
  const std::string score = cat("/proc/", agent.pid(), "/oom_score_adj");
  const auto before = sys::readFile(score, 64);
  ASSERT_TRUE(before);
  EXPECT_EQ(client.shell("cat /proc/self/oom_score_adj").out, "500\n");
  EXPECT_EQ(sys::readFile(score, 64).value_or(""), *before);
}

TEST_P(AgentCgroupTest, KillEndsTheWholeGroup) {
  TestAgent agent(GetParam(), cgroup_.fd());
  TestClient client = agent.begin(rules());
  const std::string fifo = agent.directory() + "/fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  const sys::OwnedFd held = std::move(*sys::openPath(fifo, O_RDONLY | O_NONBLOCK));
  const std::uint32_t stream = client.openExec(shellCommand(
      cat("exec 8>", fifo, "; (setsid setsid sleep 1000 &) ; echo up >&8; sleep 1000")));
  char buffer[16];
  pollfd poll{held.get(), POLLIN, 0};
  ASSERT_EQ(::poll(&poll, 1, 20'000), 1);
  ASSERT_EQ(::read(held.get(), buffer, sizeof buffer), 3);
  client.send(wire::FrameType::Reset, stream, 0, wire::encodeError({}));
  ASSERT_EQ(::poll(&poll, 1, 20'000), 1);
  EXPECT_EQ(::read(held.get(), buffer, sizeof buffer), 0);  // the last holder is gone
  EXPECT_EQ(client.shell("echo fine").out, "fine\n");
}

TEST_P(AgentCgroupTest, AtThePidsLimitExecIsACapacityError) {
  if (!cgroup_.set("pids.max", "1")) {
    GTEST_SKIP() << "no pids controller in this hierarchy";
  }
  TestAgent agent(GetParam(), cgroup_.fd());
  ASSERT_TRUE(cgroup_.set("cgroup.procs", cat(agent.pid())));
  TestClient client = agent.begin(rules());
  EXPECT_EQ(client.exec(command({"true"})).reset->code, ErrorCode::Capacity);
  // What needs no process still works.
  client.open(wire::Service::Stats, "");
  EXPECT_TRUE(wire::decodeGuestStats(client.nextNews()->payload));
  ASSERT_TRUE(cgroup_.set("pids.max", "max"));
  EXPECT_EQ(client.exec(command({"true"})).exit, wire::ExecExit{});
}

TEST(AgentUnprivilegedTest, RunsCommandsAsItselfAndAsNobodyElse) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "the test becomes another user";
  }
  TestAgent agent(Role::Process, -1, 65534);
  TestClient client = agent.begin();
  EXPECT_EQ(client.exec(command({"id", "-u"})).out, "65534\n");
  wire::ExecRequest request = command({"id"});
  request.user = "root";
  EXPECT_EQ(client.exec(request).reset->code, ErrorCode::PermissionDenied);
  EXPECT_NE(client.shell("sleep 1000 & exit 3").exit->code, 0);
}

}  // namespace
}  // namespace ak::guest::test
