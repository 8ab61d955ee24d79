// What happens, as those who watch see it.
#include <nlohmann/json.hpp>

#include "scratch_home.h"

namespace ak::e2e {
namespace {

using nlohmann::json;

class EventsTest : public ScratchHome {
 protected:
  void TearDown() override {
    agentkernel({"rm", "box"});
    ScratchHome::TearDown();
  }
};

TEST_F(EventsTest, TheLifeOfASandbox) {
  ASSERT_EQ(agentkernel({"daemon", "start"}).status, 0);
  Program watcher = start({"events", "--json", "--label", "team=a"});
  // A watcher hears what happens once it listens: tell it until it has heard something.
  std::string seen;
  ASSERT_EQ(agentkernel({"create", "--mount", "none", "--label", "team=a", "box"}).status, 0);
  pollfd heard{watcher.output(), POLLIN, 0};
  while (::poll(&heard, 1, 100) == 0) {
    ASSERT_EQ(agentkernel({"update", "box", "--label", "team=a"}).status, 0);
  }
  ASSERT_EQ(agentkernel({"create", "--mount", "none", "other"}).status, 0);
  ASSERT_EQ(agentkernel({"rm", "other"}).status, 0);
  EXPECT_EQ(agentkernel({"exec", "box", "--", "sh", "-c", "exit 7"}).status, 7);
  ASSERT_EQ(agentkernel({"stop", "box"}).status, 0);
  ASSERT_EQ(agentkernel({"start", "box"}).status, 0);
  ASSERT_EQ(agentkernel({"archive", "box"}).status, 0);
  ASSERT_EQ(agentkernel({"rm", "box"}).status, 0);
  ASSERT_TRUE(readUntil(watcher.output(), "sandbox.deleted", seen)) << seen;
  std::vector<std::string> types;
  std::istringstream lines(seen);
  for (std::string line; std::getline(lines, line);) {
    const json event = json::parse(line, nullptr, false);
    ASSERT_TRUE(event.is_object()) << line;
    EXPECT_EQ(event["sandbox"], "box") << "filtered by its label";
    if (event["event"] == "sandbox.exec.completed") {
      EXPECT_EQ(event["metadata"]["exit_code"], 7);
    }
    if (event["event"] != "sandbox.updated" && event["event"] != "sandbox.created") {
      types.push_back(event["event"]);
    }
  }
  if (!types.empty() && types.front() == "sandbox.started" && types.size() == 7) {
    types.erase(types.begin());  // it listened before the sandbox was there
  }
  EXPECT_EQ(types, (std::vector<std::string>{"sandbox.exec.completed", "sandbox.stopped",
                                             "sandbox.started", "sandbox.stopped",
                                             "sandbox.archived", "sandbox.deleted"}));
}

}  // namespace
}  // namespace ak::e2e
