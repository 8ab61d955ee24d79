#include "model/run_request_json.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace ak::model {
namespace {

using nlohmann::json;

RunRequest fullRequest() {
  RunRequest request;
  request.command = {"python3", "-c", "print('\u00fc')", ""};
  request.image = "host";
  request.profile = Profile::Restrictive;
  request.network = NetworkMode::Full;
  request.memory_bytes = 512ULL << 20U;
  request.cpu_percent = 150;
  request.pids = 64;
  request.disk_bytes = 1ULL << 30U;
  request.environment = {"A=1", "B="};
  request.host_environment = {"TERM=xterm"};
  request.workdir = "/workspace";
  request.user = "1000:1000";
  request.name = "web-1";
  request.keep = true;
  request.detach = true;
  request.fast = false;
  request.want_changes = true;
  request.timeout = std::chrono::milliseconds(1500);
  request.files = {{"/etc/a", std::string("\0\xff\n", 3), 0600}, {"/b", "", 0644}};
  request.workspace = {"/home/u/p", 2049, UINT64_MAX, WorkspaceMode::ReadOnly, {".git"}};
  request.project = ProjectFile{"/home/u/p/agentkernel.toml", "[sandbox]\n"};
  request.volumes = {{"cache", "/root/.cache", false, ""}, {"data", "/data", true, ""}};
  request.terminal = true;
  request.window = {50, 132};
  request.stdin_open = true;
  return request;
}

TEST(RunRequestJsonTest, EveryFieldSurvivesTheRoundTripThroughText) {
  const std::string text = toJson(fullRequest()).dump();
  const auto decoded = runRequestFromJson(json::parse(text));
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(*decoded, fullRequest());
}

TEST(RunRequestJsonTest, DefaultsAreLeftOutOfTheText) {
  RunRequest request;
  request.command = {"true"};
  EXPECT_EQ(toJson(request).dump(), R"({"command":["true"]})");
  EXPECT_EQ(*runRequestFromJson(toJson(request)), request);
}

TEST(RunRequestJsonTest, UnknownFieldsAndNullScalarsAreIgnored) {
  const auto decoded = runRequestFromJson(
      json::parse(R"({"command":["x"],"image":null,"profile":null,"memory_mb":null,"new":{}})"));
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(decoded->command, std::vector<std::string>{"x"});
}

TEST(RunRequestJsonTest, EveryWrongTypeIsRefusedAndNamed) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"command", R"("ls")"},
      {"command[1]", R"(["a",1])"},
      {"command", "null"},
      {"image", "1"},
      {"profile", "1"},
      {"profile", R"("strict")"},
      {"network", "1"},
      {"network", R"("host")"},
      {"memory_mb", R"("1g")"},
      {"memory_mb", "-1"},
      {"memory_bytes", "1.5"},
      {"vcpus", "0"},
      {"vcpus", R"("2")"},
      {"cpu_percent", "99999999"},
      {"pids", "-5"},
      {"disk_bytes", "true"},
      {"env", R"({"A":"1"})"},
      {"env", "null"},
      {"host_env", "3"},
      {"workdir", "[]"},
      {"user", "0"},
      {"name", "{}"},
      {"keep", "1"},
      {"detach", R"("yes")"},
      {"fast", "0"},
      {"changes", R"("")"},
      {"timeout_ms", "-1"},
      {"timeout_ms", R"("1s")"},
      {"files", "{}"},
      {"files[0]", "[1]"},
      {"workspace", R"("/")"},
      {"project", "[]"},
      {"tty", R"("yes")"},
      {"stdin", R"("-")"},
      {"volumes", "null"},
      {"volumes", R"("data:/data")"},
      {"volumes[0]", "[1]"},
      {"volumes", R"(["data:data"])"},
  };
  for (const auto& [field, value] : cases) {
    const std::string key = field.substr(0, field.find('['));
    const auto decoded = runRequestFromJson(json{{key, json::parse(value)}});
    ASSERT_FALSE(decoded) << field << " accepted " << value;
    EXPECT_EQ(decoded.error().code, ErrorCode::InvalidArgument) << field;
    EXPECT_NE(decoded.error().message.find(field), std::string::npos) << decoded.error().message;
  }
}

