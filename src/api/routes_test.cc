// Every route but the commands, over a real socket; and that docs/api.md lists exactly the table.
#include <fcntl.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "api/testing/api_fixture.h"
#include "model/base64.h"
#include "sys/file.h"

namespace ak::api {
namespace {

using net::testing::RawClient;
using net::testing::RawResponse;
using nlohmann::json;

class RoutesTest : public testing::ApiFixture {
 protected:
  void create(const std::string& name) {
    EXPECT_EQ(client().call("POST", "/sandboxes", cat(R"({"name":")", name, R"("})")).status, 201);
  }
};

TEST(RouteTableTest, IsSortedAndTheSameAsTheDocumentation) {
  std::set<std::pair<std::string, std::string>> table;
  std::pair<std::string_view, std::string_view> before;
  for (const Route& route : allRoutes()) {
    const std::pair<std::string_view, std::string_view> key{route.path, route.method};
    EXPECT_LT(before, key) << route.path;
    before = key;
    EXPECT_FALSE(route.summary.empty());
    EXPECT_EQ(route.mutates == Mutates::No, route.method == "GET") << route.path;
    EXPECT_TRUE(route.mutates == Mutates::No || route.on_disconnect == net::OnDisconnect::Finish);
    table.emplace(route.method, route.path);
  }
  std::set<std::pair<std::string, std::string>> documented;
  std::ifstream file(AK_SOURCE_DIR "/docs/api.md");
  for (std::string line; std::getline(file, line);) {
    const std::vector<std::string_view> cells = split(line, '|');
    if (cells.size() > 3 && trim(cells[2]).starts_with('/')) {
      documented.emplace(trim(cells[1]), trim(cells[2]));
    }
  }
  EXPECT_EQ(table, documented);
}

TEST_F(RoutesTest, HealthIsOkAndEveryResponseNamesTheVersion) {
  const RawResponse response = client().get("/health");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, R"({"success":true,"data":"ok"})");
  EXPECT_EQ(response.headers.at("content-type"), "application/json");
  EXPECT_EQ(response.headers.at("agentkernel-version"), AK_VERSION);
  EXPECT_EQ(client().get("/nowhere").headers.at("agentkernel-version"), AK_VERSION);
  EXPECT_EQ(client().ask("bad\r\n\r\n").headers.at("agentkernel-version"), AK_VERSION);
}

TEST_F(RoutesTest, UnknownPathsAndWrongMethods) {
  const RawResponse unknown = client().get("/sandboxes/x/y/z");
  EXPECT_EQ(unknown.status, 404);
  EXPECT_EQ(failureOf(unknown)["error"], "Not found");
  const RawResponse wrong = client().call("PUT", "/run", "");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.headers.at("allow"), "POST, OPTIONS");
  EXPECT_EQ(failureOf(wrong)["code"], "method_not_allowed");
  const RawResponse options = client().call("OPTIONS", "/sandboxes", "");
  EXPECT_EQ(options.status, 200);
  EXPECT_EQ(data(options)["allow"], json({"GET", "HEAD", "POST", "OPTIONS"}));
}

TEST_F(RoutesTest, RefusesWebPagesAndForeignHosts) {
  EXPECT_EQ(client().ask("GET /health HTTP/1.1\r\nHost: localhost\r\nOrigin: null\r\n\r\n").status,
            403);
  for (const char* host : {"evil.example", "localhost.evil.example", "127.0.0.1.nip.io", "[::2]"}) {
    EXPECT_EQ(client().ask(cat("GET /health HTTP/1.1\r\nHost: ", host, "\r\n\r\n")).status, 403)
        << host;
  }
  for (const char* host : {"localhost", "LOCALHOST:18888", "127.0.0.1:1", "[::1]", "[::1]:80"}) {
    EXPECT_EQ(client().ask(cat("GET /health HTTP/1.1\r\nHost: ", host, "\r\n\r\n")).status, 200)
        << host;
  }
}

