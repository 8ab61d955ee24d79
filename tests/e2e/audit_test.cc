// What the audit log says of what was done, through the programs as users have them.
#include <sys/stat.h>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "scratch_home.h"

namespace ak::e2e {
namespace {

using nlohmann::json;

class AuditTest : public ScratchHome {
 protected:
  void TearDown() override {
    agentkernel({"rm", "it"});
    ScratchHome::TearDown();
  }

  std::string log() const { return state() + "/audit.jsonl"; }

  json events(Words more = {}) const {
    Words all = {"audit", "--json", "--last", "1000"};
    all.insert(all.end(), more.begin(), more.end());
    const Finished listed = agentkernel(all);
    EXPECT_EQ(listed.status, 0) << listed.err;
    return json::parse(listed.out, nullptr, false);
  }

  // Types of a sandbox's events in their order.
  std::vector<std::string> typesOf(const std::string& sandbox) const {
    std::vector<std::string> types;
    for (const json& event : events({"--sandbox", sandbox})) {
      types.push_back(event["type"]);
    }
    return types;
  }

  json last(const std::string& type) const {
    const json found = events({"--type", type});
    return found.empty() ? json::object() : found.back();
  }

  void configure(std::string_view text) const {
    ASSERT_TRUE(sys::makePrivateDirectory(home() + "/.config/agentkernel"));
    write(home() + "/.config/agentkernel/config.toml", text);
  }
};

TEST_F(AuditTest, EveryOperationHasItsEvent) {
  ASSERT_EQ(
      agentkernel({"run", "--keep", "--name", "it", "--mount", "none", "--label", "team=a", "true"})
          .status,
      0);
  EXPECT_EQ(agentkernel({"exec", "--env", "SECRET=hunter2", "it", "sh", "-c", "exit 3"}).status, 3);
  write(home() + "/f", "data");
  ASSERT_EQ(agentkernel({"cp", home() + "/f", "it:/root/f"}).status, 0);
  ASSERT_EQ(agentkernel({"cp", "it:/root/f", home() + "/g"}).status, 0);
  EXPECT_EQ(agentkernel({"exec", "it", "no-such-command"}).status, 127);
  ASSERT_EQ(agentkernel({"update", "it", "--label", "env=prod"}).status, 0);
  ASSERT_EQ(agentkernel({"stop", "it"}).status, 0);
  ASSERT_EQ(agentkernel({"stop", "it"}).status, 0);  // nothing to do, nothing to tell
  ASSERT_EQ(agentkernel({"start", "it"}).status, 0);
  ASSERT_EQ(agentkernel({"rm", "it"}).status, 0);
  EXPECT_EQ(typesOf("it"),
            (std::vector<std::string>{"sandbox_created", "sandbox_started", "command_executed",
                                      "command_executed", "file_written", "file_read",
                                      "sandbox_error", "sandbox_updated", "sandbox_stopped",
                                      "sandbox_started", "sandbox_removed"}));
  const json all = events({"--sandbox", "it"});
  EXPECT_EQ(all[0]["labels"], (json{{"team", "a"}}));
  EXPECT_EQ(all[1]["profile"], "moderate");
  EXPECT_EQ(all[1]["security"]["network"], "none");
  EXPECT_EQ(all[3]["exit_code"], 3);
  EXPECT_EQ(all[3]["command"], (json{"sh", "-c", "exit 3"}));
  EXPECT_EQ(all[3]["env"], json{"SECRET"});
  EXPECT_EQ(all[4]["path"], "/root/f");
  EXPECT_EQ(all[4]["bytes"], 4);
  EXPECT_EQ(all[6]["code"], "command_not_found");
  for (const json& event : all) {
    EXPECT_EQ(event["sandbox_uuid"], all[0]["sandbox_uuid"]);
    EXPECT_EQ(event["actor"], (json{{"via", "unix"}, {"uid", ::geteuid()}}));
  }
  const auto text = sys::readFile(log(), 1 << 20);
  ASSERT_TRUE(text);
  EXPECT_EQ(text->find("hunter2"), std::string::npos);
  struct stat info{};
  ASSERT_EQ(::stat(log().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0600U);
}

TEST_F(AuditTest, ARunThatIsNotKeptIsOneEvent) {
  ASSERT_EQ(agentkernel({"run", "--mount", "none", "echo", "--token", "abc"}).status, 0);
  const json event = last("command_executed");
  EXPECT_EQ(event["command"], (json{"echo", "--token", "[redacted]"}));
  EXPECT_EQ(event["one_shot"], true);
  EXPECT_EQ(event["profile"], "moderate");
  EXPECT_EQ(event["image"], "host");
  EXPECT_EQ(typesOf(event["sandbox"]), std::vector<std::string>{"command_executed"});
}

TEST_F(AuditTest, TheProjectsOwnCommandIsNamed) {
  ASSERT_TRUE(sys::makePrivateDirectory(home() + "/project"));
  write(home() + "/project/agentkernel.toml", "[sandbox]\ncommand = ['echo', 'project']\n");
  ASSERT_EQ(
      agentkernel({"run", "--config", home() + "/project/agentkernel.toml", "--mount", "none"})
          .status,
      0);
  EXPECT_EQ(last("command_executed")["command"], (json{"echo", "project"}));
}

TEST_F(AuditTest, RefusalsAreTold) {
  configure("[security.commands]\nblock = ['curl']\n[limits]\nhost_sandboxes = 1\n");
  EXPECT_EQ(agentkernel({"run", "--mount", "none", "curl", "--api-key", "abc", "host"}).status,
            125);
  const json refused = last("policy_violation");
  EXPECT_EQ(refused["sandbox"], "ephemeral");
  EXPECT_EQ(refused["policy"], "commands");
  EXPECT_EQ(refused["operation"], "run");
  EXPECT_EQ(refused["command"], (json{"curl", "--api-key", "[redacted]", "host"}));
  ASSERT_EQ(agentkernel({"create", "it", "--mount", "none"}).status, 0);
  EXPECT_EQ(agentkernel({"create", "other", "--mount", "none"}).status, 125);
  EXPECT_EQ(last("quota_denied")["sandbox"], "other");
  // The command policy is for commands: files are files.
  write(home() + "/f", "data");
  EXPECT_EQ(agentkernel({"cp", home() + "/f", "it:/root/curl"}).status, 0);
  EXPECT_EQ(last("file_written")["path"], "/root/curl");
}

TEST_F(AuditTest, AFailingInitScriptIsTold) {
  write(home() + "/init.sh", "echo no such package; exit 3");
  EXPECT_EQ(
      agentkernel({"create", "--init-script", home() + "/init.sh", "--mount", "none", "it"}).status,
      125);
  const json failed = last("sandbox_error");
  EXPECT_EQ(failed["name"], "it");
  EXPECT_EQ(failed["operation"], "create");
  EXPECT_NE(failed["error"].get<std::string>().find("init script of 'it' ended with code 3"),
            std::string::npos);
  EXPECT_EQ(typesOf("it"), std::vector<std::string>{"sandbox_error"});
}

TEST_F(AuditTest, WhatTheDaemonDoesByItselfIsTold) {
  ASSERT_EQ(agentkernel({"create", "--mount", "none", "it"}).status, 0);
  ASSERT_EQ(agentkernel({"update", "--auto-stop", "1s", "it"}).status, 0);
  for (int i = 0; i < 200 && last("sandbox_stopped").empty(); ++i) {
    ::poll(nullptr, 0, 50);  // for the daemon's timer
  }
  const json stopped = last("sandbox_stopped");
  EXPECT_EQ(stopped["name"], "it");
  EXPECT_EQ(stopped["actor"]["via"], "daemon");
  EXPECT_NE(stopped["reason"], "");
}

// A file's name is the guest's to choose.
TEST_F(AuditTest, AGuestCannotForgeLines) {
  ASSERT_EQ(agentkernel({"create", "it", "--mount", "none"}).status, 0);
  const std::string name = "/tmp/x\n{\"type\":\"sandbox_removed\",\"name\":\"it\"}\n\x1b[2J";
  EXPECT_EQ(agentkernel({"exec", "it", "touch", name}).status, 0);
  agentkernel({"cp", cat("it:", name), home() + "/out"});
  EXPECT_EQ(events({"--type", "sandbox_removed"}), json::array());
  EXPECT_EQ(agentkernel({"audit", "verify"}).status, 0);
  const std::string shown = agentkernel({"audit"}).out;
  EXPECT_EQ(shown.find('\x1b'), std::string::npos);
}

TEST_F(AuditTest, VerifyFindsWhatWasChangedAndProvesAHead) {
  ASSERT_EQ(agentkernel({"run", "--mount", "none", "true"}).status, 0);
  const Finished intact = agentkernel({"audit", "verify", "--json"});
  ASSERT_EQ(intact.status, 0) << intact.out << intact.err;
  const std::string head = json::parse(intact.out)["head"];
  ASSERT_EQ(agentkernel({"run", "--mount", "none", "true"}).status, 0);
  EXPECT_EQ(agentkernel({"audit", "verify", "--head", head}).status, 0);
  const std::string wrong = cat(head.substr(0, head.find(':') + 1), std::string(64, 'a'));
  EXPECT_EQ(agentkernel({"audit", "verify", "--head", wrong}).status, 1);
  auto text = sys::readFile(log(), 1 << 20);
  ASSERT_TRUE(text);
  text->replace(text->find("\"true\""), 6, "\"ture\"");
  write(log(), *text);
  const Finished damaged = agentkernel({"audit", "verify"});
  EXPECT_EQ(damaged.status, 1);
  EXPECT_NE(damaged.out.find("was changed"), std::string::npos) << damaged.out;
}

TEST_F(AuditTest, WrongWordsAreExplained) {
  EXPECT_NE(agentkernel({"audit", "--type", "sandbox_create"}).err.find("sandbox_created"),
            std::string::npos);
  EXPECT_NE(agentkernel({"audit", "--since", "yesterday"}).err.find("30m"), std::string::npos);
  EXPECT_NE(agentkernel({"audit", "--last", "-1"}).status, 0);
  EXPECT_EQ(agentkernel({"audit", "--path"}).out, log() + "\n");
}

TEST_F(AuditTest, CanBeSwitchedOffByItsOwnerAndNotByAVariable) {
  configure("[audit]\nenabled = false\n");
  ASSERT_EQ(agentkernel({"run", "--mount", "none", "true"}).status, 0);
  EXPECT_NE(::access(log().c_str(), F_OK), 0);
  EXPECT_NE(agentkernel({"audit"}).err.find("switched off"), std::string::npos);
  agentkernel({"daemon", "stop"});
  configure("");
  Words with = variables();
  with.emplace_back("AGENTKERNEL_AUDIT=0");
  Program run(words({"run", "--mount", "none", "true"}), with);
  EXPECT_EQ(run.finish().status, 0);
  EXPECT_EQ(last("command_executed")["command"], json{"true"});
}

// Instead of a log that cannot be written: nothing that would have to be in it.
TEST_F(AuditTest, RefusesWorkThatCannotBeRecordedWhenToldSo) {
  configure("[audit]\non_failure = 'refuse'\n");
  ASSERT_TRUE(sys::makePrivateDirectory(state()));
  ASSERT_TRUE(sys::makePrivateDirectory(log()));  // a directory in its place
  const Finished refused = agentkernel({"run", "--mount", "none", "touch", "/tmp/x"});
  EXPECT_EQ(refused.status, 125);
  EXPECT_NE(refused.err.find("audit log cannot be written"), std::string::npos) << refused.err;
  EXPECT_NE(agentkernel({"doctor"}).out.find("audit"), std::string::npos);
  EXPECT_EQ(::rmdir(log().c_str()), 0);
  EXPECT_EQ(agentkernel({"audit"}).status, 0);
}

}  // namespace
}  // namespace ak::e2e
