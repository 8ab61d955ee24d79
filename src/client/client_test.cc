#include "client/client.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "client/envelope.h"
#include "client/testing/scripted_server.h"

namespace ak::client {
namespace {

using model::StreamFrame;
using model::StreamKind;
using testing::Peer;
using testing::ScriptedServer;
using testing::TemporaryDirectory;

class ClientTest : public ::testing::Test {
 protected:
  std::string socket() const { return directory_.path() + "/s"; }

  Result<Response> callOnce(ScriptedServer::Script script, Request request = {.path = "/x"}) {
    const ScriptedServer server(socket(), std::move(script));
    Client client = *Client::connect(socket());
    return client.call(request);
  }

  Result<Client::Upgraded> upgradeOnce(const Request& request = {.method = "POST",
                                                                 .path = "/run"}) {
    return (*Client::connect(socket())).upgrade(request);
  }

 private:
  TemporaryDirectory directory_;
};

// The next frame of a stream, waiting for it; nullopt at the end.
std::optional<StreamFrame> nextFrame(Stream& stream) {
  StreamFrame frame;
  for (;;) {
    const auto ready = stream.next(frame);
    if (!ready || (!*ready && stream.ended())) {
      return std::nullopt;
    }
    if (*ready) {
      return frame;
    }
    pollfd wait{stream.fd(), POLLIN, 0};
    ::poll(&wait, 1, -1);
    if (!stream.fill()) {
      return std::nullopt;
    }
  }
}

TEST_F(ClientTest, NobodyListeningIsToldApartByErrno) {
  EXPECT_EQ(Client::connect(socket()).error().sys_errno, ENOENT);
  {
    const ScriptedServer server(socket(), [](Peer&) {});
  }
  const auto refused = Client::connect(socket());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().sys_errno, ECONNREFUSED);
  EXPECT_EQ(refused.error().code, ErrorCode::Unavailable);
}

TEST_F(ClientTest, ARequestCarriesItsBodyTypeAndVersion) {
  std::string seen;
  const auto response = callOnce(
      [&](Peer& peer) {
        seen = peer.request();
        peer.sayByteByByte("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
      },
      {.method = "POST", .path = "/run", .body = R"({"a":1})"});
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->body, "{}");
  EXPECT_TRUE(seen.starts_with("POST /run HTTP/1.1\r\nHost: agentkernel\r\n")) << seen;
  EXPECT_NE(seen.find("Agentkernel-Version: " AK_VERSION "\r\n"), std::string::npos);
  EXPECT_NE(seen.find("Content-Type: application/json\r\n"), std::string::npos);
  EXPECT_TRUE(seen.ends_with("Content-Length: 7\r\n\r\n{\"a\":1}")) << seen;
}

TEST_F(ClientTest, AServerThatDiesInTheMiddleIsUnavailable) {
  const auto silent = callOnce([](Peer&) {});
  ASSERT_FALSE(silent);
  EXPECT_EQ(silent.error().code, ErrorCode::Unavailable);
  const auto half =
      callOnce([](Peer& peer) { peer.say("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"); });
  ASSERT_FALSE(half);
  EXPECT_EQ(half.error().code, ErrorCode::Unavailable);
}

TEST_F(ClientTest, AnAnswerThatIsNotHttpIsAProtocolError) {
  const auto response = callOnce([](Peer& peer) { peer.say("220 smtp ready\r\n\r\n"); });
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::Protocol);
}

TEST_F(ClientTest, ADeadlineHoldsAgainstASilentServer) {
  const auto response = callOnce(
      [](Peer& peer) {
        // Until the client has given up.
        char byte = 0;
        while (::recv(peer.fd(), &byte, 1, 0) > 0) {
        }
      },
      {.path = "/x", .timeout = std::chrono::milliseconds(20)});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::Timeout);
}

TEST_F(ClientTest, AnEarlyRefusalIsHeardAlthoughTheBodyWasNotRead) {
  const auto response =
      callOnce([](Peer& peer) { peer.say("HTTP/1.1 413 Large\r\nContent-Length: 0\r\n\r\n"); },
               {.method = "POST", .path = "/run", .body = "x"});
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 413);
}

