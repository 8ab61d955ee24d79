// What commands do to those who carry them, and how many clients begin at once.
#include <fstream>
#include <list>

#include "base/text.h"
#include "house.h"
#include "sys/file.h"

namespace ak::fault {
namespace {

// Peak resident memory of a process, in KiB.
long peakOf(pid_t process) {
  std::ifstream status(cat("/proc/", process, "/status"));
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) {
      return std::stol(line.substr(6));
    }
  }
  ADD_FAILURE() << "process " << process << " is not there to be measured";
  return -1;
}

class GuestTest : public ::testing::Test {
 protected:
  Finished run(const std::string& script, Words options = {}) const {
    Words words = {"run", "--mount", "none"};
    words.insert(words.end(), options.begin(), options.end());
    words.insert(words.end(), {"sh", "-c", script});
    return house.agentkernel(words);
  }

  House house;
};

TEST_F(GuestTest, ACommandThatMisbehavesEndsAndLeavesNothing) {
  EXPECT_EQ(run("exec >&-; echo still >&2; exit 3").status, 3);
  const Finished flood = run("head -c 5000000 /dev/zero >&2; echo done");
  EXPECT_EQ(flood.out, "done\n");
  EXPECT_EQ(flood.err.size(), 5'000'000U);
  EXPECT_EQ(run("printf 'half \\342\\202'").out, "half \xe2\x82");
  EXPECT_EQ(
      run("(setsid sh -c 'trap \"\" TERM HUP; sleep 300 & wait' >/dev/null 2>&1 &) ; echo up").out,
      "up\n");
  EXPECT_EQ(run("trap '' TERM; while :; do sleep 1; done", {"--timeout", "200ms"}).status, 124);
  EXPECT_EQ(run("exec <&-; exit 0").status, 0);
  house.noteBoxes();
  house.expectNothingLeft();
}

TEST_F(GuestTest, MuchOutputToASlowReaderCostsNoMemory) {
  const std::size_t total = static_cast<std::size_t>(cyclesOf(128, 1024)) << 20U;
  Program program =
      house.start({"run", "--mount", "none", "head", "-c", std::to_string(total), "/dev/zero"});
  char byte = 0;
  ASSERT_EQ(::read(program.output(), &byte, 1), 1);
  // Nobody reads now: all that can fill up on the way has filled up when the writer sleeps.
  const auto heads = house.processes("head");
  ASSERT_EQ(heads.size(), 1U);
  const pid_t head = *heads.begin();
  EXPECT_TRUE(eventually([head] {
    const auto waits = sys::readFile(cat("/proc/", head, "/wchan"), 128);
    return waits && waits->find("pipe") != std::string::npos;
  }));
  for (const pid_t agent : house.processes("ak-agent")) {
    EXPECT_LT(peakOf(agent), 32 * 1024);
  }
  std::size_t got = 1;
  std::string buffer(1 << 20, '\0');
  for (ssize_t size = 0; (size = ::read(program.output(), buffer.data(), buffer.size())) > 0;) {
    got += static_cast<std::size_t>(size);
  }
  EXPECT_EQ(program.finish().status, 0);
  EXPECT_EQ(got, total);
#if !__has_feature(address_sanitizer)  // it keeps freed memory to catch whoever still uses it
  EXPECT_LT(peakOf(house.daemon()), 64 * 1024);
#endif
  house.noteBoxes();
  house.expectNothingLeft();
}

TEST_F(GuestTest, MuchInputReachesACommandThatSaysNothing) {
  Program program = house.start({"run", "--mount", "none", "sh", "-c", "wc -c"});
  const std::string block(1 << 20, '\0');
  for (int i = 0; i < 96; ++i) {
    ASSERT_TRUE(sys::writeAll(program.input(), block));
  }
  const Finished counted = program.finish();
  EXPECT_EQ(counted.out, std::to_string(96 << 20) + "\n") << counted.err;
  house.expectNothingLeft();
}

TEST_F(GuestTest, ACommandThatReadsNoInputDoesNotEndTheSession) {
  Program program = house.start({"run", "--mount", "none", "true"});
  const std::string block(1 << 20, '\0');
  while (sys::writeAll(program.input(), block)) {  // until it has ended and nobody reads
  }
  EXPECT_EQ(program.finish().status, 0);
  house.expectNothingLeft();
}

TEST_F(GuestTest, ManyCommandsInOneSandboxUseItUpNot) {
  ASSERT_EQ(house.agentkernel({"create", "many"}).status, 0);
  const std::string script = "i=0; while [ $i -lt 20 ]; do i=$((i+1)); done";
  for (int i = 0; i < cyclesOf(50, 1100) && !HasFailure(); ++i) {
    EXPECT_EQ(house.agentkernel({"exec", "many", "sh", "-c", script}).status, 0);
  }
  house.noteBoxes();
  house.expectNothingLeft();
}

void fiftyAtOnce(House& house) {
  std::list<Program> programs;
  for (int i = 0; i < 50; ++i) {
    programs.emplace_back(house.command({"list"}), house.variables);
  }
  for (Program& program : programs) {
    const Finished finished = program.finish();
    EXPECT_EQ(finished.status, 0) << finished.err;
  }
  EXPECT_EQ(house.processes("agentkerneld").size(), 1U);
  house.expectNothingLeft();
}

TEST_F(GuestTest, FiftyClientsStartOneDaemon) {
  fiftyAtOnce(house);
}

TEST_F(GuestTest, BadInputIsRefusedWithARemedyAndItsOwnStatus) {
  struct Case {
    Words words;
    int status;
    const char* says;
  };

  const Case cases[] = {
      {{"run", "--profile", "modrate", "true"}, 125, "moderate"},
      {{"run", "--image", "no-such-image", "true"}, 125, "no-such-image"},
      {{"run", "--no-such-flag", "true"}, 125, "--no-such-flag"},
      {{"run", "--keep", "--name", "a/b", "true"}, 125, "name"},
      {{"run", "--mount", "none", ""}, 125, "command"},
      {{"run"}, 125, "command"},
      {{"run", "--config", "/nonexistent/agentkernel.toml", "true"}, 125, "/nonexistent"},
      {{"run", "--mount", "none", "no-such-program"}, 127, "no-such-program"},
      {{"run", "--mount", "none", "--image", "host", "/etc/passwd"}, 126, "/etc/passwd"},
      {{"run", "--mount", "none", "--timeout", "100ms", "sleep", "60"}, 124, "time"},
      {{"exec", "nobody", "true"}, 125, "nobody"},
  };
  for (const Case& bad : cases) {
    const Finished finished = house.agentkernel(bad.words);
    EXPECT_EQ(finished.status, bad.status) << join(bad.words, " ") << ": " << finished.err;
    EXPECT_NE(finished.err.find(bad.says), std::string::npos)
        << join(bad.words, " ") << ": " << finished.err;
  }
  const auto broken =
      sys::openPath(house.project() + "/agentkernel.toml", O_WRONLY | O_CREAT, 0600);
  ASSERT_TRUE(broken);
  ASSERT_TRUE(sys::writeAll(broken->get(), "[sandbox\nimage = 3"));
  const Finished finished = house.agentkernel({"run", "true"});
  EXPECT_EQ(finished.status, 125);
  EXPECT_NE(finished.err.find("agentkernel.toml"), std::string::npos) << finished.err;
  house.expectNothingLeft();
}

}  // namespace
}  // namespace ak::fault
