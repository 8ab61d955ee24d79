// kill -9 of each program in the middle of each kind of work: what lives is found again, what has
// no owner ends, nothing stays behind.
#include <poll.h>

#include <map>
#include <thread>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "house.h"
#include "sys/file.h"

namespace ak::fault {
namespace {

enum class Victim { Daemon, Launcher, Cli, Agent };

struct Work {
  const char* name;
  Words words;
};

const std::vector<Work>& works() {
  static const std::vector<Work> all = {
      {"run", {"run", "--mount", "none", "sh", "-c", "sleep 300 & sleep 300"}},
      {"keep", {"run", "--mount", "none", "--keep", "--no-fast", "sleep", "300"}},
      {"fill", {"run", "--mount", "none", "true"}},  // the pool makes its boxes after it
      {"detach", {"run", "--mount", "none", "--detach", "sleep", "300"}},
  };
  return all;
}

class KillTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const Finished kept = house.agentkernel({"run", "--keep", "--name", "kept", "--mount", "none",
                                             "sh", "-c", "echo precious > /root/mark"});
    ASSERT_EQ(kept.status, 0) << kept.err;
    kept_ = static_cast<pid_t>(std::stol(house.inspect("kept", "pid")));
    house.noteBoxes();
  }

  pid_t victim(Victim kind) const {
    switch (kind) {
      case Victim::Daemon:
        return house.daemon();
      case Victim::Launcher:
        return house.launcher();
      case Victim::Cli:
        for (const pid_t pid : house.processes("agentkernel")) {
          return pid;
        }
        return 0;
      case Victim::Agent:
        for (const pid_t pid : house.processes("ak-agent")) {
          if (pid != kept_) {
            return pid;
          }
        }
        return 0;
    }
    return 0;
  }

  // One fault: `work` is begun, `after` later one program is killed.
  void killIn(const Work& work, Victim kind, std::chrono::milliseconds after) {
    SCOPED_TRACE(cat(work.name, ", victim ", static_cast<int>(kind), ", after ", after.count()));
    Program program = house.start(work.words);
    std::this_thread::sleep_for(after);  // the moment of the fault, not synchronisation
    house.noteBoxes();
    // One that is not there yet is waited for; one that has ended already is a miss.
    pid_t pid = 0;
    eventually([&] { return (pid = victim(kind)) != 0 || !running(program); }, kNoVictim);
    Aim& aim = aims_[kind];
    ++aim.shots;
    aim.hits += pid != 0 && house.kill(pid) ? 1 : 0;
    // A client that still runs is one whose command runs: it is left like by a closed terminal.
    program.signal(SIGKILL);
    program.finish();
    house.noteBoxes();
    const Finished mark = house.agentkernel({"exec", "kept", "cat", "/root/mark"});
    EXPECT_EQ(mark.out, "precious\n") << mark.err;
  }

  // A cycle that kills nothing proves nothing: most must have hit, and each kind of victim.
  void expectHits() const {
    for (const auto& [kind, aim] : aims_) {
      EXPECT_GE(2 * aim.hits, aim.shots) << "victim " << static_cast<int>(kind);
      RecordProperty(cat("hits_of_victim_", static_cast<int>(kind)), cat(aim.hits, "/", aim.shots));
    }
    EXPECT_EQ(aims_.size(), 4U);
  }

  House house;

 private:
  static constexpr std::chrono::seconds kNoVictim{2};

  struct Aim {
    int shots = 0;
    int hits = 0;
  };

  // The client's output stays open as long as it runs.
  static bool running(const Program& program) {
    pollfd state{program.output(), 0, 0};
    return ::poll(&state, 1, 0) == 0;
  }

  pid_t kept_ = 0;
  std::map<Victim, Aim> aims_;
};

TEST_F(KillTest, WhatLivesIsFoundAgainAndNothingIsLeft) {
  const int cycles = cyclesOf(20, 200);
  for (int i = 0; i < cycles && !HasFailure(); ++i) {
    const Work& work = works()[static_cast<std::size_t>(i) % works().size()];
    // Through all pairs, at moments from "has hardly begun" to "runs".
    killIn(work, static_cast<Victim>(i / 4 % 4), std::chrono::milliseconds(i * 37 % 160));
  }
  expectHits();
  house.expectNothingLeft();
}

TEST_F(KillTest, TheNextDaemonEndsWhatHasNoOwner) {
  const int kills = cyclesOf(4, 20);
  for (int i = 0; i < kills && !HasFailure(); ++i) {
    Program program = house.start({"run", "--mount", "none", "sh", "-c", "echo up; sleep 300"});
    char up[3];
    ASSERT_EQ(::read(program.output(), up, sizeof up), 3) << "the command did not start";
    house.noteBoxes();
    EXPECT_TRUE(house.kill(house.daemon()));
    program.finish();
    // The one daemon that follows: it has the kept one, and no other agent lives but the pool's.
    EXPECT_EQ(house.agentkernel({"exec", "kept", "cat", "/root/mark"}).out, "precious\n");
    const Finished sleepers = house.agentkernel({"list", "--json"});
    EXPECT_EQ(sleepers.out.find("\"run-"), std::string::npos) << sleepers.out;
  }
  house.expectNothingLeft();
}

