// What runs, and what is to go: stats, restart, prune.
#include <nlohmann/json.hpp>

#include "scratch_home.h"

namespace ak::e2e {
namespace {

using nlohmann::json;

class WatchTest : public ScratchHome {
 protected:
  void TearDown() override {
    agentkernel({"prune", "--force", "--yes"});
    agentkernel({"recover", "aside"});
    agentkernel({"rm", "aside"});
    ScratchHome::TearDown();
  }

  void create(const std::string& name, Words more = {}) const {
    Words words = {"create", "--mount", "none"};
    words.insert(words.end(), more.begin(), more.end());
    words.push_back(name);
    const Finished made = agentkernel(words);
    ASSERT_EQ(made.status, 0) << made.err;
  }

  std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const json& item : json::parse(agentkernel({"list", "--json"}).out)) {
      found.push_back(item["name"]);
    }
    return found;
  }
};

using Names = std::vector<std::string>;

TEST_F(WatchTest, StatsShowWhatEachUses) {
  create("idle");
  create("busy", {"--memory", "256mb", "--pids", "64"});
  const Finished job = agentkernel({"exec", "-d", "busy", "sh", "-c", "while :; do :; done"});
  ASSERT_EQ(job.status, 0) << job.err;
  const json stats = json::parse(agentkernel({"stats", "--json"}).out, nullptr, false);
  ASSERT_EQ(stats["sandboxes"].size(), 2U) << stats;
  const json& busy = stats["sandboxes"][0];
  EXPECT_EQ(busy["name"], "busy");
  EXPECT_EQ(busy["memory_limit_bytes"], 256 << 20);
  EXPECT_EQ(busy["pids_limit"], 64);
  if (::geteuid() == 0) {  // a user without a delegated control group has no numbers
    EXPECT_GT(busy["cpu_percent"].get<double>(), 5.0) << stats;
    EXPECT_GE(busy["pids"], 2);
    EXPECT_GT(busy["memory_bytes"], 0);
    EXPECT_LT(stats["sandboxes"][1]["cpu_percent"].get<double>(), 50.0) << stats;
  }
  const Finished table = agentkernel({"stats"});
  EXPECT_NE(table.out.find("host: processors"), std::string::npos) << table.out;
  EXPECT_NE(table.out.find("busy"), std::string::npos) << table.out;
}

TEST_F(WatchTest, WatchedStatsAreALineEachUntilNobodyReads) {
  create("box");
  Program watcher = start({"stats", "--watch", "--json", "--interval", "1s"});
  std::string seen;
  ASSERT_TRUE(readUntil(watcher.output(), "\n{", seen)) << seen;
  const json first = json::parse(seen.substr(0, seen.find('\n')), nullptr, false);
  EXPECT_EQ(first["sandboxes"][0]["name"], "box") << seen;
  EXPECT_NE(agentkernel({"stats", "--interval", "1s"}).status, 0) << "only with --watch";
  EXPECT_NE(agentkernel({"stats", "--watch", "--interval", "0"}).status, 0);
}

TEST_F(WatchTest, ARestartKeepsWhatWasWrittenAndStartsWhatWasStopped) {
  create("box");
  ASSERT_EQ(agentkernel({"exec", "box", "sh", "-c", "echo kept > /root/f; sleep 1000 &"}).status,
            0);
  for (const char* before : {"running", "stopped"}) {
    ASSERT_EQ(agentkernel({"restart", "box"}).status, 0) << before;
    EXPECT_EQ(agentkernel({"exec", "box", "--", "cat", "/root/f"}).out, "kept\n");
    EXPECT_EQ(agentkernel({"exec", "box", "--", "pgrep", "sleep"}).out, "");
    ASSERT_EQ(agentkernel({"stop", "box"}).status, 0);
  }
  EXPECT_EQ(agentkernel({"restart", "nobody"}).status, 125);
}

TEST_F(WatchTest, PruneTakesWhatIsStoppedAndOnlyWhenItIsMeant) {
  create("runs");
  create("aside");
  create("one", {"--label", "team=a"});
  create("two");
  ASSERT_EQ(agentkernel({"archive", "aside"}).status, 0);
  ASSERT_EQ(agentkernel({"stop", "one", "two"}).status, 0);
  const Finished unmeant = agentkernel({"prune"});
  EXPECT_NE(unmeant.status, 0);
  EXPECT_NE(unmeant.err.find("would remove 2 sandboxes"), std::string::npos) << unmeant.err;
  EXPECT_EQ(agentkernel({"prune", "--dry-run"}).out, "one\ntwo\n");
  EXPECT_EQ(names(), (Names{"aside", "one", "runs", "two"}));
  EXPECT_EQ(agentkernel({"prune", "--yes", "--label", "team=a"}).out, "one\n");
  EXPECT_EQ(names(), (Names{"aside", "runs", "two"}));
  EXPECT_EQ(agentkernel({"prune", "--yes"}).out, "two\n");
  EXPECT_EQ(agentkernel({"prune"}).status, 0) << "nothing to ask about";
  EXPECT_EQ(agentkernel({"sandbox", "clean", "-f", "-y"}).out, "runs\n");
  EXPECT_EQ(names(), Names{"aside"});
}

}  // namespace
}  // namespace ak::e2e
