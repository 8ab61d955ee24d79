// Shell scripts that prepare a sandbox at each of its starts.
#include "scratch_home.h"

namespace ak::e2e {
namespace {

class InitScriptTest : public ScratchHome {
 protected:
  void TearDown() override {
    agentkernel({"rm", "it"});
    ScratchHome::TearDown();
  }

  Finished with(const std::string& script, Words words) const {
    write(home() + "/init.sh", script);
    words.insert(words.begin() + 1, {"--init-script", home() + "/init.sh", "--mount", "none"});
    return agentkernel(std::move(words));
  }
};

TEST_F(InitScriptTest, RunsAtEachStartAsRootInTheWorkingDirectoryWithTheEnvironment) {
  const Finished made = with("echo \"$(id -u) $(pwd) $WHO\" >> /root/starts\n",
                             {"create", "--env", "WHO=me", "--workdir", "/tmp", "it"});
  ASSERT_EQ(made.status, 0) << made.err;
  ASSERT_EQ(agentkernel({"stop", "it"}).status, 0);
  ASSERT_EQ(agentkernel({"start", "it"}).status, 0);
  EXPECT_EQ(agentkernel({"exec", "it", "cat", "/root/starts"}).out, "0 /tmp me\n0 /tmp me\n");
  EXPECT_EQ(agentkernel({"exec", "it", "echo", "on"}).out, "on\n") << "exec runs it no more";
}

TEST_F(InitScriptTest, RunsBeforeTheCommand) {
  EXPECT_EQ(with("echo ready > /tmp/state", {"run", "cat", "/tmp/state"}).out, "ready\n");
}

TEST_F(InitScriptTest, AFailureLeavesNothingAndShowsWhatItSaid) {
  const Finished made = with("echo no such package; exit 3", {"create", "it"});
  EXPECT_EQ(made.status, 125);
  EXPECT_NE(made.err.find("ended with code 3: no such package"), std::string::npos) << made.err;
  EXPECT_NE(agentkernel({"inspect", "it"}).err.find("no sandbox named 'it'"), std::string::npos);
}

TEST_F(InitScriptTest, AFailingRestartStopsTheSandboxAndSaysWhy) {
  ASSERT_EQ(
      with("test ! -e /root/broken || { echo it is broken; exit 1; }", {"create", "it"}).status, 0);
  ASSERT_EQ(agentkernel({"exec", "it", "touch", "/root/broken"}).status, 0);
  ASSERT_EQ(agentkernel({"stop", "it"}).status, 0);
  const Finished started = agentkernel({"start", "it"});
  EXPECT_EQ(started.status, 125);
  EXPECT_NE(started.err.find("it is broken"), std::string::npos) << started.err;
  const std::string shown = agentkernel({"inspect", "it"}).out;
  EXPECT_NE(shown.find("status: stopped\n"), std::string::npos) << shown;
  EXPECT_NE(shown.find("stop_reason: the init script"), std::string::npos) << shown;
  EXPECT_NE(agentkernel({"logs", "it"}).out.find("it is broken"), std::string::npos);
}

TEST_F(InitScriptTest, WhoEndsTheSandboxDoesNotWaitForIt) {
  write(home() + "/init.sh", "trap '' TERM; while :; do sleep 1; done");
  Program made = start({"create", "--init-script", home() + "/init.sh", "--mount", "none", "it"});
  while (agentkernel({"rm", "it"}).status != 0) {  // it is not yet there
  }
  const Finished refused = made.finish();
  EXPECT_EQ(refused.status, 125);
  EXPECT_NE(refused.err.find("'it' was ended"), std::string::npos) << refused.err;
  ASSERT_EQ(with("test ! -e /root/slow || sleep 1000", {"create", "it"}).status, 0);
  ASSERT_EQ(agentkernel({"exec", "it", "touch", "/root/slow"}).status, 0);
  ASSERT_EQ(agentkernel({"stop", "it"}).status, 0);
  Program started = start({"start", "it"});
  while (agentkernel({"inspect", "it"}).out.find("status: running") == std::string::npos) {
  }
  EXPECT_EQ(agentkernel({"stop", "it"}).status, 0);
  EXPECT_EQ(started.finish().status, 125);
  EXPECT_NE(agentkernel({"inspect", "it"}).out.find("status: stopped"), std::string::npos);
}

TEST_F(InitScriptTest, TheProjectsIsRunToo) {
  ASSERT_TRUE(sys::makePrivateDirectory(home() + "/project"));
  write(home() + "/project/agentkernel.toml",
        "[sandbox]\ninit_script = 'echo from the project > /tmp/state'\n");
  EXPECT_EQ(agentkernel({"run", "--config", home() + "/project/agentkernel.toml", "--mount", "none",
                         "cat", "/tmp/state"})
                .out,
            "from the project\n");
}

// A list of commands that does not name the shell forbids scripts too.
TEST_F(InitScriptTest, TheCommandPolicyHoldsForItsShell) {
  ASSERT_TRUE(sys::makePrivateDirectory(home() + "/.config"));
  ASSERT_TRUE(sys::makePrivateDirectory(home() + "/.config/agentkernel"));
  write(home() + "/.config/agentkernel/config.toml",
        "[security.commands]\nallow = ['cat']\nallowlist_only = true\n");
  const Finished refused = with("true", {"run", "cat", "/dev/null"});
  EXPECT_EQ(refused.status, 125);
  EXPECT_NE(refused.err.find("sh"), std::string::npos) << refused.err;
  EXPECT_EQ(agentkernel({"run", "--mount", "none", "cat", "/dev/null"}).status, 0);
}

}  // namespace
}  // namespace ak::e2e
