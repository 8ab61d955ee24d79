// Sessions over a real socket: what clients send and see.
#include "api/testing/api_fixture.h"
#include "model/stream_frame.h"

namespace ak::api {
namespace {

using model::StreamFrame;
using model::StreamKind;
using net::testing::RawClient;
using net::testing::RawResponse;
using nlohmann::json;

class AttachTest : public testing::ApiFixture {
 protected:
  static std::string upgradeRequest(std::string_view target, std::string_view body) {
    return cat("POST ", target,
               " HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: agentkernel\r\n"
               "Content-Length: ",
               body.size(), "\r\n\r\n", body);
  }

  static std::string frame(StreamKind kind, std::string_view payload) {
    std::string bytes;
    model::appendStreamFrame(bytes, kind, payload);
    return bytes;
  }

  StreamFrame next(RawClient& client) {
    StreamFrame out;
    for (;;) {
      const Result<bool> ready = decoder_.next(out);
      if (!ready || *ready) {
        EXPECT_TRUE(ready);
        return out;
      }
      if (client.buffer().empty() && !client.fill()) {
        ADD_FAILURE() << "the stream ended without its last frame";
        return {};
      }
      decoder_.feed(client.buffer());
      client.buffer().clear();
    }
  }

  model::StreamDecoder decoder_;
};

TEST_F(AttachTest, AStreamBeginsWithTheSessionAndEndsWithItsOutcome) {
  RawClient client = this->client();
  client.send(
      upgradeRequest("/sandboxes/a/attach",
                     R"({"command":["sh"],"env":["A=b"],"tty":{"rows":30,"columns":100}})"));
  EXPECT_EQ(client.readHead().status, 101);
  const StreamFrame started = next(client);
  EXPECT_EQ(started.kind, StreamKind::Started);
  EXPECT_EQ(json::parse(started.payload)["session"], "0123abcd");
  EXPECT_EQ(manager_.fake_jobs.last_attach.start.command, std::vector<std::string>{"sh"});
  EXPECT_EQ(manager_.fake_jobs.last_attach.start.window.columns, 100);
  EXPECT_TRUE(manager_.fake_jobs.last_attach.start.terminal);
  client.send(frame(StreamKind::Stdin, "ls\r"));
  const StreamFrame shown = next(client);
  EXPECT_EQ(shown.kind, StreamKind::Stdout);
  EXPECT_EQ(shown.payload, "ls\r");
  client.send(frame(StreamKind::Resize, std::string_view("\x14\0\x50\0", 4)));
  client.send(frame(StreamKind::Stdin, "exit"));
  const StreamFrame empty_or_end = next(client);
  const StreamFrame end = empty_or_end.kind == StreamKind::Exit ? empty_or_end : next(client);
  ASSERT_EQ(end.kind, StreamKind::Exit);
  EXPECT_EQ(json::parse(end.payload)["exit_code"], 3);
  EXPECT_EQ(json::parse(end.payload)["session"], "0123abcd");
  EXPECT_EQ(manager_.fake_jobs.last_window, (model::TerminalSize{.rows = 20, .columns = 80}));
}

TEST_F(AttachTest, WhatIsRefusedIsAnOrdinaryAnswer) {
  const auto status = [&](std::string_view target, std::string_view body) {
    return client().ask(upgradeRequest(target, body)).status;
  };
  EXPECT_EQ(status("/sandboxes/no/attach", "{}"), 404);
  EXPECT_EQ(status("/sandboxes/a/attach", R"({"session":"ffffffff"})"), 404);
  EXPECT_EQ(status("/sandboxes/a/attach", R"({"session":"0123","command":["sh"]})"), 400);
  EXPECT_EQ(status("/sandboxes/a/attach", R"({"session":5})"), 400);
  EXPECT_EQ(status("/sandboxes/a/attach", "nonsense"), 400);
  const RawResponse plain = client().call("POST", "/sandboxes/a/attach", "{}");
  EXPECT_EQ(plain.status, 400);
  EXPECT_NE(failureOf(plain)["remedy"].get<std::string>().find("Upgrade"), std::string::npos);
}

}  // namespace
}  // namespace ak::api
