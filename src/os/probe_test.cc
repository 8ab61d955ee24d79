#include "os/probe.h"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "os/user_namespace.h"

namespace ak::os {
namespace {

TEST(ProbeTest, WhatIsNotUsableSaysWhyAndWhatToDo) {
  for (const Ability& ability : probeAll("/tmp")) {
    EXPECT_FALSE(ability.name.empty());
    EXPECT_FALSE(ability.detail.empty()) << ability.name;
    EXPECT_EQ(ability.usable, ability.remedy.empty()) << ability.name;
  }
}

TEST(ProbeTest, AnOrdinaryUserIsJudgedAsOne) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "needs root to become somebody else";
  }
  const pid_t child = ::fork();
  if (child == 0) {
    // A change of user without an exec leaves /proc/self to root unless we say so.
    if (::setgid(65534) != 0 || ::setuid(65534) != 0 || ::prctl(PR_SET_DUMPABLE, 1) != 0) {
      ::_exit(9);
    }
    const bool right =
        probeUserNamespaces().usable && probeOverlay().usable && !probeSubordinateIds().usable;
    ::_exit(right ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

TEST(CgroupMountsTest, HybridAndPureLayoutsAreRead) {
  const CgroupMounts hybrid = parseCgroupMounts(
      "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
      "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
      "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n");
  EXPECT_EQ(hybrid.v1[0], "/sys/fs/cgroup/memory");
  EXPECT_EQ(hybrid.v1[2], "/sys/fs/cgroup/cpu,cpuacct");
  EXPECT_EQ(hybrid.v1[3], "/sys/fs/cgroup/cpu,cpuacct");
  EXPECT_EQ(hybrid.v2, "/sys/fs/cgroup/unified");
  EXPECT_EQ(parseCgroupMounts("garbage\n\n1 2 - - -"), CgroupMounts{});
}

TEST(SubordinateIdsTest, NamesAndNumbersBothCount) {
  const auto found = subordinateIds("a:100:10\n1000:300:20\nb:500:30\nbad:x:y\na:1\n", "a", 1000);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0], (IdExtent{0, 100, 10}));
  EXPECT_EQ(found[1], (IdExtent{0, 300, 20}));
}

}  // namespace
}  // namespace ak::os
