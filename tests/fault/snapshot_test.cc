// kill -9 of daemon and launcher while sandboxes are forked and snapshots taken: what was
// acknowledged is there, the first sandbox has lost nothing and goes on, nothing is left over.
#include <thread>

#include "base/text.h"
#include "house.h"

namespace ak::fault {
namespace {

enum class Victim { Daemon, Launcher };
enum class State { Stopped, Running };

class SnapshotKillTest : public ::testing::Test {
 protected:
  void SetUp() override {
    // Large enough for its copy to be met in the middle.
    const Finished kept =
        house.agentkernel({"run", "--keep", "--name", "kept", "--mount", "none", "sh", "-c",
                           "head -c 64m /dev/urandom > /root/big; sha256sum /root/big > /root/sum; "
                           "echo precious > /root/mark"});
    ASSERT_EQ(kept.status, 0) << kept.err;
    house.noteBoxes();
  }

  void expectWhole(const std::string& name) {
    if (house.inspect(name, "status") != "running") {
      const Finished started = house.agentkernel({"start", name});
      EXPECT_EQ(started.status, 0) << name << ": " << started.err;
    }
    house.noteBoxes();
    const Finished seen = house.agentkernel(
        {"exec", name, "sh", "-c", "sha256sum -c --status /root/sum && cat /root/mark"});
    EXPECT_EQ(seen.out, "precious\n") << name << ": " << seen.err;
  }

  bool known(const std::string& name) const {
    return house.agentkernel({"inspect", name}).status == 0;
  }

  // A fork and a snapshot at once, and one program killed in the middle.
  void killIn(State state, Victim victim, std::chrono::milliseconds after) {
    SCOPED_TRACE(cat(static_cast<int>(state), static_cast<int>(victim), ", after ", after.count()));
    const char* const change = state == State::Running ? "start" : "stop";
    EXPECT_EQ(house.agentkernel({change, "kept"}).status, 0);
    Program fork = house.start({"fork", "kept", "child"});
    Program take = house.start({"snapshot", "take", "kept", "--name", "snap"});
    std::this_thread::sleep_for(after);  // the moment of the fault, not synchronisation
    hits_ += house.kill(victim == Victim::Daemon ? house.daemon() : house.launcher()) ? 1 : 0;
    const Finished forked = fork.finish();
    const Finished taken = take.finish();
    expectWhole("kept");
    const bool child = known("child");
    EXPECT_TRUE(child || forked.status != 0) << "acknowledged and lost";
    if (child) {
      expectWhole("child");
      EXPECT_EQ(house.agentkernel({"rm", "child"}).status, 0);
    }
    const Finished restored = house.agentkernel({"snapshot", "restore", "snap", "--as", "back"});
    EXPECT_TRUE(restored.status == 0 || taken.status != 0) << "acknowledged and lost";
    if (restored.status == 0) {
      expectWhole("back");
      EXPECT_EQ(house.agentkernel({"rm", "back"}).status, 0);
      EXPECT_EQ(house.agentkernel({"snapshot", "rm", "snap"}).status, 0);
    }
  }

  House house;
  int hits_ = 0;
};

TEST_F(SnapshotKillTest, NothingAcknowledgedIsLostAndNothingIsLeft) {
  const int cycles = cyclesOf(12, 120);
  for (int i = 0; i < cycles && !HasFailure(); ++i) {
    killIn(i % 2 == 0 ? State::Stopped : State::Running,
           i % 6 < 4 ? Victim::Daemon : Victim::Launcher,
           std::chrono::milliseconds(i % 2 == 0 ? i * 3 % 40 : i * 29 % 400));
  }
  EXPECT_GE(2 * hits_, cycles);
  house.expectNothingLeft();
}

}  // namespace
}  // namespace ak::fault
