// The HTTP API as clients of other languages see it: the real daemon, its real socket, real guests.
#include <poll.h>
#include <unistd.h>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cli/testing/program.h"
#include "client/testing/scripted_server.h"
#include "net/testing/raw_client.h"
#include "sys/process.h"

namespace ak {
namespace {

using net::testing::RawClient;
using net::testing::RawResponse;
using nlohmann::json;

class ContractTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    directory_ = std::make_unique<client::testing::TemporaryDirectory>();
    ASSERT_TRUE(sys::makePrivateDirectory(directory_->path() + "/run"));
    ASSERT_EQ(agentkernel({"daemon", "start"}), 0);
  }

  static void TearDownTestSuite() {
    EXPECT_EQ(agentkernel({"daemon", "stop"}), 0);
    directory_.reset();
  }

  static int agentkernel(std::vector<std::string> words) {
    words.insert(words.begin(), AK_BIN_DIR "/agentkernel");
    cli::testing::Program program(words,
                                  {"HOME=" + directory_->path(), "PATH=/usr/bin:/bin",
                                   "XDG_RUNTIME_DIR=" + directory_->path() + "/run",
                                   "AGENTKERNEL_STATE_DIR=" + directory_->path() + "/state"});
    return program.finish().status;
  }

  static RawClient client() {
    return RawClient(directory_->path() + "/run/agentkernel/daemon.sock");
  }

  static json body(const RawResponse& response) {
    json value = json::parse(response.body, nullptr, false);
    EXPECT_TRUE(value.is_object()) << response.body;
    return value.is_object() ? value : json::object();
  }

  static RawResponse post(std::string_view target, const json& request) {
    return client().call("POST", target, request.dump());
  }

  // The whole of a stream of server-sent events as (name, data).
  static std::vector<std::pair<std::string, json>> events(std::string_view text) {
    std::vector<std::pair<std::string, json>> list;
    std::string name;
    for (const std::string_view line : split(text, '\n')) {
      if (line.starts_with("event: ")) {
        name = line.substr(7);
      } else if (line.starts_with("data: ")) {
        list.emplace_back(name, json::parse(line.substr(6), nullptr, false));
      }
    }
    return list;
  }

  static inline std::unique_ptr<client::testing::TemporaryDirectory> directory_;
};

TEST_F(ContractTest, HealthIsOkWithOrWithoutAKey) {
  EXPECT_EQ(client().get("/health").body, R"({"success":true,"data":"ok"})");
  const RawResponse keyed =
      client().ask("GET /health HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer x\r\n\r\n");
  EXPECT_EQ(keyed.status, 200);
}

TEST_F(ContractTest, EveryFailureIsAnEnvelopeWithAText) {
  RawClient one = client();
  for (const auto& [method, target] :
       {std::pair("GET", "/nowhere"), std::pair("GET", "/sandboxes/none"),
        std::pair("DELETE", "/sandboxes/none"), std::pair("POST", "/sandboxes/none/start"),
        std::pair("POST", "/sandboxes/none/stop"), std::pair("GET", "/sandboxes/none/logs"),
        std::pair("GET", "/sandboxes/by-uuid/01890a5d-ac96-774b-bcce-b302099a8057")}) {
    const RawResponse response = one.call(method, target, "");
    EXPECT_EQ(response.status, 404) << method << ' ' << target;
    const json answer = body(response);
    EXPECT_EQ(answer.value("success", true), false);
    EXPECT_FALSE(answer.value("error", "").empty());
    EXPECT_EQ(answer.value("code", ""), "not_found");
  }
  EXPECT_EQ(post("/sandboxes/none/exec", {{"command", {"true"}}}).status, 404);
}

