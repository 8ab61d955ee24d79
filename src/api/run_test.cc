// Commands over a real socket: buffered, as events, and upgraded.
#include <poll.h>

#include "api/testing/api_fixture.h"
#include "model/base64.h"
#include "model/stream_frame.h"

namespace ak::api {
namespace {

using namespace std::chrono_literals;
using model::StreamFrame;
using model::StreamKind;
using net::testing::RawClient;
using net::testing::RawResponse;
using nlohmann::json;
using InputKind = manager::ExecSink::Input::Kind;

struct Event {
  std::string name;
  json data;
};

class RunTest : public testing::ApiFixture {
 protected:
  // Whole events only; comments are counted.
  std::vector<Event> events(std::string_view body) {
    std::vector<Event> all;
    while (!body.empty()) {
      const std::size_t end = body.find("\n\n");
      EXPECT_NE(end, std::string_view::npos) << "an event without its empty line";
      const std::vector<std::string_view> lines = split(body.substr(0, end), '\n');
      body.remove_prefix(end + 2);
      if (lines[0].starts_with(':')) {
        ++comments_;
        continue;
      }
      EXPECT_EQ(lines.size(), 2U);
      EXPECT_TRUE(lines[0].starts_with("event: ") && lines[1].starts_with("data: "));
      EXPECT_LT(lines[1].size(), 32U * 1024);
      all.push_back({std::string(lines[0].substr(7)), json::parse(lines[1].substr(6))});
    }
    return all;
  }

  static std::string upgradeRequest(std::string_view path, std::string_view body) {
    return cat("POST ", path,
               " HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: agentkernel\r\n"
               "Content-Length: ",
               body.size(), "\r\n\r\n", body);
  }

  static std::string frame(StreamKind kind, std::string_view payload) {
    std::string out;
    model::appendStreamFrame(out, kind, payload);
    return out;
  }

  static StreamFrame nextFrame(RawClient& client, model::StreamDecoder& decoder) {
    StreamFrame out;
    while (true) {
      const Result<bool> ready = decoder.next(out);
      EXPECT_TRUE(ready);
      if (!ready || *ready) {
        return out;
      }
      if (client.buffer().empty() && !client.fill()) {
        ADD_FAILURE() << "the stream ended without its last frame";
        return {};
      }
      decoder.feed(client.buffer());
      client.buffer().clear();
    }
  }

