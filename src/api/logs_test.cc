// GET /sandboxes/{name}/logs?follow=true over a real socket: as events and upgraded.
#include "api/testing/api_fixture.h"
#include "model/stream_frame.h"

namespace ak::api {
namespace {

using namespace std::chrono_literals;
using net::testing::RawClient;
using net::testing::RawResponse;
using nlohmann::json;

class LogsTest : public testing::ApiFixture {
 protected:
  void SetUp() override {
    for (const char* name : {"a", "endless"}) {
      ASSERT_EQ(client().call("POST", "/sandboxes", cat(R"({"name":")", name, R"("})")).status,
                201);
    }
  }

  static std::string upgradeRequest(std::string_view name) {
    return cat("GET /sandboxes/", name,
               "/logs?follow=true HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
               "Upgrade: agentkernel\r\n\r\n");
  }
};

TEST_F(LogsTest, EventsAreCutAtCharactersAndEndWithTheReason) {
  const RawResponse response = client().get("/sandboxes/a/logs?follow=true");
  EXPECT_EQ(response.headers.at("content-type"), "text/event-stream");
  std::string text;
  std::string last;
  for (const std::string_view line : split(response.body, '\n')) {
    if (line.starts_with("data: ")) {
      const json event = json::parse(line.substr(6));
      text += event.value("data", "");
      EXPECT_FALSE(event.contains("data_base64")) << line;
      last = event.value("reason", "");
    }
  }
  EXPECT_EQ(text, "first\ncaf\xc3\xa9\n");
  EXPECT_EQ(last, "its command ended with code 0");
  EXPECT_NE(response.body.find("event: done"), std::string::npos);
}

TEST_F(LogsTest, TheUpgradedStreamCarriesBytesAndEndsWithTheReason) {
  RawClient client = this->client();
  client.send(upgradeRequest("a"));
  EXPECT_EQ(client.readHead().status, 101);
  model::StreamDecoder decoder;
  decoder.feed(client.readToEnd());
  model::StreamFrame frame;
  std::string text;
  while (decoder.next(frame).value_or(false) && frame.kind == model::StreamKind::Stdout) {
    text += frame.payload;
  }
  EXPECT_EQ(text, "first\ncaf\xc3\xa9\n");
  EXPECT_EQ(frame.kind, model::StreamKind::Exit);
  EXPECT_EQ(json::parse(frame.payload)["reason"], "its command ended with code 0");
}

TEST_F(LogsTest, AReaderThatLeavesEndsTheFollowing) {
  for (const std::string& request :
       {upgradeRequest("endless"),
        std::string(
            "GET /sandboxes/endless/logs?follow=true HTTP/1.1\r\nHost: localhost\r\n\r\n")}) {
    manager_.left = {};
    RawClient client = this->client();
    client.send(request);
    ASSERT_TRUE(client.readUntil("caf"));
    client.close();
    ASSERT_EQ(manager_.left.get_future().wait_for(10s), std::future_status::ready);
  }
}

TEST_F(LogsTest, ASilentStreamOfEventsHasHeartbeats) {
  RawClient client = this->client();
  client.send("GET /sandboxes/endless/logs?follow=true HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_TRUE(client.readUntil(": still here\n\n"));
}

TEST_F(LogsTest, WhatIsRefusedIsAnOrdinaryAnswer) {
  EXPECT_EQ(client().get("/sandboxes/none/logs?follow=true").status, 404);
  EXPECT_EQ(client().ask(upgradeRequest("none")).status, 404);
  EXPECT_EQ(client()
                .ask("GET /sandboxes/a/logs?follow=true HTTP/1.1\r\nHost: localhost\r\n"
                     "Connection: upgrade\r\nUpgrade: websocket\r\n\r\n")
                .status,
            400);
}

TEST_F(LogsTest, ADaemonThatEndsTellsItsReaders) {
  RawClient client = this->client();
  client.send(upgradeRequest("endless"));
  ASSERT_TRUE(client.readUntil("caf"));
  thread_.stop(0ms);
  EXPECT_NE(client.readToEnd().find("the daemon is ending"), std::string::npos);
}

}  // namespace
}  // namespace ak::api
