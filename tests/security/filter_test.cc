// R20: where the kernel cannot filter system calls nothing runs, and nobody gets less than they
// were told.
#include <gmock/gmock.h>

#include "world.h"

namespace ak::security {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class FilterTest : public SecurityTest {
 protected:
  // A daemon that began before has its filters.
  void SetUp() override {
    SecurityTest::SetUp();
    if (!IsSkipped()) {
      world().agentkernel({"daemon", "stop"});
    }
  }

  void TearDown() override {
    if (!IsSkipped()) {
      world().agentkernel({"daemon", "stop"});
    }
  }

  Finished withoutSeccomp(const Words& words) {
    Words all{world().project() + "/hostile", "without-seccomp",
              world().top() + "/bin/agentkernel"};
    all.insert(all.end(), words.begin(), words.end());
    return world().host(all);
  }
};

TEST_P(FilterTest, NothingRunsWithoutAFilter) {
  for (const char* profile : {"permissive", "moderate", "restrictive"}) {
    const Finished run = withoutSeccomp(
        {"run", "--image", "host", "--mount", "none", "--profile", profile, "echo", "unfiltered"});
    EXPECT_EQ(run.status, 125) << run.out << run.err;
    EXPECT_THAT(run.out, Not(HasSubstr("unfiltered")));
    EXPECT_THAT(run.err, HasSubstr("filter")) << "the reason must be named";
  }
  const Finished kept = withoutSeccomp({"run", "--keep", "--name", "weak", "--image", "host",
                                        "--mount", "none", "echo", "unfiltered"});
  EXPECT_EQ(kept.status, 125) << kept.out;
  EXPECT_THAT(withoutSeccomp({"list", "--json"}).out, Not(HasSubstr("weak")));
}

TEST_P(FilterTest, TheSameUserRunsWithOne) {
  EXPECT_EQ(world().shell("grep Seccomp: /proc/self/status", {"--mount", "none"}).out,
            "Seccomp:\t2\n");
}

INSTANTIATE_TEST_SUITE_P(Users, FilterTest, ::testing::Values(Who::Self, Who::Plain), nameOf);

}  // namespace
}  // namespace ak::security
