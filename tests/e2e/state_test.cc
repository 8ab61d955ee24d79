// Records of another implementation, taken over from the command line.
#include <filesystem>
#include <fstream>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "scratch_home.h"

namespace ak::e2e {
namespace {

using nlohmann::json;

class StateTest : public ScratchHome {
 protected:
  void SetUp() override {
    ScratchHome::SetUp();
    std::filesystem::create_directories(theirs() + "/sandboxes");
    put("kept", {{"backend", nullptr}, {"image", "host"}, {"vsock_cid", 10}});
    put("docked", {{"backend", "Docker"},
                   {"uuid", "fixed-uuid"},
                   {"expires_at", "2024-06-15T13:30:00Z"},
                   {"lifecycle_policy", {{"auto_delete_after_seconds", 0}}},
                   {"archived_at", nullptr}});
    put("asleep", {{"backend", "Firecracker"}, {"paused_at", "2024-06-15T12:40:00Z"}});
    put("leaky", {{"secret_bindings", {"KEY=hunter2:example.com"}}});
    std::ofstream(theirs() + "/sandboxes/torn.json") << "{\"name\": \"to";
  }

  void TearDown() override {
    agentkernel({"rm", "kept"});
    ScratchHome::TearDown();
  }

  std::string theirs() const { return home() + "/theirs"; }

  void put(const std::string& name, const json& more) const {
    json body = {{"name", name},     {"image", "alpine"}, {"vcpus", 1},
                 {"memory_mb", 256}, {"vsock_cid", 3},    {"created_at", "2024-06-15T12:30:00Z"}};
    body.update(more);
    std::ofstream(cat(theirs(), "/sandboxes/", name, ".json")) << body.dump(2);
  }

  json import(Words more = {}) const {
    Words words = {"state", "import", "--json", theirs()};
    words.insert(words.end(), more.begin(), more.end());
    return json::parse(agentkernel(words).out, nullptr, false);
  }

  json inspect(const std::string& name) const {
    return json::parse(agentkernel({"inspect", "--json", name}).out, nullptr, false);
  }

  std::string statusOf(const std::string& name) const {
    return inspect(name).value("status", "none");
  }
};

std::vector<std::string> namesOf(const json& list) {
  std::vector<std::string> names;
  for (const json& item : list) {
    names.push_back(item.value("name", item.value("file", "")));
  }
  return names;
}

using Names = std::vector<std::string>;

TEST_F(StateTest, WhatIsUnderstoodIsTakenOverAndTheRestIsReported) {
  const json tried = import({"--dry-run"});
  EXPECT_EQ(namesOf(tried["imported"]), (Names{"asleep", "docked", "kept"})) << tried;
  EXPECT_EQ(agentkernel({"list", "--json"}).out, "[]\n");

  const json done = import();
  EXPECT_EQ(namesOf(done["imported"]), (Names{"asleep", "docked", "kept"})) << done;
  ASSERT_EQ(namesOf(done["refused"]), (Names{"leaky.json", "torn.json"}));
  EXPECT_EQ(done["refused"][0].value("kept_as", ""), "") << "no copy of what holds a secret";
  EXPECT_EQ(done.dump().find("hunter2"), std::string::npos);
  std::ifstream copy(done["refused"][1].value("kept_as", ""));
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(copy), {}), "{\"name\": \"to");

  EXPECT_EQ(statusOf("kept"), "stopped");
  EXPECT_EQ(statusOf("docked"), "unknown");
  EXPECT_EQ(statusOf("asleep"), "paused");
  EXPECT_EQ(inspect("docked")["uuid"], "fixed-uuid");
  EXPECT_EQ(inspect("docked")["backend"], "Docker");
  EXPECT_EQ(inspect("kept")["created_at"], "2024-06-15T12:30:00Z");
}

TEST_F(StateTest, AnImportIsFinishedByAnother) {
  (void)import();
  const std::string uuid = inspect("kept").value("uuid", "");
  ASSERT_EQ(agentkernel({"rm", "asleep"}).status, 0);
  ASSERT_EQ(agentkernel({"daemon", "restart"}).status, 0);
  EXPECT_EQ(inspect("kept")["uuid"], uuid);
  const json again = import();
  EXPECT_EQ(namesOf(again["imported"]), Names{"asleep"});
  EXPECT_EQ(namesOf(again["skipped"]), (Names{"docked", "kept"}));
  EXPECT_EQ(inspect("kept")["uuid"], uuid);
}

TEST_F(StateTest, WhatIsOursStartsAndWhatIsNotIsLeftAlone) {
  (void)import();
  EXPECT_EQ(agentkernel({"start", "kept"}).status, 0);
  EXPECT_EQ(agentkernel({"exec", "kept", "--", "echo", "hi"}).out, "hi\n");
  EXPECT_EQ(inspect("kept")["memory_mb"], 256);
  for (const char* verb : {"start", "stop", "archive"}) {
    const Finished refused = agentkernel({verb, "docked"});
    EXPECT_NE(refused.status, 0) << verb;
    EXPECT_NE(refused.err.find("backend 'docker'"), std::string::npos) << refused.err;
  }
  EXPECT_NE(agentkernel({"exec", "docked", "--", "true"}).err.find("backend 'docker'"),
            std::string::npos);
  // Its time is over since long, and its container may live: nothing happens by itself.
  EXPECT_EQ(agentkernel({"gc"}).out, "");
  EXPECT_EQ(agentkernel({"lifecycle", "reconcile"}).out.find("docked"), std::string::npos);
  EXPECT_EQ(statusOf("docked"), "unknown");
  EXPECT_EQ(agentkernel({"rm", "docked"}).status, 0);
  EXPECT_TRUE(std::filesystem::exists(theirs() + "/sandboxes/docked.json"));
}

TEST_F(StateTest, AddressesOfMachinesGoOnBehindTheHighest) {
  (void)import();
  ASSERT_EQ(agentkernel({"create", "--mount", "none", "fresh"}).status, 0);
  EXPECT_EQ(inspect("fresh")["vsock_cid"], 11);
  agentkernel({"rm", "fresh"});
}

TEST_F(StateTest, FilesInOurOwnPlaceAreOfferedOnceAndKept) {
  std::filesystem::create_directories(state() + "/sandboxes");
  const std::string file = state() + "/sandboxes/kept.json";
  std::filesystem::copy(theirs() + "/sandboxes/kept.json", file);
  EXPECT_NE(agentkernel({"doctor"}).out.find("state import"), std::string::npos);
  const Finished done = agentkernel({"state", "import"});
  EXPECT_EQ(done.status, 0) << done.err;
  EXPECT_NE(done.out.find("imported"), std::string::npos) << done.out;
  EXPECT_EQ(agentkernel({"doctor"}).out.find("state import"), std::string::npos);
  ASSERT_EQ(agentkernel({"daemon", "restart"}).status, 0);
  EXPECT_EQ(statusOf("kept"), "stopped");
  EXPECT_TRUE(std::filesystem::exists(file));
}

TEST_F(StateTest, OtherThingsAreNoDirectory) {
  EXPECT_NE(agentkernel({"state", "import", home() + "/none"}).status, 0);
  EXPECT_NE(agentkernel({"state", "import", theirs() + "/sandboxes/torn.json"}).status, 0);
}

}  // namespace
}  // namespace ak::e2e
