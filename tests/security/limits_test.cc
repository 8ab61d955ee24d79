// Limits against bombs, through the real programs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.h"
#include "cli/testing/program.h"
#include "client/testing/scripted_server.h"
#include "sys/file.h"
#include "world.h"

namespace ak::security {
namespace {

using cli::testing::Program;
using ::testing::HasSubstr;

class LimitsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(sys::makePrivateDirectory(directory_.path() + "/run"));
    if (const std::string why = whyNoMemoryLimit(::geteuid(), run({"--memory", "64M"}, "true"));
        !why.empty()) {
      GTEST_SKIP() << why;
    }
  }

  void TearDown() override { agentkernel({"daemon", "stop"}); }

  Finished agentkernel(Words words) const {
    words.insert(words.begin(), AK_BIN_DIR "/agentkernel");
    return Program(words, {"HOME=" + directory_.path(), "PATH=/usr/bin:/bin",
                           "XDG_RUNTIME_DIR=" + directory_.path() + "/run",
                           "AGENTKERNEL_STATE_DIR=" + directory_.path() + "/state"})
        .finish();
  }

  Finished run(Words limits, const std::string& script) const {
    Words words = {"run", "--mount", "none", "--image", "host"};
    words.insert(words.end(), limits.begin(), limits.end());
    words.insert(words.end(), {"bash", "-c", script});
    return agentkernel(words);
  }

  client::testing::TemporaryDirectory directory_;
};

TEST_F(LimitsTest, AMemoryBombIsKilledAndNothingElse) {
  const Finished finished =
      run({"--memory", "64M"}, "perl -e '$x = \"a\" x (1 << 30)'; echo bomb=$?; echo alive");
  EXPECT_EQ(finished.out, "bomb=137\nalive\n") << finished.err;
}

TEST_F(LimitsTest, AnEndByMemoryHasItsStatusAndItsReason) {
  for (const char* bomb :
       {"exec perl -e '$x = \"a\" x (1 << 30)'", "perl -e '$x = \"a\" x (1 << 30)'; exit $?"}) {
    const Finished finished = run({"--json", "--memory", "64M"}, bomb);
    EXPECT_EQ(finished.status, 137) << bomb;
    EXPECT_THAT(finished.out, HasSubstr("\"out_of_memory\": true")) << bomb << finished.err;
  }
}

TEST_F(LimitsTest, AnOldEndByMemoryIsNotBlamedOnALaterExec) {
  const Words kept = {"run",     "--keep", "--name",  "kept", "--memory", "64M",
                      "--mount", "none",   "--image", "host", "true"};
  ASSERT_EQ(agentkernel(kept).status, 0);
  const auto exec = [this](const char* script) {
    return agentkernel({"exec", "--json", "kept", "--", "bash", "-c", script});
  };
  const Finished bomb = exec("exec perl -e '$x = \"a\" x (1 << 30)'");
  EXPECT_EQ(bomb.status, 137);
  EXPECT_THAT(bomb.out, HasSubstr("\"out_of_memory\": true")) << bomb.err;
  const Finished later = exec("kill -KILL $$");
  EXPECT_EQ(later.status, 137);
  EXPECT_THAT(later.out, HasSubstr("\"out_of_memory\": false")) << later.err;
  EXPECT_EQ(agentkernel({"rm", "kept"}).status, 0);
}

TEST_F(LimitsTest, AForkBombStopsAtItsLimit) {
  // Every child waits for the parent, so that all are alive when fork fails.
  const Finished finished =
      run({"--pids", "40"},
          "exec perl -e 'pipe(R, W); for ($n = 0; $n < 1000; $n++) { $p = fork(); "
          "last if !defined $p; if (!$p) { close W; <R>; exit } } print \"$n\\n\"'");
  const auto forked = parseNumber<int>(trim(finished.out));
  ASSERT_TRUE(forked) << finished.out << finished.err;
  EXPECT_GT(*forked, 20);
  EXPECT_LT(*forked, 40);
}

TEST_F(LimitsTest, TheWritableLayerOfAOneShotIsFullInBytesAndInFiles) {
  const Finished bytes = run({"--disk", "8M", "--memory", "256M"},
                             "cd /root; head -c 64M /dev/zero > big 2>err; stat -c %s big");
  const auto size = parseNumber<std::uint64_t>(trim(bytes.out));
  ASSERT_TRUE(size) << bytes.out << bytes.err;
  EXPECT_LE(*size, std::uint64_t{8} << 20U);
  EXPECT_GT(*size, std::uint64_t{6} << 20U);
  const Finished files =
      run({"--disk", "8M", "--memory", "256M"},
          "cd /root; perl -e 'for ($n = 0; $n < 100000; $n++) { open(F, \">f$n\") or last } "
          "print \"$n $!\\n\"'");
  EXPECT_THAT(files.out, HasSubstr("No space left on device")) << files.err;
}

TEST_F(LimitsTest, SharedMemoryAndDescriptorsHaveAnEnd) {
  const Finished finished = run(
      {"--memory", "256M"},
      "head -c 200M /dev/zero > /dev/shm/big 2>/dev/null; stat -c %s /dev/shm/big; rm /dev/shm/big;"
      "perl -e 'for ($n = 0; $n < 2000; $n++) { open($f[$n], \"/dev/null\") or last } "
      "print \"$!\\n\"'");
  EXPECT_EQ(finished.out, cat(64 << 20, "\nToo many open files\n")) << finished.err;
}

TEST_F(LimitsTest, AFloodOfOutputEndsWithItsReader) {
  Program sandbox({AK_BIN_DIR "/agentkernel", "run", "--mount", "none", "--image", "host", "yes"},
                  {"HOME=" + directory_.path(), "PATH=/usr/bin:/bin",
                   "XDG_RUNTIME_DIR=" + directory_.path() + "/run",
                   "AGENTKERNEL_STATE_DIR=" + directory_.path() + "/state"});
  char bytes[2];
  ASSERT_EQ(::read(sandbox.output(), bytes, 2), 2);
  EXPECT_EQ(std::string(bytes, 2), "y\n");
  sandbox.closeOutput();
  EXPECT_NE(sandbox.finish().status, 0);
}

TEST_F(LimitsTest, TheLimitsInForceAreShownWithTheirMeans) {
  const Finished finished = agentkernel({"run", "--json", "--mount", "none", "--image", "host",
                                         "--memory", "64M", "--pids", "40", "true"});
  EXPECT_THAT(finished.out, HasSubstr("\"limits\""));
  EXPECT_THAT(finished.out, HasSubstr("\"by\""));
}

}  // namespace
}  // namespace ak::security
