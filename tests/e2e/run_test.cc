// The built programs together: `agentkernel run` against a daemon that it starts by itself.
#include "scratch_home.h"

namespace ak::e2e {
namespace {

class RunTest : public ScratchHome {};

TEST_F(RunTest, TheFirstRunStartsTheDaemonAndPrints) {
  const Finished finished = agentkernel({"run", "--mount", "none", "echo", "hello"});
  EXPECT_EQ(finished.out, "hello\n") << finished.err;
  EXPECT_EQ(finished.status, 0);
}

TEST_F(RunTest, InputStatusAndStreamsAreTheGuests) {
  const std::string bytes("a\0\xff\n", 4);
  EXPECT_EQ(agentkernel({"run", "--mount", "none", "cat"}, bytes).out, bytes);
  const Finished finished =
      agentkernel({"run", "--mount", "none", "sh", "-c", "echo e >&2; exit 7"});
  EXPECT_EQ(finished.status, 7);
  EXPECT_EQ(finished.err, "e\n");
}

TEST_F(RunTest, ACommandWithASlashNeedsNoImageOfItsOwn) {
  const Finished finished = agentkernel({"run", "--mount", "none", "/usr/bin/echo", "path"});
  EXPECT_EQ(finished.out, "path\n") << finished.err;
  // Not "import an image for it": what is missing is the file.
  const Finished missing = agentkernel({"run", "--mount", "none", "./missing"});
  EXPECT_EQ(missing.status, 127);
  EXPECT_EQ(missing.err.find("image alpine"), std::string::npos) << missing.err;
}

TEST_F(RunTest, FailuresHaveTheirOwnStatus) {
  EXPECT_EQ(agentkernel({"run", "--mount", "none", "--image", "host", "/nonexistent"}).status, 127);
  EXPECT_EQ(agentkernel({"run", "--mount", "none", "--image", "host", "/etc/passwd"}).status, 126);
  EXPECT_EQ(agentkernel({"run", "--mount", "none", "--timeout", "200ms", "sleep", "60"}).status,
            124);
}

}  // namespace
}  // namespace ak::e2e
