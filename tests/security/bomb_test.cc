// R23: a guest that takes all it can. The host and other sandboxes go on, and the outcome says why.
#include <gmock/gmock.h>

#include "world.h"

namespace ak::security {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class BombTest : public SecurityTest {
 protected:
  void TearDown() override {
    if (!IsSkipped()) {
      EXPECT_EQ(world().shell("echo alive", {"--mount", "none"}).out, "alive\n");
    }
  }
};

TEST_P(BombTest, ProcessesEndAtTheLimit) {
  const Finished bomb = world().attack({"forks", "2000"});
  EXPECT_EQ(bomb.status, 0) << bomb.out << bomb.err;
  EXPECT_THAT(bomb.out, HasSubstr("blocked fork bomb"));
}

TEST_P(BombTest, MemoryEndsAtTheLimit) {
  const Finished bomb = world().attack({"memory", "400"}, {"--memory", "64mb"});
  if (const std::string why = whyNoMemoryLimit(world().uid(), bomb); !why.empty()) {
    EXPECT_EQ(bomb.status, 125);
    GTEST_SKIP() << why;
  }
  EXPECT_EQ(bomb.status, 137) << bomb.out << bomb.err;
  EXPECT_THAT(bomb.out, Not(HasSubstr("WORKED")));
}

TEST_P(BombTest, DescriptorsEndAtTheLimit) {
  const Finished bomb = world().attack({"files", "600000"});
  EXPECT_EQ(bomb.status, 0) << bomb.out << bomb.err;
}

TEST_P(BombTest, SharedMemoryAndTemporaryFilesEndAtTheLimit) {
  for (const char* place : {"/dev/shm", "/tmp"}) {
    const Finished bomb = world().attack({"fill", place, "600"});
    EXPECT_THAT(bomb.out, Not(HasSubstr("WORKED"))) << bomb.err;
  }
}

TEST_P(BombTest, InodesEndAtTheLimit) {
  const Finished bomb = world().attack({"inodes", "/dev/shm", "70000"});
  EXPECT_EQ(bomb.status, 0) << bomb.out << bomb.err;
}

TEST_P(BombTest, TerminalsEndAtTheSandboxesOwnLimit) {
  const Finished bomb = world().attack({"terminals", "200"});
  EXPECT_EQ(bomb.status, 0) << bomb.out << bomb.err;
}

// Version 1 counts them apart from the memory limit, which does not hold them.
TEST_P(BombTest, UnreadSocketsEndAtTheLimit) {
  const Finished bomb = world().attack({"sockets", "160"}, {"--memory", "64mb"});
  if (const std::string why = whyNoMemoryLimit(world().uid(), bomb); !why.empty()) {
    GTEST_SKIP() << why;
  }
  EXPECT_THAT(bomb.out, Not(HasSubstr("WORKED"))) << bomb.err;
}

TEST_P(BombTest, AFloodOfOutputArrivesAndCostsNothing) {
  const Finished flood = world().attack({"flood", "32"});
  EXPECT_EQ(flood.status, 0) << flood.err;
  EXPECT_EQ(flood.out.size(), std::size_t{32} << 20U);
}

INSTANTIATE_TEST_SUITE_P(Users, BombTest, ::testing::Values(Who::Self, Who::Plain), nameOf);

}  // namespace
}  // namespace ak::security