TEST_F(ContractTest, RunAnswersUntrimmedOutputAndAFailingCommandIs409) {
  const RawResponse good = post("/run", {{"command", {"sh", "-c", "echo out; echo err >&2"}}});
  ASSERT_EQ(good.status, 200) << good.body;
  EXPECT_EQ(body(good)["data"]["exit_code"], 0);
  EXPECT_NE(body(good)["data"]["output"].get<std::string>().find("out\n"), std::string::npos);
  const RawResponse bad = post("/run", {{"command", {"sh", "-c", "echo why; exit 3"}}});
  EXPECT_EQ(bad.status, 409);
  const json answer = body(bad);
  EXPECT_EQ(answer["success"], false);
  EXPECT_EQ(answer["code"], "command_failed");
  EXPECT_EQ(answer["exit_code"], 3);
  EXPECT_EQ(answer["output"], "why\n");
  EXPECT_NE(answer["error"].get<std::string>().find("why"), std::string::npos);
}

TEST_F(ContractTest, NullAndUnknownFieldsAreAbsentOnes) {
  const RawResponse response = post("/run", {{"command", {"echo", "x"}},
                                             {"image", nullptr},
                                             {"profile", nullptr},
                                             {"from_the_future", {{"a", 1}}}});
  ASSERT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(body(response)["data"]["output"], "x\n");
}

// As the npm client sends and reads them: paths with spaces encoded, absolute ones with a doubled
// slash, text and bytes told apart by `encoding`.
TEST_F(ContractTest, FilesOfASandboxAreWrittenReadAndRemoved) {
  const json made = {{"name", "files"}, {"workspace", {{"mode", "none"}}}};
  ASSERT_EQ(post("/sandboxes", made).status, 201);
  const std::string base = "/sandboxes/files/files/";
  const auto put = [&](const std::string& path, const json& request) {
    return client().call("PUT", base + path, request.dump());
  };
  const RawResponse written =
      put("tmp/a%20b.txt", {{"content", "caf\u00e9\n"}, {"encoding", "utf8"}});
  ASSERT_EQ(written.status, 200) << written.body;
  EXPECT_EQ(body(written)["data"], "Wrote 6 bytes to /tmp/a b.txt");
  const json text = body(client().get(base + "/tmp/a%20b.txt"))["data"];
  EXPECT_EQ(text["content"], "caf\u00e9\n");
  EXPECT_EQ(text["encoding"], "utf8");
  EXPECT_EQ(text["size"], 6);
  put("tmp/bytes", {{"content", "AP8B"}, {"encoding", "base64"}});
  const json bytes = body(client().get(base + "tmp/bytes"))["data"];
  EXPECT_EQ(bytes["content"], "AP8B");
  EXPECT_EQ(bytes["encoding"], "base64");
  EXPECT_EQ(body(post("/sandboxes/files/files",
                      {{"files", {{"/tmp/x/1", "1"}, {"/tmp/2", "2"}}}}))["data"]["written"],
            2);
  EXPECT_EQ(post("/sandboxes/files/files", {{"files", {{"/tmp/3", "3"}, {"/proc/4", "4"}}}}).status,
            400);
  EXPECT_EQ(client().get(base + "tmp/3").status, 404);
  EXPECT_EQ(client().call("DELETE", base + "tmp/2", "").status, 200);
  EXPECT_EQ(client().call("DELETE", base + "tmp/2", "").status, 404);
  EXPECT_EQ(client().call("DELETE", base + "tmp/x", "").status, 409);
  EXPECT_EQ(client().call("DELETE", base + "tmp/x?recursive=true", "").status, 200);
  for (const char* refused : {"tmp/%2e%2e/etc/passwd", "proc/1/environ", "dev/null", "sys/x"}) {
    EXPECT_EQ(client().get(base + refused).status, 400) << refused;
  }
  const json listed = body(client().get(base + "tmp?list=true"))["data"];
  EXPECT_EQ(listed["entries"].size(), 2U) << listed;
  EXPECT_EQ(client().get(base + "tmp").status, 400) << "a directory has no content";
  ASSERT_EQ(post("/sandboxes/files/stop", json::object()).status, 200);
  EXPECT_EQ(client().get(base + "tmp/bytes").status, 409);
  EXPECT_EQ(client().call("DELETE", "/sandboxes/files", "").status, 200);
  EXPECT_EQ(client().get(base + "tmp/bytes").status, 404);
}

