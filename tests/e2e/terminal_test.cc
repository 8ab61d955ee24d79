// `agentkernel run -t` on a real pseudo terminal: the guest has a terminal of the right size, and
// however the program leaves, the user's terminal is as it was.
#include <memory>

#include "user_terminal.h"

namespace ak::e2e {
namespace {

class TerminalTest : public ScratchHome {
 protected:
  using Terminal = std::unique_ptr<UserTerminal>;

  // `run -t sh -c SCRIPT` on a terminal.
  Terminal begin(const std::string& script) {
    return std::make_unique<UserTerminal>(
        words({"run", "--mount", "none", "-t", "sh", "-c", script}), variables());
  }
};

TEST_F(TerminalTest, HasTheSizeAndTheGuestsStatusAndIsRestored) {
  const Terminal it = begin("stty size; read line; echo got-$line; exit 5");
  ASSERT_TRUE(it->shows("30 100")) << it->seen();
  EXPECT_TRUE(it->isRaw());
  it->type("abc\r");
  EXPECT_TRUE(it->shows("got-abc")) << it->seen();
  EXPECT_EQ(it->status(), 5);
  it->expectRestored();
}

TEST_F(TerminalTest, FollowsTheWindow) {
  const Terminal it =
      begin("trap 'stty size' WINCH; echo ready; while :; do read line && exit 0; done");
  ASSERT_TRUE(it->shows("ready")) << it->seen();
  it->resize(20, 80);
  EXPECT_TRUE(it->shows("20 80")) << it->seen();
  it->type("\r");
  EXPECT_EQ(it->status(), 0);
}

TEST_F(TerminalTest, ControlCIsTheGuestsOwn) {
  const Terminal it =
      begin("trap 'echo caught; exit 7' INT; echo ready; while :; do read line; done");
  ASSERT_TRUE(it->shows("ready")) << it->seen();
  it->type("\x03");
  EXPECT_TRUE(it->shows("caught")) << it->seen();
  EXPECT_EQ(it->status(), 7);
  it->expectRestored();
}

TEST_F(TerminalTest, IsRestoredWhenASignalEndsUs) {
  for (const int number : {SIGTERM, SIGHUP}) {
    const Terminal it = begin("echo ready; exec sleep 1000");
    ASSERT_TRUE(it->shows("ready")) << it->seen();
    EXPECT_TRUE(it->isRaw());
    it->signal(number);
    EXPECT_EQ(it->status(), 128 + number);
    it->expectRestored();
  }
}

TEST_F(TerminalTest, IsRestoredWhileStoppedAndRawAgainAfter) {
  const Terminal it = begin("echo ready; read line; echo got-$line");
  ASSERT_TRUE(it->shows("ready")) << it->seen();
  it->signal(SIGTSTP);
  ASSERT_TRUE(it->stopped());
  it->expectRestored();
  it->signal(SIGCONT);
  ASSERT_TRUE(it->becomesRaw());
  it->type("abc\r");
  EXPECT_TRUE(it->shows("got-abc")) << it->seen();
  EXPECT_EQ(it->status(), 0);
  it->expectRestored();
}

}  // namespace
}  // namespace ak::e2e
