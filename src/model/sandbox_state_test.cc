#include "model/sandbox_state.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/text.h"

namespace ak::model {
namespace {

using nlohmann::json;

json least() {
  return {{"name", "box"},    {"image", "alpine"}, {"vcpus", 2},
          {"memory_mb", 512}, {"vsock_cid", 7},    {"created_at", "2024-06-15T12:30:00Z"}};
}

SandboxRecord recordOf(const json& body) {
  const auto read = readSandboxState(body);
  EXPECT_TRUE(read) << (read ? "" : read.error().message);
  return read ? read->record : SandboxRecord();
}

Error refusal(const json& body) {
  const auto read = readSandboxState(body);
  EXPECT_FALSE(read);
  return read ? Error() : read.error();
}

TEST(SandboxStateTest, SixKeysAreEnough) {
  const auto read = readSandboxState(least());
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->record.name, "box");
  EXPECT_EQ(read->record.image, "alpine");
  EXPECT_EQ(read->vcpus, 2U);
  EXPECT_EQ(read->memory_mb, 512U);
  EXPECT_EQ(read->record.vsock_cid, 7U);
  EXPECT_EQ(read->record.created_as, "2024-06-15T12:30:00Z");
  EXPECT_EQ(read->record.uuid, "");
  EXPECT_EQ(read->record.backend, "");
  EXPECT_TRUE(read->notes.empty());
}

TEST(SandboxStateTest, EachOfTheSixIsMissed) {
  for (const auto& [key, value] : least().items()) {
    for (const bool null : {false, true}) {
      json body = least();
      null ? body[key] = nullptr : (body.erase(key), json());
      EXPECT_EQ(refusal(body).message, cat("'", key, "' is missing"));
    }
  }
}

TEST(SandboxStateTest, WhatIsNoRecordIsRefused) {
  for (const auto& [key, value] : {std::pair<const char*, json>{"name", "../x"},
                                   {"name", 3},
                                   {"image", "a b"},
                                   {"image", ""},
                                   {"vcpus", -1},
                                   {"memory_mb", 1.5},
                                   {"vsock_cid", 4294967296},
                                   {"uuid", "../../etc"},
                                   {"uuid", std::string(37, 'a')},
                                   {"environment", json{{"a", 1}}},
                                   {"environment", json{"A=b"}},
                                   {"environment", json::array({json{"A", std::string(1, '\0')}})},
                                   {"container_work_dir", "../x"},
                                   {"lifecycle_policy", json{{"auto_stop_after_seconds", -1}}},
                                   {"lifecycle_policy", 7}}) {
    json body = least();
    body[key] = value;
    EXPECT_FALSE(readSandboxState(body)) << body;
  }
  EXPECT_FALSE(readSandboxState(json::array()));
}

TEST(SandboxStateTest, ASecretsValueIsNeitherTakenNorQuoted) {
  json body = least();
  body["secret_bindings"] = {"A:api.example.com", "KEY=hunter2:api.example.com"};
  const Error error = refusal(body);
  EXPECT_EQ(error.code, ErrorCode::Unsupported);
  EXPECT_EQ(error.message, "'secret_bindings[1]' holds a secret's value");
  EXPECT_EQ(error.remedy.find("hunter2"), std::string::npos);
}

TEST(SandboxStateTest, TimesAreKeptAsTheyWereWritten) {
  for (const char* time : {"2024-06-15T12:30:00Z", "2024-06-15t12:30:00.5+02:00", "yesterday"}) {
    json body = least();
    body["created_at"] = time;
    body["last_activity_at"] = time;
    const json shown = sandboxState(recordOf(body), SandboxStatus::Stopped);
    EXPECT_EQ(shown["created_at"], time);
    EXPECT_EQ(shown["last_activity_at"], time);
  }
}

json full() {
  json body = least();
  body.update(json{{"uuid", "fixed-uuid"},
                   {"backend", "AgentComputer"},
                   {"remote_id", "r-1"},
                   {"remote_metadata", {{"last_known_status", "running"}}},
                   {"work_dir", "/home/u/p"},
                   {"container_work_dir", "/workspace"},
                   {"ttl_seconds", 3600},
                   {"expires_at", "2024-06-15T13:30:00Z"},
                   {"init_script", "true"},
                   {"environment", json::array({json{"A", "b=c"}, json{"EMPTY", ""}})},
                   {"created_from_template", "web"},
                   {"template_help_text", "help"},
                   {"description", "words"},
                   {"labels", {{"env", "prod"}, {"agentkernel.forked-from", "x"}}},
                   {"last_activity_at", "2024-06-15T12:31:00Z"},
                   {"archived_at", "2024-06-16T12:31:00Z"},
                   {"archived_reason", "manual archive"},
                   {"lifecycle_policy", {{"auto_stop_after_seconds", 60}}},
                   {"secret_bindings", {"A:h"}},
                   {"full_state_checkpoint", "c"},
                   {"full_state_lineage", true},
                   {"firecracker_runtime", {{"phase", "running"}}},
                   {"from_the_future", {1, 2, {{"deep", true}}}}});
  return body;
}

TEST(SandboxStateTest, NothingOfAnImportIsLost) {
  const json shown = sandboxState(recordOf(full()), SandboxStatus::Unknown);
  for (const auto& [key, value] : full().items()) {
    if (key != "vcpus" && key != "memory_mb") {  // of the permissions, which others decide
      EXPECT_EQ(shown.value(key, json()), value) << key;
    }
  }
  EXPECT_EQ(shown["status"], "unknown");
}

TEST(SandboxStateTest, OursHasEveryKeyThatItsOwnerWouldWrite) {
  SandboxRecord record;
  record.name = "box";
  record.backend = "native";
  record.permissions.limits.memory_bytes = std::uint64_t{512} << 20U;
  record.permissions.limits.cpu_percent = 150;
  const json shown = sandboxState(record, SandboxStatus::Stopped);
  EXPECT_EQ(shown["backend"], "Native");
  EXPECT_EQ(shown["vcpus"], 2);
  EXPECT_EQ(shown["memory_mb"], 512);
  for (const char* key : {"remote_id",
                          "workspace_revision",
                          "work_dir",
                          "git_worktree",
                          "config_path",
                          "tenant_id",
                          "ttl_seconds",
                          "expires_at",
                          "ssh_host_port",
                          "agent",
                          "proxy_port",
                          "init_script",
                          "created_from_template",
                          "template_help_text",
                          "description",
                          "owner_org_id",
                          "owner_user_id",
                          "archived_at",
                          "archived_reason",
                          "dormant_at",
                          "dormant_reason",
                          "pid"}) {
    EXPECT_TRUE(shown.contains(key) && shown[key].is_null()) << key;
  }
  for (const char* key : {"ports", "volumes", "secret_bindings", "secret_files", "environment",
                          "post_create_commands"}) {
    EXPECT_EQ(shown.value(key, json()), json::array()) << key;
  }
  for (const char* key : {"remote_metadata", "endpoints", "labels", "lifecycle_policy",
                          "firecracker_runtime", "full_state_checkpoint", "paused_at"}) {
    EXPECT_FALSE(shown.contains(key)) << key;
  }
}

TEST(SandboxStateTest, VolumesAreShownAsTheyWereAskedFor) {
  SandboxRecord record;
  record.volumes = {{"cache", "/root/.cache", false, "u1"}, {"data", "/data", true, "u2"}};
  EXPECT_EQ(sandboxState(record, SandboxStatus::Stopped)["volumes"],
            json({"cache:/root/.cache", "data:/data:ro"}));
}

TEST(SandboxStateTest, AChosenPortIsThereWhileItRuns) {
  SandboxRecord record;
  record.ports = {{"127.0.0.1", 49153, true, 80, PortProtocol::Tcp},
                  {"::1", 8053, false, 53, PortProtocol::Udp}};
  EXPECT_EQ(sandboxState(record, SandboxStatus::Running)["ports"], json::parse(R"([
    {"host_address": "127.0.0.1", "host_port": 49153, "container_port": 80, "protocol": "tcp"},
    {"host_address": "::1", "host_port": 8053, "container_port": 53, "protocol": "udp"}])"));
  const json stopped = sandboxState(record, SandboxStatus::Stopped)["ports"];
  EXPECT_TRUE(stopped[0]["host_port"].is_null());
  EXPECT_EQ(stopped[1]["host_port"], 8053);
}

TEST(SandboxStateTest, PortsOfAnImportAreOurs) {
  json body = least();
  body["ports"] = json::parse(R"([{"host_port": 8080, "container_port": 80, "protocol": "tcp"},
                                  {"host_port": null, "container_port": 53, "protocol": "Udp"}])");
  const SandboxRecord record = recordOf(body);
  ASSERT_EQ(record.ports.size(), 2U);
  EXPECT_EQ(toText(record.ports[0]), "8080:80");
  EXPECT_TRUE(onLoopback(record.ports[0]));
  EXPECT_EQ(toText(record.ports[1]), "53/udp");
  EXPECT_TRUE(startableHere(record));
  for (const char* ports : {R"([{"container_port": 0}])", R"([{"host_port": 1}])", R"(["80"])",
                            R"([{"container_port": 70000}])", R"({"a": 1})",
                            R"([{"container_port": 1, "protocol": "sctp"}])"}) {
    body["ports"] = json::parse(ports);
    EXPECT_TRUE(recordOf(body).ports.empty()) << ports;
    EXPECT_FALSE(startableHere(recordOf(body))) << ports;
    EXPECT_EQ(sandboxState(recordOf(body), SandboxStatus::Stopped)["ports"], body["ports"]);
  }
}