TEST_F(ContractTest, BodiesThatAreNoJsonAre400) {
  for (const char* text :
       {"{", "[]", "\"x\"", "{\"command\":\"ls\"}", "{\"command\":[1]}", "\xff"}) {
    const RawResponse response = client().call("POST", "/run", text);
    EXPECT_EQ(response.status, 400) << text;
    EXPECT_FALSE(body(response).value("error", "").empty());
  }
  EXPECT_TRUE(body(client().call("POST", "/run", "{"))["error"].get<std::string>().starts_with(
      "Invalid JSON: "));
  EXPECT_EQ(post("/run", {{"command", json::array()}}).status, 400);
}

TEST_F(ContractTest, ASandboxIsUsableWhenItsCreationIsAnswered) {
  RawClient one = client();
  const RawResponse created = one.call("POST", "/sandboxes", R"({"name":"box-1"})");
  ASSERT_EQ(created.status, 201) << created.body;
  const json info = body(created)["data"];
  EXPECT_EQ(info["name"], "box-1");
  EXPECT_EQ(info["status"], "running");
  EXPECT_EQ(info["placeholder_secrets"], false);
  EXPECT_TRUE(info["created_at"].is_string());
  EXPECT_EQ(one.call("POST", "/sandboxes", R"({"name":"box-1"})").status, 409);
  const RawResponse ran = one.call("POST", "/sandboxes/box-1/exec", R"({"command":["echo","in"]})");
  ASSERT_EQ(ran.status, 200) << ran.body;
  EXPECT_EQ(body(ran)["data"]["output"], "in\n");
  EXPECT_EQ(one.call("POST", "/sandboxes/box-1/exec", R"({"command":["false"]})").status, 409);
  // One percent-encoding is taken off a segment, and empty segments do not count.
  EXPECT_EQ(body(one.get("//sandboxes///box%2D1/"))["data"]["uuid"], info["uuid"]);
  EXPECT_EQ(one.get("/sandboxes/box%252D1").status, 404);
  EXPECT_EQ(body(one.get("/sandboxes/by-uuid/" + info["uuid"].get<std::string>()))["data"]["name"],
            "box-1");
  EXPECT_EQ(one.call("DELETE", "/sandboxes/box-1", "").status, 200);
  EXPECT_EQ(one.get("/sandboxes/box-1").status, 404);
}

TEST_F(ContractTest, ADetachedCommandIsARecordWithTheFieldsThatClientsRead) {
  RawClient one = client();
  ASSERT_EQ(one.call("POST", "/sandboxes", R"({"name":"box-2"})").status, 201);
  const auto detach = [&](const json& command) {
    const json request = {{"command", command}, {"env", {"A=b c"}}, {"workdir", "/tmp"}};
    const RawResponse response = one.call("POST", "/sandboxes/box-2/exec/detach", request.dump());
    EXPECT_EQ(response.status, 200) << response.body;
    return body(response)["data"];
  };
  const std::string base = "/sandboxes/box-2/exec/detached";
  const json job = detach({"sh", "-c", "echo \"$A\" in $PWD; echo oops >&2; exit 3"});
  const std::string id = job["id"];
  EXPECT_EQ(id.size(), 8U);
  EXPECT_EQ(job["sandbox"], "box-2");
  EXPECT_EQ(job["command"].size(), 3U);
  EXPECT_GT(job["pid"].get<int>(), 0);
  EXPECT_EQ(job["status"], "running");
  EXPECT_TRUE(job["exit_code"].is_null());
  EXPECT_TRUE(job["started_at"].is_string());
  // Following ends with it, so it has ended then.
  const auto list = events(one.get(base + "/" + id + "/logs?follow=true").body);
  EXPECT_EQ(list.back().first, "done");
  const json ended = body(client().get(base + "/" + id))["data"];
  EXPECT_EQ(ended["status"], "failed");
  EXPECT_EQ(ended["exit_code"], 3);
  RawClient two = client();
  EXPECT_EQ(body(two.get(base + "/" + id + "/logs"))["data"]["stdout"], "b c in /tmp\n");
  const json errors = body(two.get(base + "/" + id + "/logs?stream=stderr"))["data"];
  EXPECT_EQ(errors["stderr"], "oops\n");
  EXPECT_FALSE(errors.contains("stdout"));
  const std::string sleeper = body(two.call("POST", "/sandboxes/box-2/exec/detach",
                                            R"({"command":["sleep","1000"]})"))["data"]["id"];
  EXPECT_EQ(body(two.call("DELETE", base + "/" + sleeper, ""))["data"], "Command killed");
  EXPECT_EQ(body(two.get(base + "/" + sleeper))["data"]["exit_code"], 137);
  EXPECT_EQ(body(two.get(base))["data"].size(), 2U);
  EXPECT_EQ(two.get(base + "/ffffffff").status, 404);
  EXPECT_EQ(two.get("/sandboxes/none/exec/detached").status, 404);
  EXPECT_EQ(two.call("POST", "/sandboxes/box-2/stop", "").status, 200);
  EXPECT_EQ(two.call("POST", "/sandboxes/box-2/exec/detach", R"({"command":["x"]})").status, 409);
  EXPECT_EQ(body(two.get(base + "/" + id + "/logs"))["data"]["stdout"], "b c in /tmp\n");
  EXPECT_EQ(two.call("DELETE", "/sandboxes/box-2", "").status, 200);
}

