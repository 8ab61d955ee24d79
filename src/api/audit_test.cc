// GET /audit, /audit/verify and /sandboxes/{name}/audit over a real socket and a real log.
#include <poll.h>
#include <unistd.h>

#include "api/testing/api_fixture.h"

namespace ak::api {
namespace {

using nlohmann::json;

class AuditRoutesTest : public testing::ApiFixture {
 protected:
  std::vector<std::string> types(const std::string& path) {
    std::vector<std::string> list;
    for (const json& event : data(client().get(path))) {
      list.push_back(event["type"]);
    }
    return list;
  }

  void exec(const std::string& name, const std::string& command) {
    client().call("POST", cat("/sandboxes/", name, "/exec"), cat(R"({"command":)", command, "}"));
  }

  using Types = std::vector<std::string>;
};

TEST_F(AuditRoutesTest, GivesTheNewestEventsOldestFirst) {
  ASSERT_EQ(client().call("POST", "/sandboxes", R"({"name":"a"})").status, 201);
  exec("a", R"(["print","hi"])");
  exec("a", R"(["fail","3","oh"])");
  EXPECT_EQ(types("/audit"),
            (Types{"sandbox_created", "sandbox_started", "command_executed", "command_executed"}));
  const json last = data(client().get("/audit?last=1"));
  ASSERT_EQ(last.size(), 1U);
  EXPECT_EQ(last[0]["command"], (json{"fail", "3", "oh"}));
  EXPECT_EQ(last[0]["exit_code"], 3);
  EXPECT_EQ(last[0]["seq"], 4);
  EXPECT_EQ(last[0]["actor"]["uid"], ::geteuid());
  EXPECT_EQ(last[0]["pid"], ::getpid());
  EXPECT_EQ(types("/audit?type=sandbox_created&type=sandbox_started"),
            (Types{"sandbox_created", "sandbox_started"}));
  EXPECT_EQ(types("/audit?since=2099-01-01T00:00:00Z"), Types{});
}

TEST_F(AuditRoutesTest, ASandboxHasItsOwnAlsoWhenItIsGone) {
  for (const char* name : {"a", "b"}) {
    ASSERT_EQ(client().call("POST", "/sandboxes", cat(R"({"name":")", name, R"("})")).status, 201);
  }
  ASSERT_EQ(client().call("DELETE", "/sandboxes/a", "{}").status, 200);
  EXPECT_EQ(types("/sandboxes/a/audit"),
            (Types{"sandbox_created", "sandbox_started", "sandbox_removed"}));
  EXPECT_EQ(types("/sandboxes/b/audit?last=1"), Types{"sandbox_started"});
  EXPECT_EQ(types("/audit?sandbox=b"), (Types{"sandbox_created", "sandbox_started"}));
  EXPECT_EQ(client().get("/sandboxes/never/audit").status, 404);
}

TEST_F(AuditRoutesTest, FailuresAreEventsToo) {
  EXPECT_EQ(client().call("DELETE", "/sandboxes/none", "{}").status, 404);
  exec("none", R"(["print"])");
  const json events = data(client().get("/audit"));
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0]["type"], "sandbox_error");
  EXPECT_EQ(events[0]["operation"], "remove");
  EXPECT_EQ(events[0]["code"], "not_found");
  EXPECT_EQ(events[1]["operation"], "exec");
  EXPECT_EQ(events[1]["command"], json{"print"});
}

TEST_F(AuditRoutesTest, ACommandWhoseClientLeavesIsInterrupted) {
  ASSERT_EQ(client().call("POST", "/sandboxes", R"({"name":"a"})").status, 201);
  {
    auto gone = client();
    const std::string_view body = R"({"command":["wait"]})";
    gone.send(cat("POST /run/stream HTTP/1.1\r\nHost: localhost\r\nContent-Length: ", body.size(),
                  "\r\n\r\n", body));
    manager_.awaitWaiting(1);
  }
  for (int i = 0; i < 500 && types("/audit?type=command_executed").empty(); ++i) {
    ::poll(nullptr, 0, 10);  // for the server to notice
  }
  const json events = data(client().get("/audit?type=command_executed"));
  const json errors = data(client().get("/audit?type=sandbox_error"));
  ASSERT_EQ(events.size() + errors.size(), 1U);
}

TEST_F(AuditRoutesTest, ImagesAndTrustAreTold) {
  EXPECT_EQ(client().call("POST", "/images/import", R"({"path":"/root.tar","name":"r"})").status,
            201);
  EXPECT_EQ(client().call("POST", "/images/import", R"({"path":"/nothing","name":"r"})").status,
            404);
  EXPECT_EQ(client().call("POST", "/images/prune", "{}").status, 200);
  const std::string project = directory_.path() + "/p";
  std::filesystem::create_directory(project);
  EXPECT_EQ(client()
                .call("POST", "/trust",
                      cat(R"({"path":")", project, R"(/agentkernel.toml","content":""})"))
                .status,
            200);
  EXPECT_EQ(types("/audit"),
            (Types{"image_imported", "sandbox_error", "image_removed", "permission_granted"}));
}

TEST_F(AuditRoutesTest, VerifySaysWhatIsWrong) {
  EXPECT_EQ(client().call("POST", "/sandboxes", R"({"name":"a"})").status, 201);
  const json intact = data(client().get("/audit/verify"));
  EXPECT_EQ(intact["intact"], true) << intact;
  EXPECT_EQ(intact["lines"], 2);
  EXPECT_EQ(
      data(client().get(cat("/audit/verify?head=", intact["head"].get<std::string>())))["intact"],
      true);
  std::filesystem::resize_file(directory_.path() + "/audit.jsonl", 10);
  const json damaged = data(client().get("/audit/verify"));
  EXPECT_EQ(damaged["intact"], false);
  EXPECT_EQ(damaged["problem"], "this line is not whole");
  EXPECT_EQ(damaged["line"], 1);
}

TEST_F(AuditRoutesTest, WrongQueriesAreExplained) {
  for (const char* query :
       {"last=x", "last=-1", "last=10001", "type=sandbox_create", "since=now"}) {
    EXPECT_EQ(client().get(cat("/audit?", query)).status, 400) << query;
  }
  EXPECT_EQ(failureOf(client().get("/audit?type=sandbox_create"))["remedy"],
            "Did you mean 'sandbox_created'?");
  EXPECT_EQ(client().get("/audit/verify?head=1:x").status, 400);
}

TEST_F(AuditRoutesTest, StatusAndMetricsCountEvents) {
  EXPECT_EQ(client().call("POST", "/sandboxes", R"({"name":"a"})").status, 201);
  const json status = data(client().get("/status"))["audit"];
  EXPECT_EQ(status["enabled"], true);
  EXPECT_EQ(status["recorded"], 2);
  EXPECT_EQ(status["lost"], 0);
  const std::string metrics = client().get("/metrics").body;
  EXPECT_NE(metrics.find("agentkernel_audit_events_total 2\n"), std::string::npos);
  EXPECT_NE(metrics.find("agentkernel_audit_lost_total 0\n"), std::string::npos);
}

}  // namespace
}  // namespace ak::api