// An agent listens to newer epochs only: none may be lost between the agent and the books.
TEST_F(KillTest, ADaemonThatDiesWhileItRecoversLosesNoSandbox) {
  Words names = {"kept"};
  for (const char* name : {"second", "third", "fourth", "fifth", "sixth"}) {
    ASSERT_EQ(house
                  .agentkernel({"run", "--keep", "--name", name, "--mount", "none", "sh", "-c",
                                "echo precious > /root/mark"})
                  .status,
              0);
    names.emplace_back(name);
  }
  house.noteBoxes();
  const int kills = cyclesOf(24, 100);
  for (int i = 0; i < kills; ++i) {
    EXPECT_TRUE(house.kill(house.daemon()));
    Program starter = house.start({"daemon", "start"});
    ASSERT_TRUE(eventually([&] { return house.daemon() != 0; }));
    const std::chrono::milliseconds after(i * 7 % 60);
    std::this_thread::sleep_for(after);  // the moment of the fault, not synchronisation
  }
  for (const std::string& name : names) {
    const Finished mark = house.agentkernel({"exec", name, "cat", "/root/mark"});
    EXPECT_EQ(mark.out, "precious\n") << mark.err;
  }
  house.expectNothingLeft();
}

TEST_F(KillTest, ALauncherThatDiesIsReplacedAndCounted) {
  const pid_t first = house.launcher();
  EXPECT_TRUE(house.kill(first));
  EXPECT_TRUE(eventually([&] { return house.launcher() != 0; }));
  const Finished status = house.agentkernel({"daemon", "status", "--json"});
  EXPECT_NE(status.out.find("\"launcher_restarts\": 1"), std::string::npos) << status.out;
  EXPECT_EQ(house.agentkernel({"exec", "kept", "cat", "/root/mark"}).out, "precious\n");
  EXPECT_EQ(house.agentkernel({"run", "--mount", "none", "echo", "on"}).out, "on\n");
  // A box that the dead launcher made ends with all that was its own.
  EXPECT_EQ(house.agentkernel({"stop", "kept"}).status, 0);
  house.expectNothingLeft();
}

TEST_F(KillTest, AClientThatIsGoneTakesItsCommandWithIt) {
  Program program = house.start({"run", "--mount", "none", "sh", "-c", "echo up; exec sleep 4711"});
  char up[3];
  ASSERT_EQ(::read(program.output(), up, sizeof up), 3);
  EXPECT_TRUE(eventually([&] { return house.processes("sleep").size() == 1; }));
  program.signal(SIGKILL);
  program.finish();
  EXPECT_TRUE(eventually([&] { return house.processes("sleep").empty(); }));

  // Not so a detached one.
  const Finished detached =
      house.agentkernel({"run", "--mount", "none", "--detach", "--name", "background", "sh", "-c",
                         "echo up; exec sleep 4712"});
  EXPECT_EQ(detached.status, 0) << detached.err;
  EXPECT_TRUE(eventually([&] { return house.processes("sleep").size() == 1; }));
  EXPECT_TRUE(eventually([&] { return house.agentkernel({"logs", "background"}).out == "up\n"; }));
  house.expectNothingLeft();
}

TEST_F(KillTest, ADetachedCommandOutlivesTheDaemonAndEndsItsSandbox) {
  ASSERT_EQ(house
                .agentkernel({"run", "--mount", "none", "--detach", "--name", "background", "sh",
                              "-c", "echo up; mkfifo /tmp/go; read x < /tmp/go; echo down; exit 3"})
                .status,
            0);
  EXPECT_TRUE(house.kill(house.daemon()));
  // The next daemon has what was printed, whether or not the one before had read it.
  EXPECT_EQ(house.inspect("background", "status"), "running");
  ASSERT_EQ(house
                .agentkernel({"exec", "--timeout", "60s", "background", "sh", "-c",
                              "while ! [ -p /tmp/go ]; do sleep 0.05; done"})
                .status,
            0);
  EXPECT_TRUE(house.kill(house.daemon()));
  (void)house.agentkernel({"exec", "background", "sh", "-c", "echo > /tmp/go"});
  EXPECT_TRUE(eventually([&] { return house.inspect("background", "status") == "stopped"; }));
  EXPECT_EQ(house.inspect("background", "stop_reason"), "its command ended with code 3");
  // The job's log is exact; of the copy in `logs` a daemon that died in between may have written a
  // piece already (docs/adr/0014-jobs-belong-to-the-sandbox.md).
  const auto jobs = nlohmann::json::parse(
      house.agentkernel({"job", "list", "--json", "background"}).out, nullptr, false);
  ASSERT_EQ(jobs.size(), 1U) << jobs;
  EXPECT_EQ(house.agentkernel({"job", "logs", "background", jobs[0].value("id", "")}).out,
            "up\ndown\n");
  const std::string copy = house.agentkernel({"logs", "background"}).out;
  EXPECT_TRUE(copy == "up\ndown\n" || copy == "up\nup\ndown\n") << copy;
  house.expectNothingLeft();
}

TEST_F(KillTest, StartingAndStoppingUnderLoadEndsEveryTime) {
  const int cycles = cyclesOf(3, 50);
  for (int i = 0; i < cycles && !HasFailure(); ++i) {
    Program one = house.start({"exec", "kept", "sh", "-c", "echo up; exec sleep 300"});
    Program two = house.start({"run", "--mount", "none", "sh", "-c", "echo up; exec sleep 300"});
    char up[3];
    ASSERT_EQ(::read(one.output(), up, sizeof up), 3);
    ASSERT_EQ(::read(two.output(), up, sizeof up), 3);
    house.noteBoxes();
    const Finished stopped = house.agentkernel({"daemon", "stop"});
    EXPECT_EQ(stopped.status, 0) << stopped.err;
    // Both are told that it was not the command that ended.
    EXPECT_EQ(one.finish().status, 125);
    EXPECT_EQ(two.finish().status, 125);
    EXPECT_TRUE(eventually([&] { return house.daemon() == 0; }));
    const auto log = sys::readFile(house.state() + "/daemon.log", 16U << 20U);
    ASSERT_TRUE(log);
    EXPECT_EQ(log->find("terminate"), std::string::npos);
  }
  house.expectNothingLeft();
}

}  // namespace
}  // namespace ak::fault