TEST_F(ContractTest, AStreamNamesItsEventsAndEndsWithOneTerminalEvent) {
  RawClient one = client();
  const std::string request = json{{"command", {"sh", "-c", "echo one; read x; echo two"}}}.dump();
  one.send(cat("POST /run/stream HTTP/1.1\r\nHost: localhost\r\nContent-Length: ", request.size(),
               "\r\n\r\n", request));
  const RawResponse response = one.readResponse();
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.headers.at("content-type"), "text/event-stream");
  const auto list = events(response.body);
  ASSERT_GE(list.size(), 4U) << response.body;
  EXPECT_EQ(list.front().first, "started");
  EXPECT_EQ(list[1].first, "progress");
  EXPECT_EQ(list[2].first, "output");
  EXPECT_EQ(list[2].second["stream"], "stdout");
  EXPECT_EQ(list.back().first, "done");
  EXPECT_EQ(list.back().second["exit_code"], 0);
  EXPECT_EQ(
      std::ranges::count_if(
          list, [](const auto& event) { return event.first == "done" || event.first == "error"; }),
      1);
}

TEST_F(ContractTest, AStreamOfACommandThatCannotStartEndsWithAnError) {
  const auto list =
      events(post("/run/stream", {{"command", {"/nonexistent"}}, {"image", "host"}}).body);
  ASSERT_FALSE(list.empty());
  EXPECT_EQ(list.back().first, "error");
  EXPECT_EQ(list.back().second["code"], "command_not_found");
  EXPECT_FALSE(list.back().second["message"].get<std::string>().empty());
}