TEST(SandboxStateTest, LabelsThatCannotBeSetAreShownOnly) {
  json body = least();
  body["labels"] = {{"spaces in it", "x"}};
  const auto read = readSandboxState(body);
  ASSERT_TRUE(read);
  EXPECT_TRUE(read->record.labels.empty());
  EXPECT_EQ(read->notes.size(), 1U);
  EXPECT_EQ(sandboxState(read->record, SandboxStatus::Stopped)["labels"], body["labels"]);
}

TEST(SandboxStateTest, WhatWouldBeMissingIsNotStarted) {
  EXPECT_TRUE(startableHere(recordOf(least())));
  EXPECT_TRUE(startableHere(SandboxRecord()));
  for (const auto& [key, value] : {std::pair<const char*, json>{"ssh_enabled", true},
                                   {"secret_files", {"KEY"}},
                                   {"git_worktree", {{"path", "/x"}}},
                                   {"full_state_lineage", true}}) {
    json body = least();
    body[key] = value;
    const Status startable = startableHere(recordOf(body));
    ASSERT_FALSE(startable) << key;
    EXPECT_EQ(startable.error().code, ErrorCode::Unsupported);
    EXPECT_NE(startable.error().message.find(key), std::string::npos);
  }
  json body = least();
  body["ssh_enabled"] = false;
  body["secret_files"] = json::array();
  EXPECT_TRUE(startableHere(recordOf(body)));
}

TEST(SandboxStateTest, OneThatWasSavedToDiskIsPaused) {
  json body = least();
  EXPECT_FALSE(isPaused(recordOf(body)));
  body["paused_at"] = "2024-06-15T12:30:00Z";
  EXPECT_TRUE(isPaused(recordOf(body)));
}

}  // namespace
}  // namespace ak::model
