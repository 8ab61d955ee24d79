// kill -9 of the daemon while volumes are made, used and removed: what was acknowledged is there,
// what was removed is gone, nothing is left over.
#include <filesystem>
#include <thread>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "house.h"

namespace ak::fault {
namespace {

class VolumeKillTest : public ::testing::Test {
 protected:
  bool known(const std::string& slug) const {
    return house.agentkernel({"volume", "inspect", slug}).status == 0;
  }

  std::size_t directories() const {
    std::error_code error;
    const std::filesystem::directory_iterator all(house.state() + "/volumes", error);
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
  }

  Finished with(const std::string& volume, const std::string& text) const {
    return house.agentkernel({"run", "--mount", "none", "--volume", volume, "sh", "-c", text});
  }

  House house;
};

TEST_F(VolumeKillTest, NothingAcknowledgedIsLostAndNothingIsLeft) {
  ASSERT_EQ(house.agentkernel({"volume", "create", "kept"}).status, 0);
  ASSERT_EQ(with("kept:/data", "echo precious > /data/f").status, 0);
  const int cycles = cyclesOf(10, 100);
  int hits = 0;
  for (int i = 0; i < cycles && !HasFailure(); ++i) {
    SCOPED_TRACE(i);
    ASSERT_EQ(house.agentkernel({"volume", "create", "old"}).status, 0);
    ASSERT_EQ(with("old:/data", "echo old > /data/f").status, 0);
    Program create = house.start({"volume", "create", "new"});
    Program remove = house.start({"volume", "rm", "old"});
    Program run = house.start(
        {"run", "--mount", "none", "--volume", "kept:/data", "sh", "-c", "cat /data/f"});
    const std::chrono::milliseconds after(i * 2);
    std::this_thread::sleep_for(after);  // the moment of the fault, not synchronisation
    hits += house.kill(house.daemon()) ? 1 : 0;
    const Finished created = create.finish();
    const Finished removed = remove.finish();
    const Finished ran = run.finish();
    EXPECT_TRUE(ran.status != 0 || ran.out == "precious\n") << ran.out;
    EXPECT_EQ(with("kept:/data", "cat /data/f").out, "precious\n");
    EXPECT_TRUE(known("new") || created.status != 0) << "acknowledged and lost";
    EXPECT_TRUE(!known("old") || removed.status != 0) << "removed and there";
    EXPECT_EQ(directories(), 1U + (known("new") ? 1U : 0U) + (known("old") ? 1U : 0U));
    if (known("old")) {
      EXPECT_EQ(with("old:/data", "cat /data/f").out, "old\n") << "all of it or nothing";
    }
    for (const char* slug : {"new", "old"}) {
      const Finished gone = house.agentkernel({"volume", "rm", "--force", slug});
      EXPECT_EQ(gone.status, 0) << gone.err;
    }
  }
  EXPECT_GE(2 * hits, cycles);
  const Finished gone = house.agentkernel({"volume", "rm", "kept"});
  EXPECT_EQ(gone.status, 0) << gone.err;
  EXPECT_EQ(directories(), 0U);
  house.expectNothingLeft();
}

}  // namespace
}  // namespace ak::fault