// The output arrives while the command runs, or the test would never learn the sandbox's name; and
// what runs ends with the client that started it.
TEST_F(ContractTest, AClientThatLeavesEndsItsCommand) {
  RawClient one = client();
  const std::string request = R"({"command":["sh","-c","echo up; exec sleep 1000"]})";
  one.send(cat("POST /run/stream HTTP/1.1\r\nHost: localhost\r\nContent-Length: ", request.size(),
               "\r\n\r\n", request));
  ASSERT_EQ(one.readHead().status, 200);
  ASSERT_TRUE(one.readUntil("up\\n")) << one.buffer();
  std::string name;
  for (const auto& [event, data] : events(one.buffer())) {
    name = event == "progress" ? data.value("sandbox", "") : name;
  }
  const json info = body(client().get("/sandboxes/" + name))["data"];
  ASSERT_TRUE(info.contains("pid")) << info;
  const Result<sys::OwnedFd> process = sys::openPidFd(info["pid"].get<int>());
  ASSERT_TRUE(process);
  one.close();
  pollfd ended{process->get(), POLLIN, 0};
  EXPECT_EQ(::poll(&ended, 1, 20'000), 1) << "the sandbox outlived its client";
}

TEST_F(ContractTest, MethodsHeadOptionsAndAllow) {
  RawClient one = client();
  const RawResponse wrong = one.call("PATCH", "/run", "");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.headers.at("allow"), "POST, OPTIONS");
  EXPECT_EQ(one.call("OPTIONS", "/sandboxes", "").status, 200);
  one.send("HEAD /health HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const RawResponse head = one.readHead();
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.headers.at("content-length"), "28");
  // Nothing of a body came: the next answer stands right behind.
  EXPECT_EQ(one.get("/health").status, 200);
}

TEST_F(ContractTest, PipelinedRequestsAreAnsweredInOrder) {
  RawClient one = client();
  std::string requests;
  for (const char* target : {"/health", "/nowhere", "/sandboxes", "/health"}) {
    requests += cat("GET ", target, " HTTP/1.1\r\nHost: localhost\r\n\r\n");
  }
  one.send(requests);
  EXPECT_EQ(one.readResponse().status, 200);
  EXPECT_EQ(one.readResponse().status, 404);
  EXPECT_TRUE(body(one.readResponse())["data"].is_array());
  EXPECT_EQ(one.readResponse().status, 200);
}

TEST_F(ContractTest, BatchKeepsTheOrder) {
  const RawResponse response =
      post("/batch/run", {{"commands",
                           {{{"command", {"sh", "-c", "echo a"}}},
                            {{"command", {"/nonexistent"}}, {"image", "host"}},
                            {{"command", {"echo", "b"}}}}}});
  ASSERT_EQ(response.status, 200) << response.body;
  const json results = body(response)["data"]["results"];
  EXPECT_EQ(results[0]["output"], "a\n");
  EXPECT_TRUE(results[0]["error"].is_null());
  EXPECT_TRUE(results[1]["output"].is_null());
  EXPECT_TRUE(results[1]["error"].is_string());
  EXPECT_EQ(results[2]["output"], "b\n");
}

TEST_F(ContractTest, MetricsCountWhatWasDone) {
  ASSERT_EQ(post("/run", {{"command", {"true"}}}).status, 200);
  const RawResponse metrics = client().get("/metrics");
  EXPECT_EQ(metrics.headers.at("content-type"), "text/plain; version=0.0.4");
  for (const char* line :
       {"# TYPE agentkernel_http_requests_total counter\n",
        "# TYPE agentkernel_http_request_duration_seconds histogram\n",
        "agentkernel_commands_total{backend=\"native\"} ",
        "agentkernel_command_duration_seconds_bucket{backend=\"native\",le=\"0.01\"} ",
        "agentkernel_sandbox_lifecycle_total{action=\"created\",backend=\"native\"} ",
        "agentkernel_sandboxes_active ", "agentkernel_pool_boxes{state=\"warm\"} ",
        "agentkernel_build_info{version=\""}) {
    EXPECT_NE(metrics.body.find(line), std::string::npos) << line;
  }
}

// A client that vanishes in the middle of a stream of events: its command ends, and its sandbox.
TEST_F(ContractTest, AVanishedStreamClientLeavesNothingRunning) {
  const std::string request =
      json{{"command", {"sh", "-c", "trap '' TERM HUP; echo up; while :; do sleep 1; done"}}}
          .dump();
  RawClient leaving = client();
  leaving.send(cat("POST /run/stream HTTP/1.1\r\nHost: localhost\r\nContent-Length: ",
                   request.size(), "\r\n\r\n", request));
  ASSERT_TRUE(leaving.readUntil(R"("data":"up)"));
  constexpr std::string_view kUuid = R"("uuid":")";
  const std::size_t at = leaving.buffer().find(kUuid);
  ASSERT_NE(at, std::string::npos) << leaving.buffer();
  const std::string target = "/sandboxes/by-uuid/" + leaving.buffer().substr(at + kUuid.size(), 36);
  ASSERT_EQ(client().get(target).status, 200);
  leaving.close();
  int status = 200;
  for (int turns = 0; turns < 2000 && status == 200; ++turns) {
    ::poll(nullptr, 0, 5);  // nothing tells from outside
    status = client().get(target).status;
  }
  EXPECT_EQ(status, 404);
}

}  // namespace
}  // namespace ak