TEST_F(RoutesTest, StatusDoctorBackendsMetrics) {
  const json status = data(client().get("/status"));
  EXPECT_EQ(status["version"], AK_VERSION);
  EXPECT_EQ(status["backend"], "fake");
  EXPECT_EQ(status["api_key_configured"], false);
  const json doctor = data(client().get("/doctor"));
  EXPECT_EQ(doctor["healthy"], true);
  EXPECT_EQ(doctor["checks"][1]["status"], "warning");
  EXPECT_EQ(data(client().get("/backends"))["default_backend"], "fake");
  client().get("/sandboxes/secret-name");
  const RawResponse metrics = client().get("/metrics");
  EXPECT_EQ(metrics.headers.at("content-type"), "text/plain; version=0.0.4");
  EXPECT_NE(metrics.body.find("agentkernel_http_requests_total{method=\"GET\","
                              "path=\"/sandboxes/{name}\",status=\"404\"} 1"),
            std::string::npos)
      << metrics.body;
  EXPECT_EQ(metrics.body.find("secret-name"), std::string::npos);
}

TEST_F(RoutesTest, ASandboxFromCreationToRemoval) {
  RawClient client = this->client();
  const RawResponse created = client.call(
      "POST", "/sandboxes/",
      R"({"name":"web-1","image":null,"vcpus":1.5,"memory_mb":512,"volumes":[],"unknown":1})");
  EXPECT_EQ(created.status, 201);
  const json info = data(created);
  EXPECT_EQ(info["name"], "web-1");
  EXPECT_EQ(info["status"], "running");
  EXPECT_EQ(info["memory_mb"], 512);
  EXPECT_EQ(info["vcpus"], 2);
  EXPECT_EQ(created.body.find("never to be shown"), std::string::npos);
  EXPECT_EQ(client.call("POST", "/sandboxes", R"({"name":"web-1"})").status, 409);
  EXPECT_EQ(data(client.get("/sandboxes")).size(), 1U);
  EXPECT_EQ(data(client.get("/sandboxes/web-1"))["uuid"], info["uuid"]);
  EXPECT_EQ(data(client.get(cat("/sandboxes/by-uuid/", info["uuid"].get<std::string>())))["name"],
            "web-1");
  EXPECT_EQ(client.get("/sandboxes/by-uuid/web-1").status, 400);
  EXPECT_EQ(data(client.call("POST", "/sandboxes/web-1/stop", "")), "Sandbox stopped");
  EXPECT_EQ(data(client.get("/sandboxes/web-1"))["status"], "stopped");
  EXPECT_EQ(data(client.call("POST", "/sandboxes/web-1/start", "")), "Sandbox started");
  EXPECT_EQ(data(client.call("DELETE", "/sandboxes/web-1", "")), "Sandbox removed");
  EXPECT_EQ(client.get("/sandboxes/web-1").status, 404);
}

TEST_F(RoutesTest, PortsAreShownAsTheyAreAskedForAndTheChosenOnesWhileItRuns) {
  RawClient client = this->client();
  const json made = data(client.call(
      "POST", "/sandboxes", R"({"name":"web","ports":["80","8053:53/udp","[::]:8080:80"]})"));
  EXPECT_EQ(made["ports"], json::parse(R"(["49153:80","8053:53/udp","[::]:8080:80"])"));
  EXPECT_FALSE(made.contains("ip")) << "it has no network card";
  EXPECT_EQ(data(client.call("POST", "/sandboxes/web/stop", "")), "Sandbox stopped");
  EXPECT_EQ(data(client.get("/sandboxes/web"))["ports"][0], "80");
  EXPECT_FALSE(
      data(client.call("POST", "/sandboxes", R"({"name":"none","ports":null})")).contains("ports"));
}

TEST_F(RoutesTest, DoctorNamesPortsThatOthersReach) {
  RawClient client = this->client();
  client.call("POST", "/sandboxes", R"({"name":"web","ports":["8080:80","0.0.0.0:8081:80"]})");
  std::string told;
  for (const json& check : data(client.get("/doctor"))["checks"]) {
    told += check["name"] == "open_port" ? check["message"].get<std::string>() : "";
  }
  EXPECT_TRUE(told.contains("0.0.0.0:8081->80/tcp")) << told;
  EXPECT_FALSE(told.contains("8080")) << told;
}

