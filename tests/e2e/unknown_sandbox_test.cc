// Whoever names a sandbox that is not there is told what to do, by every command.
#include "scratch_home.h"

namespace ak::e2e {
namespace {

class UnknownSandboxTest : public ScratchHome {};

TEST_F(UnknownSandboxTest, EveryCommandSaysHowToFindOne) {
  const Words commands[] = {
      {"exec", "nosuch", "true"},
      {"cp", "nosuch:/x", "y"},
      {"cp", "nosuch:/x", "-"},
      {"cp", "/etc/passwd", "nosuch:/x"},
      {"exec", "--detach", "nosuch", "true"},
      {"job", "list", "nosuch"},
      {"job", "status", "nosuch", "0123abcd"},
      {"job", "logs", "nosuch", "0123abcd"},
      {"job", "logs", "--follow", "nosuch", "0123abcd"},
      {"job", "signal", "nosuch", "0123abcd", "TERM"},
      {"job", "kill", "nosuch", "0123abcd"},
      {"inspect", "nosuch"},
      {"logs", "nosuch"},
      {"logs", "--follow", "nosuch"},
      {"diff", "nosuch"},
      {"apply", "nosuch"},
      {"discard", "nosuch"},
      {"start", "nosuch"},
      {"stop", "nosuch"},
      {"rm", "nosuch"},
      {"update", "nosuch", "--label", "a=b"},
      {"extend-ttl", "--by", "1h", "nosuch"},
      {"archive", "nosuch"},
      {"recover", "nosuch"},
      {"verify", "nosuch"},
  };
  for (const Words& command : commands) {
    const Finished finished = agentkernel(command);
    EXPECT_EQ(finished.status, 125) << command[0];
    EXPECT_EQ(finished.err,
              "agentkernel: no sandbox named 'nosuch'\n"
              "agentkernel: List what there is with: agentkernel list\n")
        << command[0];
  }
}

}  // namespace
}  // namespace ak::e2e
