// The built programs together: `agentkernel run` against a daemon that it starts by itself.
#include <set>

#include "base/text.h"
#include "crypto/sha256.h"
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

TEST_F(RunTest, AWritableDirectoryIsItsOwnersAgainWhenTheCommandHasEnded) {
  ASSERT_TRUE(sys::makePrivateDirectory(home() + "/project"));
  for (int i = 0; i < 5; ++i) {
    const std::string script = cat("cd ", home(), "/project && ", AK_BIN_DIR,
                                   "/agentkernel run --mount rw touch made && ls -A");
    Program shell({"/bin/sh", "-c", script}, variables());
    const Finished finished = shell.finish();
    EXPECT_EQ(finished.out, "made\n") << finished.err;
  }
}

TEST_F(RunTest, FailuresHaveTheirOwnStatus) {
  EXPECT_EQ(agentkernel({"run", "--mount", "none", "--image", "host", "/nonexistent"}).status, 127);
  EXPECT_EQ(agentkernel({"run", "--mount", "none", "--image", "host", "/etc/passwd"}).status, 126);
  EXPECT_EQ(agentkernel({"run", "--mount", "none", "--timeout", "200ms", "sleep", "60"}).status,
            124);
}

// Every byte, both ways, in bulk: nothing on the way may take it for text or lose a piece.
TEST_F(RunTest, BulkOfRandomBytesComesThroughUnchanged) {
  constexpr std::string_view kScript =
      "head -c 67108864 /dev/urandom > /tmp/bulk; sha256sum < /tmp/bulk >&2; cat /tmp/bulk";
  const Finished made = agentkernel({"run", "--mount", "none", "sh", "-c", std::string(kScript)});
  ASSERT_EQ(made.status, 0) << made.err;
  ASSERT_EQ(made.out.size(), std::size_t{64} << 20U);
  const std::string sum = crypto::sha256Hex(made.out);
  EXPECT_EQ(made.err, sum + "  -\n");
  write(home() + "/bulk", made.out);
  const std::string line =
      "exec " AK_BIN_DIR "/agentkernel run --mount none sha256sum < " + home() + "/bulk";
  EXPECT_EQ(Program({"/bin/sh", "-c", line}, variables()).finish().out, sum + "  -\n");
}

// As cron and services run it: root without a session, so that the runtime directory is the
// machine's own. In a mount namespace whose /run is empty: a daemon of this machine stays alone.
TEST_F(RunTest, FiftyAtOnceWithoutARuntimeDirectoryStartOneDaemon) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "needs root: others have no common runtime directory";
  }
  const std::string script =
      "mount -t tmpfs none /run || exit 77\n"
      "i=0; while [ $i -lt 50 ]; do " AK_BIN_DIR
      // So little that fifty of them fit in a small machine.
      "/agentkernel run --mount none --memory 24mb echo $i & i=$((i + 1)); done; wait\n"
      "ls /run/agentkernel/daemon.sock >&2\n" AK_BIN_DIR "/agentkernel daemon stop >&2";
  Words environment;
  for (std::string& variable : variables()) {
    if (!variable.starts_with("XDG_RUNTIME_DIR=")) {
      environment.push_back(std::move(variable));
    }
  }
  const Finished finished =
      Program({"/usr/bin/unshare", "--mount", "--propagation", "private", "sh", "-c", script},
              environment)
          .finish();
  if (finished.status == 77) {
    GTEST_SKIP() << "no mount namespace of its own: " << finished.err;
  }
  EXPECT_EQ(finished.err, "/run/agentkernel/daemon.sock\nthe daemon has ended\n");
  std::set<int> numbers;
  for (const std::string_view line : split(trim(finished.out), '\n')) {
    numbers.insert(parseNumber<int>(line).value_or(-1));
  }
  EXPECT_EQ(numbers.size(), 50U) << finished.out;
  const std::string log = sys::readFile(state() + "/daemon.log", 1 << 20).value_or("");
  const std::size_t first = log.find("listens on");
  EXPECT_NE(first, std::string::npos) << log;
  EXPECT_EQ(log.find("listens on", first + 1), std::string::npos) << log;
}

}  // namespace
}  // namespace ak::e2e
