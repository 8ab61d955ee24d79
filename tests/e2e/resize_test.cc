// Other limits for sandboxes that are there: proved by what fits into them.
#include "scratch_home.h"

namespace ak::e2e {
namespace {

class ResizeTest : public ScratchHome {
 protected:
  void SetUp() override {
    ScratchHome::SetUp();
    if (IsSkipped()) {
      return;
    }
    const Finished made =
        agentkernel({"create", "--mount", "none", "--memory", "48mb", "--pids", "16", "it"});
    if (made.status != 0 && made.err.find("no writable cgroup") != std::string::npos) {
      GTEST_SKIP() << "limits of groups need root or a delegated cgroup";
    }
    ASSERT_EQ(made.status, 0) << made.err;
  }

  void TearDown() override {
    agentkernel({"rm", "it"});
    ScratchHome::TearDown();
  }

  // 100 MB in one process.
  bool memoryIsThere() const {
    return agentkernel(
               {"exec", "it", "sh", "-c", "head -c 100000000 /dev/zero | tail -c 99999999 | wc -c"})
               .out == "99999999\n";
  }

  bool processesAreThere() const {
    return agentkernel({"exec", "it", "sh", "-c",
                        "i=0; while [ $i -lt 32 ]; do sleep 1000 & i=$((i+1)); done; echo all"})
               .out == "all\n";
  }

  std::string shown(const std::string& key) const {
    const std::string all = agentkernel({"inspect", "it"}).out;
    const std::size_t at = all.find("\n" + key + ": ");
    return at == std::string::npos
               ? "(none)"
               : all.substr(at + key.size() + 3, all.find('\n', at + 1) - at - key.size() - 3);
  }
};

TEST_F(ResizeTest, ARunningSandboxGetsMoreAndRunsOn) {
  EXPECT_FALSE(memoryIsThere());
  EXPECT_FALSE(processesAreThere());
  const std::string pid = shown("pid");
  const Finished resized = agentkernel({"resize", "--memory", "400mb", "--pids", "256", "it"});
  ASSERT_EQ(resized.status, 0) << resized.err;
  EXPECT_EQ(shown("pid"), pid);
  EXPECT_EQ(shown("memory_mb"), "400");
  EXPECT_TRUE(memoryIsThere());
  EXPECT_TRUE(processesAreThere());
  EXPECT_EQ(agentkernel({"daemon", "restart"}).status, 0);
  EXPECT_EQ(shown("pid"), pid);
  EXPECT_EQ(shown("memory_mb"), "400");
}

TEST_F(ResizeTest, MemoryInUseIsNotTakenAway) {
  ASSERT_EQ(
      agentkernel({"exec", "it", "sh", "-c", "head -c 30000000 /dev/zero > /dev/shm/held"}).status,
      0);
  const Finished refused = agentkernel({"resize", "--memory", "16mb", "it"});
  EXPECT_EQ(refused.status, 125);
  EXPECT_NE(refused.err.find("in use"), std::string::npos) << refused.err;
  EXPECT_EQ(shown("memory_mb"), "48");
  EXPECT_EQ(agentkernel({"exec", "it", "wc", "-c", "/dev/shm/held"}).out,
            "30000000 /dev/shm/held\n")
      << "nothing may have been ended";
  EXPECT_EQ(agentkernel({"exec", "it", "rm", "/dev/shm/held"}).status, 0);
  EXPECT_EQ(agentkernel({"resize", "--memory", "16mb", "it"}).status, 0);
}

TEST_F(ResizeTest, AStoppedSandboxHasThemFromItsNextStart) {
  ASSERT_EQ(agentkernel({"stop", "it"}).status, 0);
  ASSERT_EQ(agentkernel({"resize", "--memory", "400mb", "it"}).status, 0);
  EXPECT_EQ(shown("status"), "stopped");
  ASSERT_EQ(agentkernel({"start", "it"}).status, 0);
  EXPECT_TRUE(memoryIsThere());
}

TEST_F(ResizeTest, WhatCannotBeIsRefusedAndChangesNothing) {
  const auto refused = [&](Words words, int status) {
    words.insert(words.begin(), "resize");
    const Finished tried = agentkernel(std::move(words));
    EXPECT_EQ(tried.status, status) << tried.err;
    return tried.err;
  };
  EXPECT_NE(refused({"it"}, 125).find("no limit is given"), std::string::npos);
  EXPECT_NE(refused({"--memory", "1k", "it"}, 125).find("at least 8 MiB"), std::string::npos);
  EXPECT_NE(refused({"--memory", "900t", "it"}, 125).find("not enough memory"), std::string::npos);
  EXPECT_NE(refused({"--memory", "64mb", "nobody"}, 125).find("no sandbox named"),
            std::string::npos);
  EXPECT_EQ(shown("memory_mb"), "48");
  EXPECT_EQ(shown("status"), "running");
}

}  // namespace
}  // namespace ak::e2e
