// A kept sandbox through every command, while its daemon runs and across daemons.
#include <sys/stat.h>

#include "base/text.h"
#include "house.h"
#include "sys/file.h"

namespace ak::fault {
namespace {

class KeptTest : public ::testing::Test {
 protected:
  void SetUp() override {
    write("changed.txt", "before\n");
    write("removed.txt", "gone soon\n");
    ASSERT_EQ(::chown(house.project().c_str(), owner_, group_), 0);
    const Finished made = house.agentkernel(
        {"run", "--keep", "--name", "kept", "sh", "-c",
         "echo after > changed.txt; rm removed.txt; mkdir new; echo fresh > new/file.txt; "
         "echo precious > /root/mark; echo said"});
    ASSERT_EQ(made.status, 0) << made.err;
    house.noteBoxes();
  }

  void write(const std::string& name, std::string_view text) const {
    const auto file = sys::openPath(house.project() + "/" + name, O_WRONLY | O_CREAT, 0644);
    ASSERT_TRUE(file);
    ASSERT_TRUE(sys::writeAll(file->get(), text));
    ASSERT_EQ(::fchown(file->get(), owner_, group_), 0);
  }

  std::string read(const std::string& name) const {
    return sys::readFile(house.project() + "/" + name, 4096).value_or("(none)");
  }

  void ok(Words words) const {
    const Finished done = house.agentkernel(words);
    EXPECT_EQ(done.status, 0) << join(words, " ") << ": " << done.err;
  }

  // Nothing is wrong but limits of an ordinary user, which need a delegated group; the guest of the
  // vm tier gives one.
  void expectVerified() const {
    const char* const tier = ::getenv("AK_TEST_TIER");
    const bool limited = ::geteuid() == 0 || (tier != nullptr && std::string_view(tier) == "vm");
    const Finished verified = house.agentkernel({"verify", "kept"});
    EXPECT_NE(verified.out.find("ok      seccomp"), std::string::npos) << verified.err;
    for (const std::string_view line : split(verified.out, '\n')) {
      EXPECT_TRUE(!line.starts_with("FAILED") || (!limited && line.starts_with("FAILED  limit: ") &&
                                                  line.contains(": unenforced.")))
          << line;
    }
    EXPECT_EQ(verified.status, verified.out.contains("FAILED") ? 1 : 0) << verified.err;
  }

  // diff, apply and discard of what SetUp() wrote, whatever state the sandbox is in.
  void takeChanges() const {
    const Finished diff = house.agentkernel({"diff", "kept"});
    EXPECT_EQ(diff.status, 0) << diff.err;
    EXPECT_NE(diff.out.find("+after"), std::string::npos) << diff.out;
    EXPECT_NE(diff.out.find("new/file.txt"), std::string::npos) << diff.out;
    ok({"apply", "kept", "changed.txt", "new"});
    EXPECT_EQ(read("changed.txt"), "after\n");
    EXPECT_EQ(read("new/file.txt"), "fresh\n");
    EXPECT_EQ(read("removed.txt"), "gone soon\n");  // not asked for
    for (const char* name : {"/changed.txt", "/new", "/new/file.txt"}) {
      struct stat info{};
      ASSERT_EQ(::stat((house.project() + name).c_str(), &info), 0);
      EXPECT_EQ(info.st_uid, owner_) << name;
      EXPECT_EQ(info.st_gid, group_) << name;
    }
  }

  House house;

 private:
  // Root's projects are often another user's; everybody else has only their own.
  const uid_t owner_ = ::geteuid() == 0 ? 1000 : ::geteuid();
  const gid_t group_ = ::geteuid() == 0 ? 1000 : ::getegid();
};

TEST_F(KeptTest, RunsOnAndAnswersEveryCommand) {
  EXPECT_EQ(house.agentkernel({"exec", "kept", "cat", "/root/mark"}).out, "precious\n");
  EXPECT_EQ(house.agentkernel({"exec", "kept", "cat"}, "typed").out, "typed");
  EXPECT_EQ(house.agentkernel({"logs", "kept"}).out, "said\n");
  EXPECT_EQ(house.inspect("kept", "status"), "running");
  expectVerified();
  takeChanges();
  // What the sandbox still uses cannot be taken from under it.
  const Finished refused = house.agentkernel({"discard", "kept", "removed.txt"});
  EXPECT_NE(refused.status, 0);
  EXPECT_NE(refused.err.find("agentkernel stop kept"), std::string::npos) << refused.err;
  ok({"rm", "kept"});
  EXPECT_NE(house.agentkernel({"exec", "kept", "true"}).status, 0);
  house.expectNothingLeft();
}

TEST_F(KeptTest, StoppedItKeepsWhatItWroteAndStartsAgain) {
  ok({"stop", "kept"});
  EXPECT_EQ(house.inspect("kept", "status"), "stopped");
  const Finished refused = house.agentkernel({"exec", "kept", "true"});
  EXPECT_NE(refused.status, 0);
  EXPECT_NE(refused.err.find("agentkernel start kept"), std::string::npos) << refused.err;
  takeChanges();
  ok({"discard", "kept", "removed.txt"});
  ok({"start", "kept"});
  EXPECT_EQ(house.agentkernel({"exec", "kept", "cat", "/root/mark"}).out, "precious\n");
  EXPECT_EQ(house.agentkernel({"exec", "kept", "cat", "removed.txt"}).out, "gone soon\n");
  house.expectNothingLeft();
}

TEST_F(KeptTest, StartsAgainWhateverItsGuestMadeOfItsDirectories) {
  for (const char* ruin :
       {"rm -rf /tmp; ln -s /proc/self/root/etc /tmp", "rm -f /tmp; echo x > /tmp", "rm -f /tmp",
        "rm -rf /root /home; ln -s /nowhere /root"}) {
    EXPECT_EQ(house.agentkernel({"exec", "kept", "sh", "-c", ruin}).status, 0) << ruin;
    EXPECT_EQ(house.agentkernel({"stop", "kept"}).status, 0);
    const Finished started = house.agentkernel({"start", "kept"});
    EXPECT_EQ(started.status, 0) << ruin << ": " << started.err;
    EXPECT_EQ(house.agentkernel({"exec", "kept", "echo", "alive"}).out, "alive\n") << ruin;
  }
  house.expectNothingLeft();
}

TEST_F(KeptTest, OutlivesItsDaemonRunningOrStopped) {
  ok({"daemon", "stop"});
  EXPECT_EQ(house.agentkernel({"exec", "kept", "cat", "/root/mark"}).out, "precious\n");
  EXPECT_EQ(house.agentkernel({"logs", "kept"}).out, "said\n");
  takeChanges();
  house.kill(house.daemon());
  expectVerified();
  ok({"stop", "kept"});
  house.kill(house.daemon());
  EXPECT_EQ(house.inspect("kept", "status"), "stopped");
  EXPECT_NE(house.agentkernel({"diff", "kept"}).out.find("removed.txt"), std::string::npos);
  ok({"start", "kept"});
  EXPECT_EQ(house.agentkernel({"exec", "kept", "cat", "/root/mark"}).out, "precious\n");
  house.expectNothingLeft();
}

}  // namespace
}  // namespace ak::fault
