// The audit log through kill -9 of the daemon.
#include <poll.h>

#include <atomic>
#include <set>
#include <thread>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "house.h"
#include "sys/file.h"

namespace ak::fault {
namespace {

using nlohmann::json;

class AuditCrashTest : public ::testing::Test {
 protected:
  json events(Words more = {}) const {
    Words all = {"audit", "--json", "--last", "10000"};
    all.insert(all.end(), more.begin(), more.end());
    return json::parse(house.agentkernel(all).out, nullptr, false);
  }

  void expectIntact() const {
    const Finished verdict = house.agentkernel({"audit", "verify"});
    EXPECT_EQ(verdict.status, 0) << verdict.out << verdict.err;
  }

  House house;
};

// What was answered before the kill is there after it, in a chain that holds.
TEST_F(AuditCrashTest, NothingThatWasAnsweredIsLost) {
  ASSERT_EQ(house.agentkernel({"create", "box", "--mount", "none"}).status, 0);
  std::set<std::string> answered;
  std::mutex mutex;
  int made = 0;
  for (int cycle = 0; cycle < cyclesOf(3, 20); ++cycle) {
    std::atomic<bool> stop = false;
    std::atomic<int> done = 0;
    std::vector<std::jthread> clients;
    for (int client = 0; client < 3; ++client) {
      clients.emplace_back([&] {
        while (!stop) {
          std::string word;
          {
            const std::lock_guard lock(mutex);
            word = cat("word-", made++);
          }
          const Finished ran = house.agentkernel({"exec", "box", "echo", word});
          if (ran.status == 0 && ran.out == word + "\n") {
            const std::lock_guard lock(mutex);
            answered.insert(word);
            ++done;
          }
        }
      });
    }
    ASSERT_TRUE(eventually([&] { return done >= 20; }));
    EXPECT_TRUE(house.kill(house.daemon()));
    stop = true;
    clients.clear();
    expectIntact();
  }
  std::set<std::string> recorded;
  for (const json& event : events({"--type", "command_executed"})) {
    recorded.insert(event["command"].back().get<std::string>());
  }
  for (const std::string& word : answered) {
    EXPECT_TRUE(recorded.contains(word)) << word;
  }
  EXPECT_GE(answered.size(), 60U);
  EXPECT_EQ(house.agentkernel({"rm", "box"}).status, 0);
  house.expectNothingLeft();
}

// A command that was under way when the daemon was killed is not hidden by that.
TEST_F(AuditCrashTest, ALongCommandIsToldBeforeItEnds) {
  Program program = house.start({"run", "--mount", "none", "sleep", "300"});
  const auto told = [&] {
    const json begun = events({"--type", "command_started"});
    return !begun.empty() && begun.back()["command"] == json{"sleep", "300"};
  };
  EXPECT_TRUE(eventually(told));
  EXPECT_TRUE(house.kill(house.daemon()));
  program.finish();
  EXPECT_TRUE(told());
  expectIntact();
  house.expectNothingLeft();
}

// Its client left: the command is ended, and that it was there is told.
TEST_F(AuditCrashTest, ACommandWhoseClientWasKilledIsTold) {
  Program program = house.start({"run", "--mount", "none", "sh", "-c", "echo on; sleep 300"});
  EXPECT_TRUE(eventually([&] { return !events({"--type", "command_started"}).empty(); }));
  program.signal(SIGKILL);
  program.finish();
  const auto told = [&] {
    const json ended = events({"--type", "command_executed"});
    return !ended.empty() && ended.back()["outcome"] == "killed";
  };
  EXPECT_TRUE(eventually(told));
  expectIntact();
  house.expectNothingLeft();
}

}  // namespace
}  // namespace ak::fault
