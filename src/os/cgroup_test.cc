#include "os/cgroup.h"

#include <gtest/gtest.h>

namespace ak::os {
namespace {

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

}  // namespace
}  // namespace ak::os
