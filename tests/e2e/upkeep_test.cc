// Labels, and what time does to sandboxes, from the command line.
#include <nlohmann/json.hpp>

#include "scratch_home.h"

namespace ak::e2e {
namespace {

using nlohmann::json;

class UpkeepTest : public ScratchHome {
 protected:
  void TearDown() override {
    for (const std::string& name : made_) {
      agentkernel({"rm", name});
    }
    ScratchHome::TearDown();
  }

  void create(const std::string& name, Words more = {}) {
    Words words = {"create", "--mount", "none"};
    words.insert(words.end(), more.begin(), more.end());
    words.push_back(name);
    const Finished made = agentkernel(words);
    ASSERT_EQ(made.status, 0) << made.err;
    made_.push_back(name);
  }

  json inspect(const std::string& name) const {
    return json::parse(agentkernel({"inspect", "--json", name}).out, nullptr, false);
  }

 private:
  std::vector<std::string> made_;
};

TEST_F(UpkeepTest, SandboxesAreFoundByTheirLabels) {
  create("web", {"--label", "team=a", "--label", "env=prod", "--description", "the site"});
  create("db", {"--label", "team=a"});
  const auto names = [&](const Words& filters) {
    Words words = {"list", "--json"};
    words.insert(words.end(), filters.begin(), filters.end());
    std::vector<std::string> found;
    for (const json& item : json::parse(agentkernel(words).out)) {
      found.push_back(item["name"]);
    }
    return found;
  };
  EXPECT_EQ(names({}), (std::vector<std::string>{"db", "web"}));
  EXPECT_EQ(names({"--label", "team=a"}), (std::vector<std::string>{"db", "web"}));
  EXPECT_EQ(names({"-l", "team=a", "-l", "env=prod"}), std::vector<std::string>{"web"});
  EXPECT_EQ(names({"--label", "team=b"}), std::vector<std::string>{});
  EXPECT_EQ(agentkernel({"update", "web", "--label", "env=test", "--remove-label", "team"}).status,
            0);
  EXPECT_EQ(inspect("web")["labels"], (json{{"env", "test"}}));
  EXPECT_EQ(inspect("web")["description"], "the site");
}

TEST_F(UpkeepTest, CreateTakesTheOptionsOfRun) {
  write(home() + "/hello", "hi");
  create("box", {"--memory", "256mb", "--env", "A=b", "--workdir", "/tmp", "--file",
                 home() + "/hello:/tmp/hello", "--profile", "restrictive"});
  const json box = inspect("box");
  EXPECT_EQ(box["memory_mb"], 256);
  EXPECT_EQ(box["permissions"]["profile"], "restrictive");
  EXPECT_EQ(agentkernel({"exec", "box", "sh", "-c", "echo $A; pwd; cat hello"}).out, "b\n/tmp\nhi");
}

TEST_F(UpkeepTest, AnIdleSandboxStopsByItself) {
  ASSERT_EQ(agentkernel({"run", "--keep", "--name", "it", "--mount", "none", "echo", "up"}).status,
            0);
  Program follower = start({"logs", "--follow", "--verbose", "it"});
  std::string seen;
  ASSERT_TRUE(readUntil(follower.output(), "up\n", seen));
  ASSERT_EQ(agentkernel({"update", "it", "--auto-stop", "1s"}).status, 0);
  const Finished finished = follower.finish();
  EXPECT_EQ(finished.status, 0);
  EXPECT_NE(finished.err.find("inactive for 1s (threshold=1s)"), std::string::npos) << finished.err;
  EXPECT_EQ(inspect("it")["status"], "stopped");
  EXPECT_EQ(agentkernel({"rm", "it"}).status, 0);
}

TEST_F(UpkeepTest, ADetachedCommandIsUseForAsLongAsItRuns) {
  ASSERT_EQ(agentkernel({"run", "--detach", "--keep", "--name", "it", "--mount", "none", "sh", "-c",
                         "echo up; sleep 3; echo done"})
                .status,
            0);
  ASSERT_EQ(agentkernel({"update", "it", "--auto-stop", "1s"}).status, 0);
  const Finished followed = start({"logs", "--follow", "--verbose", "it"}).finish();
  EXPECT_EQ(followed.out, "up\ndone\n");
  EXPECT_NE(followed.err.find("inactive for 1s"), std::string::npos) << followed.err;
  EXPECT_EQ(agentkernel({"rm", "it"}).status, 0);
}

TEST_F(UpkeepTest, ArchivedOnesAreRecoveredBeforeTheyStart) {
  create("box");
  EXPECT_EQ(agentkernel({"archive", "box"}).status, 0);
  EXPECT_EQ(inspect("box")["status"], "archived");
  const Finished refused = agentkernel({"start", "box"});
  EXPECT_EQ(refused.status, 125);
  EXPECT_NE(refused.err.find("agentkernel recover box"), std::string::npos) << refused.err;
  EXPECT_EQ(agentkernel({"recover", "box"}).status, 0);
  EXPECT_EQ(agentkernel({"start", "box"}).status, 0);
  EXPECT_EQ(agentkernel({"exec", "box", "echo", "back"}).out, "back\n");
}

TEST_F(UpkeepTest, GcRemovesWhatIsOverItsTime) {
  create("short", {"--ttl", "1s"});
  create("long", {"--ttl", "1h"});
  EXPECT_EQ(agentkernel({"extend-ttl", "long", "--by", "1d"}).status, 0);
  EXPECT_EQ(inspect("long")["ttl_seconds"], 25 * 3600);
  // It ends within a second; then a look removes it, and says so.
  std::string removed;
  for (int i = 0; i < 100 && removed.empty(); ++i) {
    ::poll(nullptr, 0, 100);
    removed = agentkernel({"gc"}).out;
  }
  EXPECT_EQ(removed, "short\n");
  EXPECT_EQ(agentkernel({"inspect", "short"}).status, 125);
  EXPECT_EQ(inspect("long")["status"], "running");
}

TEST_F(UpkeepTest, MistakesAreNamed) {
  create("box");
  const auto fails = [&](Words words, std::string_view why) {
    const Finished finished = agentkernel(std::move(words));
    EXPECT_NE(finished.status, 0);
    EXPECT_NE(finished.err.find(why), std::string::npos) << finished.err;
  };
  fails({"update", "box"}, "nothing to change");
  fails({"update", "box", "--label", "team"}, "team");
  fails({"update", "box", "--auto-stop", "soon"}, "--auto-stop soon is not a duration");
  fails({"update", "none", "--label", "a=b"}, "no sandbox named 'none'");
  fails({"run", "--ttl", "1h", "true"}, "--keep");
  fails({"extend-ttl", "box", "--by", "-1h"}, "not a duration");
  fails({"list", "--label", "x"}, "x");
}

}  // namespace
}  // namespace ak::e2e