TEST_F(ClientTest, FramesBehindTheSwitchAreNotLost) {
  const ScriptedServer server(socket(), [](Peer& peer) {
    std::string text =
        "HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: AgentKernel\r\nAgentkernel-Version: "
        "9\r\n\r\n";
    model::appendStreamFrame(text, StreamKind::Stdout, "early");
    peer.say(text);
    StreamFrame frame;
    while (peer.next(frame)) {
      peer.frame(StreamKind::Stderr, frame.payload);
    }
  });
  auto upgraded = upgradeOnce();
  ASSERT_TRUE(upgraded) << upgraded.error().message;
  EXPECT_EQ(upgraded->daemon_version, "9");
  Stream& stream = upgraded->stream;
  EXPECT_EQ(nextFrame(stream), (StreamFrame{StreamKind::Stdout, "early"}));
  stream.send(StreamKind::Stdin, "echo");
  ASSERT_TRUE(stream.flush());
  EXPECT_EQ(nextFrame(stream), (StreamFrame{StreamKind::Stderr, "echo"}));
  ::shutdown(stream.fd(), SHUT_WR);
  EXPECT_EQ(nextFrame(stream), std::nullopt);
}

TEST_F(ClientTest, ARefusedUpgradeIsTheErrorOfItsBody) {
  const ScriptedServer server(socket(), [](Peer& peer) {
    const std::string body =
        R"({"success":false,"error":"no","code":"policy_denied","remedy":"Ask."})";
    peer.say(cat("HTTP/1.1 403 No\r\nContent-Length: ", body.size(), "\r\n\r\n", body));
  });
  const auto upgraded = upgradeOnce();
  ASSERT_FALSE(upgraded);
  EXPECT_EQ(upgraded.error(), Error::make(ErrorCode::PolicyDenied, "no", "Ask."));
}

TEST_F(ClientTest, AnUnaskedProtocolIsRefused) {
  const ScriptedServer server(
      socket(), [](Peer& peer) { peer.say("HTTP/1.1 101 Go\r\nUpgrade: websocket\r\n\r\n"); });
  EXPECT_EQ(upgradeOnce().error().code, ErrorCode::Protocol);
}

TEST_F(ClientTest, LastFramesOfADaemonThatLeftAreStillRead) {
  const ScriptedServer server(socket(), [](Peer& peer) {
    peer.switchProtocols();
    peer.frame(StreamKind::Exit, "{}");
    // Returns: the connection closes with the client's frame unread.
  });
  auto upgraded = upgradeOnce();
  ASSERT_TRUE(upgraded);
  pollfd hangup{upgraded->stream.fd(), POLLRDHUP, 0};
  ::poll(&hangup, 1, -1);
  upgraded->stream.send(StreamKind::Stdin, std::string(1000000, 'x'));
  EXPECT_TRUE(upgraded->stream.flush());
  EXPECT_EQ(upgraded->stream.pending(), 0U);
  EXPECT_EQ(nextFrame(upgraded->stream), (StreamFrame{StreamKind::Exit, "{}"}));
  EXPECT_EQ(nextFrame(upgraded->stream), std::nullopt);
}

TEST(EnvelopeTest, DataAndErrorsAreTakenOutOfAnyShape) {
  const auto data = dataOf({.status = 200, .body = R"({"success":true,"data":[1]})"});
  ASSERT_TRUE(data);
  EXPECT_EQ(data->dump(), "[1]");
  EXPECT_TRUE(dataOf({.status = 200, .body = R"({"success":true})"})->is_null());
  EXPECT_EQ(dataOf({.status = 200, .body = "hello"}).error().code, ErrorCode::Protocol);
  EXPECT_EQ(errorOf({.status = 404, .body = R"({"success":false,"error":"gone"})"}),
            Error::make(ErrorCode::NotFound, "gone"));
  const Error html = errorOf({.status = 503, .body = "<html>\x1b[2J"});
  EXPECT_EQ(html.message.find('\x1b'), std::string::npos);
  EXPECT_EQ(errorOf({.status = 500, .body = "[]"}).code, ErrorCode::Internal);
  EXPECT_EQ(errorOf({.status = 400, .body = R"({"error":7})"}).code, ErrorCode::InvalidArgument);
}

TEST(EscapeSegmentTest, OnlyUnreservedCharactersStay) {
  EXPECT_EQ(escapeSegment("a-b_c.~9"), "a-b_c.~9");
  EXPECT_EQ(escapeSegment("a/b?c%\n\xff"), "a%2fb%3fc%25%0a%ff");
}

}  // namespace
}  // namespace ak::client
