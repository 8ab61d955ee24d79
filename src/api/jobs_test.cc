// Detached commands over a real socket: what clients send and see.
#include "api/testing/api_fixture.h"
#include "model/stream_frame.h"

namespace ak::api {
namespace {

using net::testing::RawClient;
using net::testing::RawResponse;
using nlohmann::json;

constexpr std::string_view kJobs = "/sandboxes/a/exec/detached";

class JobsTest : public testing::ApiFixture {
 protected:
  std::string start() {
    const RawResponse response =
        client().call("POST", "/sandboxes/a/exec/detach", R"({"command":["sleep","9"]})");
    EXPECT_EQ(response.status, 200) << response.body;
    return data(response).value("id", "");
  }

  RawResponse get(std::string_view rest) { return client().get(cat(kJobs, rest)); }
};

TEST_F(JobsTest, StartAnswersTheRecordThatOtherClientsKnow) {
  const RawResponse response = client().call(
      "POST", "/sandboxes/a/exec/detach",
      R"({"command":["sh","-c","echo \"a  b\""],"env":["A=b"],"workdir":"/tmp","sudo":true})");
  EXPECT_EQ(response.status, 200);
  const json job = data(response);
  EXPECT_EQ(job["id"], "00000000");
  EXPECT_EQ(job["sandbox"], "a");
  EXPECT_EQ(job["command"], (json{"sh", "-c", "echo \"a  b\""}));
  EXPECT_EQ(job["pid"], 7);
  EXPECT_EQ(job["status"], "running");
  EXPECT_TRUE(job["exit_code"].is_null());
  EXPECT_EQ(job["started_at"], "2026-01-02T03:04:05.000000Z");
  EXPECT_EQ(manager_.fake_jobs.last_request.environment, std::vector<std::string>{"A=b"});
  EXPECT_EQ(manager_.fake_jobs.last_request.workdir, "/tmp");
  EXPECT_TRUE(manager_.fake_jobs.last_request.sudo);
}

TEST_F(JobsTest, BadRequestsAndUnknownNamesAreErrorsWithCodes) {
  EXPECT_EQ(client().call("POST", "/sandboxes/a/exec/detach", "{").status, 400);
  EXPECT_EQ(client().call("POST", "/sandboxes/a/exec/detach", R"({"command":"x"})").status, 400);
  EXPECT_EQ(client().call("POST", "/sandboxes/no/exec/detach", R"({"command":["x"]})").status, 404);
  EXPECT_EQ(client().get("/sandboxes/no/exec/detached").status, 404);
  start();
  EXPECT_EQ(get("/ffffffff").status, 404);
  EXPECT_EQ(client().get("/sandboxes/b/exec/detached/00000000").status, 404)
      << "an id is of its sandbox";
  EXPECT_EQ(get("/ffffffff/logs").status, 404);
  EXPECT_EQ(get("/ffffffff/logs?follow=true").status, 404);
  EXPECT_EQ(get("/00000000/logs?offset=-1").status, 400);
  EXPECT_EQ(get("/00000000/logs?offset=x&follow=true").status, 400);
  EXPECT_EQ(client().call("DELETE", cat(kJobs, "/00000000?grace_ms=60001"), "").status, 400);
  for (const char* body : {"{}", R"({"signal":"NO"})", R"({"signal":0})", R"({"signal":65})"}) {
    EXPECT_EQ(client().call("POST", cat(kJobs, "/00000000/signal"), body).status, 400) << body;
  }
}

TEST_F(JobsTest, ListAndStatusShowHowItEnded) {
  EXPECT_TRUE(data(get("")).empty());
  const std::string id = start();
  EXPECT_EQ(data(get("")).size(), 1U);
  const RawResponse killed = client().call("DELETE", cat(kJobs, "/", id, "?grace_ms=10"), "");
  EXPECT_EQ(killed.status, 200);
  EXPECT_EQ(data(killed), "Command killed");
  EXPECT_EQ(manager_.fake_jobs.last_grace.count(), 10);
  const json job = data(get(cat("/", id)));
  EXPECT_EQ(job["status"], "failed");
  EXPECT_EQ(job["exit_code"], 137);
  EXPECT_EQ(job["signal"], 15);
  EXPECT_EQ(job["killed"], true);
}

TEST_F(JobsTest, LogsAreOfOneStreamFromAnOffset) {
  const std::string id = start();
  const json out = data(get(cat("/", id, "/logs")));
  EXPECT_EQ(out["stdout"], "first\ncaf\xc3\xa9\n");
  EXPECT_FALSE(out.contains("stderr"));
  EXPECT_EQ(out["next_offset"], 12);
  EXPECT_EQ(out["missing"], 3);
  const json err = data(get(cat("/", id, "/logs?stream=stderr&offset=5")));
  EXPECT_FALSE(err.contains("stdout"));
  EXPECT_EQ(err["stderr_base64"], "b29wc/8=");
  EXPECT_EQ(manager_.fake_jobs.last_log.offset, 5U);
  // Any other word is standard output, as elsewhere.
  EXPECT_TRUE(data(get(cat("/", id, "/logs?stream=x"))).contains("stdout"));
}

TEST_F(JobsTest, FollowingEndsWithTheRecord) {
  const std::string id = start();
  const RawResponse response = get(cat("/", id, "/logs?follow=true&stream=stderr"));
  EXPECT_EQ(response.headers.at("content-type"), "text/event-stream");
  std::string text;
  json last;
  for (const std::string_view line : split(response.body, '\n')) {
    if (line.starts_with("data: ")) {
      last = json::parse(line.substr(6));
      text += last.value("data", "");
      EXPECT_EQ(last.value("stream", "stderr"), "stderr");
    }
  }
  EXPECT_EQ(text, manager_.fake_jobs.output);
  EXPECT_EQ(last["status"], "failed");
  EXPECT_EQ(last["exit_code"], 3);

  RawClient upgraded = client();
  upgraded.send(cat("GET ", kJobs, "/", id,
                    "/logs?follow=true HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
                    "Upgrade: agentkernel\r\n\r\n"));
  EXPECT_EQ(upgraded.readHead().status, 101);
  model::StreamDecoder decoder;
  decoder.feed(upgraded.readToEnd());
  model::StreamFrame frame;
  std::string bytes;
  while (decoder.next(frame).value_or(false) && frame.kind == model::StreamKind::Stdout) {
    bytes += frame.payload;
  }
  EXPECT_EQ(bytes, manager_.fake_jobs.output);
  EXPECT_EQ(frame.kind, model::StreamKind::Exit);
  EXPECT_EQ(json::parse(frame.payload)["exit_code"], 3);
}

TEST_F(JobsTest, SignalsGoByNameAndNumber) {
  const std::string id = start();
  const std::string path = cat(kJobs, "/", id, "/signal");
  EXPECT_EQ(data(client().call("POST", path, R"({"signal":"HUP"})"))["id"], id);
  EXPECT_EQ(manager_.fake_jobs.last_signal, 1);
  EXPECT_EQ(client().call("POST", path, R"({"signal":10})").status, 200);
  EXPECT_EQ(manager_.fake_jobs.last_signal, 10);
}

}  // namespace
}  // namespace ak::api
