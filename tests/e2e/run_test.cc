// The built programs together: `agentkernel run` against a daemon that it starts by itself.
#include <gtest/gtest.h>

#include "cli/testing/program.h"
#include "client/testing/scripted_server.h"

namespace ak {
namespace {

using cli::testing::Finished;
using cli::testing::Program;
using Words = std::vector<std::string>;

class RunTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::access(AK_BIN_DIR "/agentkerneld", X_OK) != 0) {
      GTEST_SKIP() << "agentkerneld is not built";
    }
    ASSERT_TRUE(sys::makePrivateDirectory(directory_.path() + "/run"));
  }

  void TearDown() override {
    if (!IsSkipped()) {
      agentkernel({"daemon", "stop"});
    }
  }

  Finished agentkernel(Words words, std::string_view input = {}) const {
    words.insert(words.begin(), AK_BIN_DIR "/agentkernel");
    Program program(words, {"HOME=" + directory_.path(), "PATH=/usr/bin:/bin",
                            "XDG_RUNTIME_DIR=" + directory_.path() + "/run",
                            "AGENTKERNEL_STATE_DIR=" + directory_.path() + "/state"});
    if (!input.empty()) {
      EXPECT_TRUE(sys::writeAll(program.input(), input));
    }
    return program.finish();
  }

 private:
  client::testing::TemporaryDirectory directory_;
};

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
}  // namespace ak