  int comments_ = 0;
};

TEST_F(RunTest, SuccessCarriesTheOutput) {
  const RawResponse response =
      client().call("POST", "/run", R"({"command":["print","hello\n"],"image":null,"fast":true})");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(data(response)["output"], "hello\n");
  EXPECT_EQ(data(response)["exit_code"], 0);
  EXPECT_EQ(data(response)["sandbox"], "run-1");
}

TEST_F(RunTest, ANonZeroExitIs409AndSaysItAllInTheText) {
  const RawResponse response =
      client().call("POST", "/run", R"({"command":["fail","3","it broke"]})");
  EXPECT_EQ(response.status, 409);
  const json body = failureOf(response);
  EXPECT_EQ(body["exit_code"], 3);
  EXPECT_EQ(body["output"], "it broke");
  EXPECT_EQ(body["code"], "command_failed");
  EXPECT_EQ(body["error"], "command exited with code 3: it broke");
}

TEST_F(RunTest, BytesThatAreNotTextAreNotLost) {
  const json answer = data(client().call("POST", "/run", R"({"command":["bytes"]})"));
  EXPECT_EQ(answer["output"], "ok \xef\xbf\xbd\xef\xbf\xbd ok");
  EXPECT_EQ(model::fromBase64(answer["output_base64"].get<std::string>()), "ok \xff\xfe ok");
}

TEST_F(RunTest, OurFailuresKeepTheirCode) {
  const RawResponse response = client().call("POST", "/run", R"({"command":["broken"]})");
  EXPECT_EQ(response.status, errorCodeInfo(ErrorCode::CommandNotFound).http_status);
  EXPECT_EQ(failureOf(response)["remedy"], "Install it.");
  EXPECT_EQ(client().call("POST", "/run", R"({"command":["throws"]})").status, 500);
  EXPECT_EQ(client().get("/health").status, 200);
}

TEST_F(RunTest, BadRequestsAreRefusedBeforeAnythingRuns) {
  RawClient client = this->client();
  for (const char* body :
       {R"({"command":[]})", R"({})", R"({"command":"ls"})", R"({"command":["a"],"env":["x"]})",
        R"({"command":["a"],"workdir":"rel"})", R"({"command":["a"],"tty":true})",
        R"({"command":["a"],"stdin":true})", R"({"command":["a"],"profile":"lax"})", "nonsense"}) {
    EXPECT_EQ(client.call("POST", "/run", body).status, 400) << body;
    EXPECT_EQ(client.ask(upgradeRequest("/run", R"({"command":[]})")).status, 400);
  }
  EXPECT_TRUE(manager_.last_run.command.empty());
}

TEST_F(RunTest, BufferedOutputIsBounded) {
  const RawResponse response = client().call("POST", "/run", R"({"command":["flood","20000"]})");
  EXPECT_EQ(response.status, 413);
  EXPECT_EQ(failureOf(response)["code"], "too_large");
  EXPECT_NE(failureOf(response)["remedy"].get<std::string>().find("/run/stream"),
            std::string::npos);
}

TEST_F(RunTest, ExecOfAMissingSandboxIs404) {
  EXPECT_EQ(client().call("POST", "/sandboxes/none/exec", R"({"command":["print","x"]})").status,
            404);
  EXPECT_EQ(client().call("POST", "/sandboxes", R"({"name":"a"})").status, 201);
  EXPECT_EQ(
      data(client().call("POST", "/sandboxes/a/exec", R"({"command":["print","x"]})"))["output"],
      "x");
}

TEST_F(RunTest, AClientThatLeavesEndsItsBufferedCommand) {
  RawClient client = this->client();
  client.send(
      "POST /run HTTP/1.1\r\nHost: localhost\r\nContent-Length: 20\r\n\r\n"
      R"({"command":["wait"]})");
  manager_.awaitWaiting(1);
  client.close();
  auto ended = manager_.ended.get_future();
  ASSERT_EQ(ended.wait_for(10s), std::future_status::ready);
  EXPECT_EQ(ended.get(), InputKind::Closed);
}

TEST_F(RunTest, EventsBeginWithStartedAndEndWithDone) {
  const RawResponse response =
      client().call("POST", "/run/stream", R"({"command":["print","a\nb"]})");
  EXPECT_EQ(response.headers.at("content-type"), "text/event-stream");
  EXPECT_EQ(response.headers.at("cache-control"), "no-cache");
  const std::vector<Event> all = events(response.body);
  ASSERT_EQ(all.size(), 4U);
  EXPECT_EQ(all[0].name, "started");
  EXPECT_EQ(all[0].data["command"], json({"print", "a\nb"}));
  EXPECT_EQ(all[1].name, "progress");
  EXPECT_EQ(all[1].data["stage"], "sandbox_started");
  EXPECT_EQ(all[2].name, "output");
  EXPECT_EQ(all[2].data, (json{{"data", "a\nb"}, {"stream", "stdout"}}));
  EXPECT_EQ(all[3].name, "done");
  EXPECT_EQ(all[3].data["exit_code"], 0);
  EXPECT_EQ(all[3].data["success"], true);
}

TEST_F(RunTest, EventsSplitOutputAtCharacters) {
  const std::vector<Event> all =
      events(client().call("POST", "/run/stream", R"({"command":["split"]})").body);
  std::string text;
  for (const Event& event : all) {
    if (event.name == "output") {
      text += event.data.contains("data_base64")
                  ? *model::fromBase64(event.data["data_base64"].get<std::string>())
                  : event.data["data"].get<std::string>();
    }
  }
  EXPECT_EQ(text, "\xe2\x82\xac and \xe2\x82");
}

TEST_F(RunTest, EventsCarryMuchOutputInSmallPieces) {
  const std::vector<Event> all =
      events(client().call("POST", "/run/stream", R"({"command":["flood","20000"]})").body);
  std::size_t total = 0;
  for (const Event& event : all) {
    total += event.name == "output" ? event.data["data"].get_ref<const std::string&>().size() : 0;
  }
  EXPECT_EQ(total, 20'000U * 1024);
  EXPECT_EQ(all.back().name, "done");
}

TEST_F(RunTest, AStreamAlwaysEndsWithATerminalEvent) {
  std::vector<Event> all =
      events(client().call("POST", "/run/stream", R"({"command":["broken"]})").body);
  EXPECT_EQ(all.back().name, "error");
  EXPECT_EQ(all.back().data["code"], "command_not_found");
  EXPECT_EQ(all.back().data["message"], "no such command");
  all = events(client().call("POST", "/run/stream", R"({"command":["fail","7","x"]})").body);
  EXPECT_EQ(all.back().name, "done");
  EXPECT_EQ(all.back().data["exit_code"], 7);
  EXPECT_EQ(all.back().data["success"], false);
  const RawResponse empty = client().call("POST", "/run/stream", R"({"command":[]})");
  EXPECT_EQ(empty.status, 200);
  all = events(empty.body);
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].name, "error");
  EXPECT_EQ(client().call("POST", "/run/stream", "{").status, 400);
}

TEST_F(RunTest, ASilentStreamHasHeartbeatsAndEndsItsCommandWhenLeft) {
  RawClient client = this->client();
  client.send(
      "POST /run/stream HTTP/1.1\r\nHost: localhost\r\nContent-Length: 20\r\n\r\n"
      R"({"command":["wait"]})");
  EXPECT_TRUE(client.readUntil("event: started"));
  EXPECT_TRUE(client.readUntil(": still here\n\n"));
  client.close();
  auto ended = manager_.ended.get_future();
  ASSERT_EQ(ended.wait_for(10s), std::future_status::ready);
  EXPECT_EQ(ended.get(), InputKind::Closed);
}

TEST_F(RunTest, LeavingInTheMiddleOfOutputEndsTheCommand) {
  RawClient client = this->client();
  client.send(
      "POST /run/stream HTTP/1.1\r\nHost: localhost\r\nContent-Length: 32\r\n\r\n"
      R"({"command":["flood","99999999"]})");
  EXPECT_TRUE(client.readUntil("event: output"));
  client.close();
  EXPECT_EQ(manager_.ended.get_future().wait_for(10s), std::future_status::ready);
}

TEST_F(RunTest, TheUpgradedStreamCarriesInputResizeAndSignal) {
  RawClient client = this->client();
  // Input sent right behind the request, before the 101.
  client.send(upgradeRequest("/run", R"({"command":["cat"],"stdin":true,"tty":true})") +
              frame(StreamKind::Stdin, "early "));
  const RawResponse head = client.readHead();
  EXPECT_EQ(head.status, 101);
  EXPECT_EQ(head.headers.at("upgrade"), "agentkernel");
  model::StreamDecoder decoder;
  const StreamFrame started = nextFrame(client, decoder);
  EXPECT_EQ(started.kind, StreamKind::Started);
  EXPECT_EQ(json::parse(started.payload)["hints"][0], "a hint.");
  EXPECT_EQ(json::parse(started.payload)["warnings"][0], "a warning.");
  EXPECT_EQ(nextFrame(client, decoder), (StreamFrame{StreamKind::Stdout, "early "}));
  client.send(frame(StreamKind::Resize, std::string_view("\x28\x00\x78\x00", 4)));
  EXPECT_EQ(nextFrame(client, decoder), (StreamFrame{StreamKind::Stderr, "40x120"}));
  const std::string halves = frame(StreamKind::Stdin, "late");
  client.send(halves.substr(0, 5));
  client.send(halves.substr(5));
  EXPECT_EQ(nextFrame(client, decoder), (StreamFrame{StreamKind::Stdout, "late"}));
  client.send(frame(StreamKind::Signal, "\x0f"));
  const StreamFrame exit = nextFrame(client, decoder);
  EXPECT_EQ(exit.kind, StreamKind::Exit);
  EXPECT_EQ(json::parse(exit.payload)["exit_code"], 143);
  EXPECT_TRUE(client.atEnd());
}

TEST_F(RunTest, AShortUpgradedCommandAnswersInOneWrite) {
  RawClient client = this->client();
  client.send(upgradeRequest("/run", R"({"command":["print","hi"]})"));
  // One read sees what one write sent: unix stream sockets do not merge what is already taken.
  ASSERT_TRUE(client.fill());
  const std::string first = client.buffer();
  EXPECT_NE(first.find("101 Switching"), std::string::npos);
  EXPECT_NE(first.find("\"exit_code\":0"), std::string::npos) << first;
}

TEST_F(RunTest, LaterFailuresAreAFailedFrame) {
  RawClient client = this->client();
  client.send(upgradeRequest("/sandboxes/none/exec", R"({"command":["print","x"]})"));
  EXPECT_EQ(client.readHead().status, 101);
  model::StreamDecoder decoder;
  const StreamFrame failed = nextFrame(client, decoder);
  EXPECT_EQ(failed.kind, StreamKind::Failed);
  EXPECT_EQ(json::parse(failed.payload)["code"], "not_found");
  EXPECT_TRUE(client.atEnd());
}

TEST_F(RunTest, AClientThatSpeaksNonsenseHasLeft) {
  RawClient client = this->client();
  client.send(upgradeRequest("/run", R"({"command":["wait"]})") +
              frame(StreamKind::Stdout, "not yours to send"));
  auto ended = manager_.ended.get_future();
  ASSERT_EQ(ended.wait_for(10s), std::future_status::ready);
  EXPECT_EQ(ended.get(), InputKind::Closed);
}

TEST_F(RunTest, ADaemonThatEndsTellsTheClientsOfItsCommands) {
  RawClient framed = this->client();
  framed.send(upgradeRequest("/run", R"({"command":["wait"]})"));
  manager_.awaitWaiting(1);
  RawClient streaming = this->client();
  streaming.send(
      "POST /run/stream HTTP/1.1\r\nHost: localhost\r\nContent-Length: 20\r\n\r\n"
      R"({"command":["wait"]})");
  manager_.awaitWaiting(2);
  RawClient buffered = this->client();
  buffered.send(
      "POST /run HTTP/1.1\r\nHost: localhost\r\nContent-Length: 20\r\n\r\n"
      R"({"command":["wait"]})");
  manager_.awaitWaiting(3);
  thread_.stop(0ms);
  EXPECT_NE(framed.readToEnd().find("owner lost"), std::string::npos);
  EXPECT_NE(streaming.readToEnd().find("event: error\ndata: "), std::string::npos);
  EXPECT_EQ(buffered.readResponse().status, errorCodeInfo(ErrorCode::Unavailable).http_status);
}

TEST_F(RunTest, UnknownUpgradesAreRefused) {
  EXPECT_EQ(client()
                .ask("POST /run HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade\r\n"
                     "Upgrade: websocket\r\nContent-Length: 20\r\n\r\n"
                     R"({"command":["wait"]})")
                .status,
            400);
}

}  // namespace
}  // namespace ak::api