TEST_F(RoutesTest, CreateRefusesWhatItCannotDo) {
  RawClient client = this->client();
  for (const char* body :
       {R"({"name":"a","secrets":["K:h"]})", R"({"name":"a","placeholder_secrets":true})",
        R"({"name":"a","backend":"docker"})"}) {
    const RawResponse response = client.call("POST", "/sandboxes", body);
    EXPECT_EQ(response.status, errorCodeInfo(ErrorCode::Unsupported).http_status) << body;
    EXPECT_FALSE(failureOf(response).value("remedy", "").empty());
  }
  for (const char* body :
       {"{", "[]", "{\"name\":1}", "{}", R"({"name":"a/b"})", R"({"name":"a","env":["=x"]})",
        R"({"name":"a","volumes":1,"env":null})", R"({"name":"a","ports":["80:0"]})",
        R"({"name":"a","ports":[80]})", R"({"name":"a","ports":"80"})"}) {
    EXPECT_EQ(client.call("POST", "/sandboxes", body).status, 400) << body;
  }
  EXPECT_TRUE(
      failureOf(client.call("POST", "/sandboxes", "{"))["error"].get<std::string>().starts_with(
          "Invalid JSON: "));
  const std::string deep(100'000, '[');
  EXPECT_EQ(client.call("POST", "/sandboxes", cat(R"({"name":)", deep)).status, 400);
  EXPECT_TRUE(data(client.get("/sandboxes")).empty());
}

TEST_F(RoutesTest, ChangesDiffApplyDiscard) {
  create("a");
  RawClient client = this->client();
  const json changes = data(client.get("/sandboxes/a/changes"))["changes"];
  EXPECT_EQ(changes[0]["path"], "new.txt");
  EXPECT_EQ(changes[1]["path_base64"], "Y2Fm6Q==");
  const json diff = data(client.get("/sandboxes/a/diff?path=x%20y&path=z"));
  EXPECT_TRUE(diff.contains("diff_base64"));
  EXPECT_EQ(manager_.last_paths, (std::vector<std::string>{"x y", "z"}));
  EXPECT_EQ(
      data(client.call("POST", "/sandboxes/a/apply", R"({"paths":["p"],"force":true})"))["applied"]
          .size(),
      2U);
  EXPECT_EQ(manager_.last_force, manager::ApplyForce::Yes);
  EXPECT_EQ(client.call("POST", "/sandboxes/a/apply", "").status, 200);
  EXPECT_EQ(manager_.last_force, manager::ApplyForce::No);
  EXPECT_TRUE(manager_.last_paths.empty());
  EXPECT_EQ(client.call("POST", "/sandboxes/a/apply", R"({"force":"yes"})").status, 400);
  EXPECT_EQ(data(client.call("POST", "/sandboxes/a/discard", "{}")), "Changes discarded");
}

TEST_F(RoutesTest, LogsAndVerify) {
  const json logs = data(client().get("/sandboxes/a/logs"));
  EXPECT_EQ(logs[0]["message"], R"({"type":"started"})");
  EXPECT_EQ(logs[1]["message_base64"], "cGxhaW4g/yB0ZXh0");
  const json verify = data(client().get("/sandboxes/a/verify"));
  EXPECT_EQ(verify["passed"], false);
  EXPECT_EQ(verify["checks"][0]["name"], "no_capabilities");
}

TEST_F(RoutesTest, Images) {
  create("a");
  RawClient client = this->client();
  const json list = data(client.get("/images"));
  EXPECT_EQ(list[0]["repository"], "localhost:5000/app");
  EXPECT_EQ(list[0]["tag"], "v1");
  EXPECT_EQ(list[1]["tag"], "");
  EXPECT_EQ(data(client.get("/images/usage"))[0]["reclaimable"], "7 B");
  const RawResponse imported =
      client.call("POST", "/images/import", R"({"path":"/root.tar","name":"n"})");
  EXPECT_EQ(imported.status, 201);
  EXPECT_EQ(data(imported)["id"], "sha256:abc");
  EXPECT_EQ(client.call("POST", "/images/import", R"({"path":"root.tar"})").status, 400);
  EXPECT_EQ(client.call("POST", "/images/import", R"({"path":"/none"})").status, 404);
  EXPECT_EQ(data(client.call("DELETE", "/images/a%2Fb:c", "")), "Image removed");
  EXPECT_EQ(images_.last_in_use, std::vector<std::string>{"sha256:used"});
  EXPECT_EQ(data(client.call("POST", "/images/prune", "{}"))["freed_bytes"], 7);
}

TEST_F(RoutesTest, DaemonStopAnswersFirst) {
  create("a");
  const json answer = data(client().call("POST", "/daemon/stop", ""));
  EXPECT_EQ(answer["running"], 1);
  EXPECT_EQ(answer["sandboxes"][0], "a");
  EXPECT_EQ(stopped_.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
}

TEST_F(RoutesTest, TrustBindsDirectoryAndContentAndCanBeTakenBack) {
  RawClient client = this->client();
  const std::string file = directory_.path() + "/agentkernel.toml";
  const std::string toml = "[security]\nnetwork = \"full\"\n";
  const std::string body = json{{"path", file}, {"content", model::toBase64(toml)}}.dump();
  const json grant = data(client.call("POST", "/trust", body));
  EXPECT_EQ(grant["directory"], std::filesystem::canonical(directory_.path()).string());
  EXPECT_EQ(grant["sha256"].get<std::string>().size(), 64U);
  struct stat info{};
  ASSERT_EQ(::stat((directory_.path() + "/trust.toml").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
  EXPECT_EQ(user_.current().value()->grants.size(), 1U);
  EXPECT_EQ(data(client.call("POST", "/trust", body))["sha256"], grant["sha256"]);
  EXPECT_EQ(user_.current().value()->grants.size(), 1U);
  EXPECT_EQ(data(client.call("DELETE", "/trust", body)), "Trust taken back");
  EXPECT_TRUE(user_.current().value()->grants.empty());
  EXPECT_EQ(client.call("DELETE", "/trust", body).status, 404);
}

TEST_F(RoutesTest, TrustRefusesWhatCouldNotBeJudged) {
  RawClient client = this->client();
  const std::string file = directory_.path() + "/agentkernel.toml";
  for (const json& body :
       {json::object(), json{{"path", "agentkernel.toml"}, {"content", ""}},
        json{{"path", file}, {"content", "not base64!"}},
        json{{"path", file}, {"content", model::toBase64("[security]\nnetwrk = 1\n")}},
        json{{"path", "/nonexistent/x/agentkernel.toml"}, {"content", ""}}}) {
    const RawResponse response = client.call("POST", "/trust", body.dump());
    EXPECT_GE(response.status, 400) << body;
    EXPECT_LT(response.status, 500) << body;
  }
  EXPECT_TRUE(user_.current().value()->grants.empty());
}

TEST_F(RoutesTest, ConfigSaysWhereEachValueComesFrom) {
  RawClient client = this->client();
  const std::string file = directory_.path() + "/agentkernel.toml";
  const Status written = [&]() -> Status {
    const sys::OwnedFd directory = AK_TRY(sys::openPath(directory_.path(), O_RDONLY | O_DIRECTORY));
    AK_TRY(sys::replaceFile(directory.get(), "config.toml", "[pool]\nsize = 20\n", 0600));
    return sys::replaceFile(
        directory.get(), "agentkernel.toml",
        "[sandbox]\nbase_image = \"x\"\n[security]\nprofile = \"restrictive\"\n", 0600);
  }();
  ASSERT_TRUE(written);
  const auto lineOf = [&](const char* target, std::string_view key) {
    for (const json& line : data(client.get(target))) {
      if (line["key"] == key) {
        return line;
      }
    }
    return json();
  };
  EXPECT_EQ(lineOf("/config?origin=true", "pool.max"),
            json({{"key", "pool.max"}, {"value", "20"}, {"origin", "built in"}}));
  EXPECT_EQ(lineOf("/config", "sandbox.base_image"),
            json({{"key", "sandbox.base_image"}, {"value", "detected"}}));
  const std::string project = "/config?origin=true&directory=" + directory_.path();
  const json profile = lineOf(project.c_str(), "security.profile");
  EXPECT_EQ(profile["value"], "restrictive");
  EXPECT_TRUE(profile["origin"].get<std::string>().ends_with("/agentkernel.toml:4")) << profile;
  EXPECT_EQ(lineOf(project.c_str(), "resources.memory")["origin"], "profile restrictive");
  EXPECT_EQ(client.get("/config?directory=relative").status, 400);
}

TEST_F(RoutesTest, BatchAnswersInOrderAndOneFailureIsOnesOwn) {
  RawClient client = this->client();
  const json results =
      data(client.call("POST", "/batch/run",
                       R"({"commands":[{"command":["print","a"]},{"command":["broken"]},)"
                       R"({"command":["fail","3","x"]},{"command":["print","b"]}]})"))["results"];
  ASSERT_EQ(results.size(), 4U);
  EXPECT_EQ(results[0]["output"], "a");
  EXPECT_TRUE(results[0]["error"].is_null());
  EXPECT_TRUE(results[1]["output"].is_null());
  EXPECT_EQ(results[1]["error"], "no such command");
  EXPECT_EQ(results[2]["exit_code"], 3);
  EXPECT_EQ(results[2]["output"], "x");
  EXPECT_EQ(results[3]["output"], "b");
  for (const char* body :
       {"{}", R"({"commands":[]})", R"({"commands":[1]})", R"({"commands":[{"command":[]}]})",
        R"({"commands":[{"command":["a"],"keep":true}]})"}) {
    EXPECT_EQ(client.call("POST", "/batch/run", body).status, 400) << body;
  }
}

TEST_F(RoutesTest, ABatchEndsWithItsClient) {
  RawClient client = this->client();
  const std::string body = R"({"commands":[{"command":["wait"]}]})";
  client.send(cat("POST /batch/run HTTP/1.1\r\nHost: localhost\r\nContent-Length: ", body.size(),
                  "\r\n\r\n", body));
  manager_.waiting.wait(0);
  client.close();
  EXPECT_EQ(manager_.ended.get_future().get(), manager::ExecSink::Input::Kind::Closed);
}

TEST_F(RoutesTest, StatsNameTheHostsUse) {
  const json stats = data(client().get("/stats"));
  EXPECT_EQ(stats["sandbox_count"], 0);
  EXPECT_GT(stats["resource_usage"]["memory_total_mb"], 0);
  EXPECT_GE(stats["resource_usage"]["cpu_percent"], 0);
}

TEST_F(RoutesTest, AListIsFilteredByAllLabels) {
  const std::string body =
      R"({"name":"web","labels":{"env":"prod","team":"a/b"},"description":" text ","ttl":"1h",)"
      R"("lifecycle":{"auto_stop_after_seconds":60}})";
  const json made = data(client().call("POST", "/sandboxes", body));
  EXPECT_EQ(made["labels"], (json{{"env", "prod"}, {"team", "a/b"}}));
  EXPECT_EQ(made["description"], "text");
  EXPECT_EQ(made["ttl_seconds"], 3600);
  EXPECT_EQ(made["expires_at"], "2026-01-02T04:04:05.000000Z");
  EXPECT_EQ(made["lifecycle"], (json{{"auto_stop_after_seconds", 60},
                                     {"auto_archive_after_seconds", nullptr},
                                     {"auto_delete_after_seconds", nullptr}}));
  EXPECT_EQ(data(client().get("/sandboxes?label=env:prod&label=team%3Aa%2Fb")).size(), 1U);
  EXPECT_TRUE(data(client().get("/sandboxes?label=env:prod&label=team:c")).empty());
  EXPECT_EQ(data(client().get("/sandboxes?label=env")).size(), 1U) << "no filter at all";
}

TEST_F(RoutesTest, APatchSaysOnlyWhatItNames) {
  client().call("POST", "/sandboxes", R"({"name":"web"})");
  const auto patch = [&](std::string_view body) {
    return client().call("PATCH", "/sandboxes/web", std::string(body)).status;
  };
  EXPECT_EQ(patch(R"({"set_labels":{"a":"b"},"remove_labels":["c"],"description":null})"), 200);
  EXPECT_EQ(manager_.last_update.labels, std::nullopt);
  EXPECT_EQ(manager_.last_update.set_labels, (model::Labels{{"a", "b"}}));
  EXPECT_EQ(manager_.last_update.remove_labels, std::vector<std::string>{"c"});
  EXPECT_EQ(manager_.last_update.description, "");
  EXPECT_EQ(manager_.last_update.lifecycle, std::nullopt);
  EXPECT_EQ(patch(R"({"labels":{},"lifecycle":null,"set_lifecycle":)"
                  R"({"auto_stop_after_seconds":null,"auto_delete_after_seconds":7}})"),
            200);
  EXPECT_EQ(manager_.last_update.labels, model::Labels());
  EXPECT_EQ(manager_.last_update.description, std::nullopt);
  EXPECT_EQ(manager_.last_update.lifecycle, model::LifecyclePolicy());
  EXPECT_EQ(manager_.last_update.auto_stop, manager::ThresholdUpdate(std::in_place));
  EXPECT_EQ(manager_.last_update.auto_archive, std::nullopt);
  EXPECT_EQ(manager_.last_update.auto_delete, manager::ThresholdUpdate(7));
  for (const char* bad :
       {R"({"labels":null})", R"({"labels":{"a b":"c"}})", R"({"labels":{"agentkernel.x":"y"}})",
        R"({"set_labels":{"a":7}})", R"({"remove_labels":"a"})", R"({"description":7})",
        R"({"lifecycle":{"auto_stop_after_seconds":-1}})", R"({"lifecycle":7})",
        R"({"set_lifecycle":{"auto_stop_after_seconds":1e30}})"}) {
    EXPECT_EQ(patch(bad), 400) << bad;
  }
  EXPECT_EQ(client().call("PATCH", "/sandboxes/none", "{}").status, 404);
}

TEST_F(RoutesTest, ExtendCountsAnHourUnlessToldOtherwise) {
  client().call("POST", "/sandboxes", R"({"name":"web","ttl":60})");
  const auto extend = [&](std::string_view body) {
    return client().call("POST", "/sandboxes/web/extend", std::string(body));
  };
  EXPECT_EQ(data(extend(""))["expires_at"], "2026-01-02T03:05:05.000000Z");
  EXPECT_EQ(manager_.last_seconds, 3600U);
  for (const auto& [body, seconds] :
       {std::pair(R"({"by":"2d"})", 172800U), std::pair(R"({"by":90})", 90U)}) {
    EXPECT_EQ(extend(body).status, 200);
    EXPECT_EQ(manager_.last_seconds, seconds);
  }
  for (const char* bad : {R"({"by":"soon"})", R"({"by":-5})", R"({"by":true})", "[]", "{"}) {
    EXPECT_EQ(extend(bad).status, 400) << bad;
  }
  EXPECT_EQ(client().call("POST", "/sandboxes/none/extend", "").status, 404);
}

TEST_F(RoutesTest, ResizeTakesBothWaysToSayALimit) {
  client().call("POST", "/sandboxes", R"({"name":"web"})");
  const auto resize = [&](std::string_view body) {
    return client().call("POST", "/sandboxes/web/resize", std::string(body));
  };
  const json answer = data(resize(R"({"memory_mb":64,"vcpus":0.5})"));
  EXPECT_EQ(answer["name"], "web");
  EXPECT_EQ(answer["restarted"], true);
  EXPECT_EQ(answer["hints"][0], "a hint.");
  EXPECT_EQ(manager_.last_limits.memory_bytes, 64U << 20U);
  EXPECT_EQ(manager_.last_limits.cpu_percent, 50U);
  EXPECT_EQ(manager_.last_limits.pids, std::nullopt);
  for (const char* bad :
       {R"({"memory_mb":-1})", R"({"vcpus":0})", R"({"pids":"all"})", "[]", "{"}) {
    EXPECT_EQ(resize(bad).status, 400) << bad;
  }
  EXPECT_EQ(client().call("POST", "/sandboxes/none/resize", R"({"memory_mb":64})").status, 404);
}

TEST_F(RoutesTest, ArchiveAndRecoverAnswerTheSandbox) {
  client().call("POST", "/sandboxes", R"({"name":"web"})");
  EXPECT_EQ(data(client().call("POST", "/sandboxes/web/archive", R"({"reason":"old"})"))["status"],
            "archived");
  EXPECT_EQ(manager_.last_reason, "old");
  EXPECT_EQ(data(client().call("POST", "/sandboxes/web/recover", ""))["status"], "stopped");
  const std::string long_reason = cat(R"({"reason":")", std::string(2000, 'x'), R"("})");
  EXPECT_EQ(client().call("POST", "/sandboxes/web/archive", long_reason).status, 400);
}

TEST_F(RoutesTest, GcAndReconcileTellWhatWasDoneAndWhatWasNot) {
  const json gc = data(client().call("POST", "/gc", R"({"dry_run":true,"labels":{"a":"b"}})"));
  EXPECT_EQ(gc["removed"], json::array({"old"}));
  EXPECT_EQ(gc["count"], 1);
  EXPECT_EQ(gc["failures"][0]["sandbox"], "stuck");
  EXPECT_EQ(gc["failures"][0]["error"]["message"], "it will not end");
  EXPECT_EQ(manager_.last_collect.labels, (manager::LabelFilter{{"a", "b"}}));
  const json reconcile = data(client().call("POST", "/lifecycle/reconcile", ""));
  EXPECT_EQ(reconcile["dry_run"], false);
  EXPECT_EQ(reconcile["stopped"], json::array({"a"}));
  EXPECT_EQ(reconcile["archived"], json::array({"b"}));
  EXPECT_EQ(reconcile["removed"], json::array({"c"}));
  EXPECT_EQ(
      reconcile["actions"][0],
      (json{{"sandbox", "a"}, {"action", "stop"}, {"reason", "inactive for 12s (threshold=10s)"}}));
}

}  // namespace
}  // namespace ak::api