TEST(RunRequestJsonTest, NestedErrorsNameTheirPath) {
  const auto messageOf = [](const char* text) {
    return runRequestFromJson(json::parse(text)).error().message;
  };
  EXPECT_NE(messageOf(R"({"files":[{"path":"/a","content":"***"}]})").find("files[0].content"),
            std::string::npos);
  EXPECT_NE(messageOf(R"({"files":[{},{"mode":99999}]})").find("files[1].mode"), std::string::npos);
  EXPECT_NE(messageOf(R"({"workspace":{"path":1}})").find("workspace.path"), std::string::npos);
  EXPECT_NE(messageOf(R"({"project":{"content":"a"}})").find("project.content"), std::string::npos);
  EXPECT_NE(messageOf(R"({"tty":{"rows":-1}})").find("tty.rows"), std::string::npos);
  EXPECT_NE(messageOf("[]").find("the body"), std::string::npos);
}

TEST(RunRequestJsonTest, UpstreamSpellingsOfLimitsAndNetworkAreUnderstood) {
  const auto decoded = runRequestFromJson(
      json::parse(R"({"command":["x"],"memory_mb":256,"vcpus":2,"network":false})"));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->memory_bytes, 256ULL << 20U);
  EXPECT_EQ(decoded->cpu_percent, 200U);
  EXPECT_EQ(decoded->network, NetworkMode::None);
  EXPECT_FALSE(runRequestFromJson(json::parse(R"({"memory_mb":1,"memory_bytes":5})")));
}

TEST(ExecRequestJsonTest, EveryFieldSurvivesTheRoundTrip) {
  ExecRequest request;
  request.command = {"id"};
  request.environment = {"A=1"};
  request.workdir = "/tmp";
  request.user = "nobody";
  request.sudo = true;
  request.timeout = std::chrono::milliseconds(7);
  request.terminal = true;
  request.window = {1, 2};
  request.stdin_open = true;
  EXPECT_EQ(*execRequestFromJson(json::parse(toJson(request).dump())), request);
  EXPECT_FALSE(execRequestFromJson(json{{"sudo", "yes"}}));
}

TEST(ExecOutcomeJsonTest, SurvivesTheRoundTripWithoutText) {
  const ExecOutcome outcome{137, 9, true, true, true};
  EXPECT_EQ(*execOutcomeFromJson(toJson(outcome)), outcome);
  EXPECT_FALSE(execOutcomeFromJson(json{{"exit_code", 256}}));
  EXPECT_FALSE(execOutcomeFromJson(json{{"exit_code", -1}}));
}

TEST(ChangeJsonTest, PathsOfArbitraryBytesSurvive) {
  const Change change{Change::Kind::Deleted, "a/\xff\n", 12, 0100644};
  EXPECT_EQ(*changeFromJson(json::parse(toJson(change).dump())), change);
  EXPECT_FALSE(changeFromJson(json{{"kind", "renamed"}, {"path", "x"}}));
  EXPECT_FALSE(changeFromJson(json{{"kind", "added"}, {"path_base64", "!"}}));
}

TEST(ErrorJsonTest, KeepsCodeMessageAndRemedyAndNeverThrowsOnBytes) {
  const Error error = Error::make(ErrorCode::PolicyDenied, "no \xff", "Do this.");
  const Error decoded = errorFromJson(json::parse(toJson(error).dump()));
  EXPECT_EQ(decoded.code, ErrorCode::PolicyDenied);
  EXPECT_EQ(decoded.message, "no \\xff");
  EXPECT_EQ(decoded.remedy, "Do this.");
  EXPECT_EQ(errorFromJson(json("text")).code, ErrorCode::Protocol);
}

TEST(AttachRequestJsonTest, ASessionIsNewOrOneThatIsThere) {
  AttachRequest fresh;
  fresh.start = {.command = {"sh"},
                 .environment = {"A=b"},
                 .workdir = "/tmp",
                 .sudo = true,
                 .terminal = true,
                 .window = {.rows = 30, .columns = 100},
                 .stdin_open = true};
  EXPECT_EQ(attachRequestFromJson(toJson(fresh)).value(), fresh);
  AttachRequest again;
  again.session = "0123abcd";
  again.start = {.terminal = true, .window = {.rows = 30, .columns = 100}, .stdin_open = true};
  EXPECT_EQ(attachRequestFromJson(toJson(again)).value(), again);
  const AttachRequest shell = attachRequestFromJson(nlohmann::json::object()).value();
  EXPECT_TRUE(shell.start.terminal && shell.start.command.empty());
  for (const char* key : {"user", "workdir"}) {
    const nlohmann::json both = {{"session", "0123abcd"}, {key, "x"}};
    EXPECT_EQ(attachRequestFromJson(both).error().code, ErrorCode::InvalidArgument) << key;
  }
}

}  // namespace
}  // namespace ak::model
