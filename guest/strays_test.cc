// Holds for all tests of this program: what an agent started is gone when its test is over.
#include <sys/prctl.h>

#include "guest/test_agent.h"

namespace ak::guest::test {
namespace {

class NoStrays : public testing::Environment {
 public:
  // Orphans come to this process, so that they are found among its descendants.
  void SetUp() override { ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0); }

  void TearDown() override { EXPECT_EQ(TestAgent::strays(), std::vector<pid_t>()); }
};

const auto* const no_strays = testing::AddGlobalTestEnvironment(new NoStrays);

}  // namespace
}  // namespace ak::guest::test
