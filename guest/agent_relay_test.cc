// Connections of the host to ports in the sandbox.
#include <arpa/inet.h>
#include <netinet/in.h>

#include "guest/agent_fixture.h"
#include "wire/relay.h"

namespace ak::guest::test {
namespace {

using wire::FrameType;
using Protocol = wire::RelayRequest::Protocol;

class AgentRelayTest : public AgentTest {
 protected:
  // A server of this test's, where the agent finds it: at a port of the loopback.
  class Server {
   public:
    explicit Server(int type, int family = AF_INET)
        : socket_(::socket(family, type | SOCK_CLOEXEC, 0)) {
      sockaddr_in v4{};
      v4.sin_family = AF_INET;
      v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      sockaddr_in6 v6{};
      v6.sin6_family = AF_INET6;
      v6.sin6_addr = in6addr_loopback;
      auto* address =
          family == AF_INET ? reinterpret_cast<sockaddr*>(&v4) : reinterpret_cast<sockaddr*>(&v6);
      socklen_t size = family == AF_INET ? sizeof v4 : sizeof v6;
      usable = ::bind(socket_.get(), address, size) == 0 &&
               (type == SOCK_DGRAM || ::listen(socket_.get(), 16) == 0) &&
               ::getsockname(socket_.get(), address, &size) == 0;
      port = ntohs(family == AF_INET ? v4.sin_port : v6.sin6_port);
    }

    sys::OwnedFd accept() const {
      return sys::OwnedFd(await(socket_.get()) ? ::accept(socket_.get(), nullptr, nullptr) : -1);
    }

    int fd() const { return socket_.get(); }

    void close() { socket_.reset(); }

    std::uint16_t port = 0;
    bool usable = false;

   private:
    sys::OwnedFd socket_;
  };

  static bool await(int fd) {
    pollfd slot{fd, POLLIN, 0};
    return ::poll(&slot, 1, 20'000) == 1;
  }

  // At its end or an error: what came before, and the error in `error`.
  static std::string readAll(int fd, int& error) {
    std::string all;
    char buffer[65'536];
    for (;;) {
      const ssize_t size = await(fd) ? ::recv(fd, buffer, sizeof buffer, 0) : -1;
      if (size <= 0) {
        error = size < 0 ? errno : 0;
        return all;
      }
      all.append(buffer, static_cast<std::size_t>(size));
    }
  }

  static std::uint32_t open(TestClient& client, Protocol protocol, std::uint16_t port) {
    return client.open(wire::Service::Relay, wire::encode(wire::RelayRequest{protocol, port}));
  }

  static FrameType typeOf(const std::optional<wire::Frame>& frame) {
    return frame ? frame->type : FrameType{};
  }

  // The next datagram of a relay.
  static std::string datagram(TestClient& client, wire::DatagramDecoder& decoder) {
    for (;;) {
      if (const auto next = decoder.next(); !next || *next) {
        return next ? std::string(**next) : "(malformed)";
      }
      const auto frame = client.nextNews();
      if (typeOf(frame) != FrameType::Data) {
        return "(no data)";
      }
      decoder.feed(frame->payload);
    }
  }

  static std::string record(std::string_view text) {
    std::string bytes;
    wire::encodeDatagram(bytes, text);
    return bytes;
  }
};

INSTANTIATE_TEST_SUITE_P(, AgentRelayTest, testing::Values(Role::Process, Role::Init), roleName);

TEST_P(AgentRelayTest, ItIsAmongTheCapabilities) {
  TestAgent agent(GetParam());
  const TestClient client = agent.begin();
  EXPECT_EQ(std::ranges::count(client.guest.capabilities, "relay"), 1);
}

TEST_P(AgentRelayTest, BytesGoBothWaysAndEachEndIsCarried) {
  TestAgent agent(GetParam());
  TestClient client = agent.begin();
  const Server server(SOCK_STREAM);
  const std::uint32_t stream = open(client, Protocol::Tcp, server.port);
  client.send(FrameType::Data, stream, wire::kStdin, "early");  // need not wait for the answer
  client.send(FrameType::End, stream, wire::kStdin, {});
  const sys::OwnedFd peer = server.accept();
  int error = -1;
  EXPECT_EQ(readAll(peer.get(), error), "early");
  EXPECT_EQ(error, 0) << "half-closed, and the other half goes on";
  ASSERT_EQ(::send(peer.get(), "answer", 6, 0), 6);
  EXPECT_EQ(typeOf(client.nextNews()), FrameType::Reply);
  const auto data = client.nextNews();
  ASSERT_EQ(typeOf(data), FrameType::Data);
  EXPECT_EQ(data->channel, wire::kStdout);
  EXPECT_EQ(data->payload, "answer");
  ::shutdown(peer.get(), SHUT_WR);
  EXPECT_EQ(typeOf(client.nextNews()), FrameType::End);
  EXPECT_EQ(typeOf(client.nextNews()), FrameType::Close);
  client.send(FrameType::Close, stream, 0, {});
}

TEST_P(AgentRelayTest, TheServerMayEndFirst) {
  TestAgent agent(GetParam());
  TestClient client = agent.begin();
  const Server server(SOCK_STREAM);
  const std::uint32_t stream = open(client, Protocol::Tcp, server.port);
  const sys::OwnedFd peer = server.accept();
  ::shutdown(peer.get(), SHUT_WR);
  EXPECT_EQ(typeOf(client.nextNews()), FrameType::Reply);
  EXPECT_EQ(typeOf(client.nextNews()), FrameType::End);
  client.send(FrameType::Data, stream, wire::kStdin, "late");
  client.send(FrameType::End, stream, wire::kStdin, {});
  int error = -1;
  EXPECT_EQ(readAll(peer.get(), error), "late");
  EXPECT_EQ(error, 0);
  EXPECT_EQ(typeOf(client.nextNews()), FrameType::Close);
}

TEST_P(AgentRelayTest, TheOtherLoopbackAddressIsTriedToo) {
  TestAgent agent(GetParam());
  TestClient client = agent.begin();
  const Server server(SOCK_STREAM, AF_INET6);
  const Server echo(SOCK_DGRAM, AF_INET6);
  if (!server.usable || !echo.usable) {
    GTEST_SKIP() << "no ::1 on this machine";
  }
  open(client, Protocol::Tcp, server.port);
  EXPECT_TRUE(server.accept().valid());
  EXPECT_EQ(typeOf(client.nextNews()), FrameType::Reply);
  const std::uint32_t stream = open(client, Protocol::Udp, echo.port);
  EXPECT_TRUE(client.nextNews().has_value());  // the answer, or the end of the one before
  client.send(FrameType::Data, stream, wire::kStdin, record("six"));
  char buffer[16];
  ASSERT_TRUE(await(echo.fd()));
  EXPECT_EQ(::recv(echo.fd(), buffer, sizeof buffer, 0), 3);
}

TEST_P(AgentRelayTest, AClosedPortIsATypedError) {
  TestAgent agent(GetParam());
  TestClient client = agent.begin();
  Server server(SOCK_STREAM);
  server.close();
  open(client, Protocol::Tcp, server.port);
  const auto frame = client.nextNews();
  ASSERT_EQ(typeOf(frame), FrameType::Reset);
  const Error error = wire::decodeError(frame->payload);
  EXPECT_EQ(error.code, ErrorCode::Unavailable);
  EXPECT_TRUE(error.message.contains(std::to_string(server.port))) << error.message;
}

TEST_P(AgentRelayTest, MalformedRequestsAreRefused) {
  TestAgent agent(GetParam());
  TestClient client = agent.begin();
  for (const std::string& request : {std::string(), wire::encode(wire::RelayRequest{})}) {
    client.open(wire::Service::Relay, request);
    EXPECT_EQ(typeOf(client.nextNews()), FrameType::Reset);
  }
  EXPECT_EQ(client.shell("echo alive").out, "alive\n");
}

TEST_P(AgentRelayTest, ABrokenConnectionIsBrokenOnTheOtherSideToo) {
  TestAgent agent(GetParam());
  TestClient client = agent.begin();
  const Server server(SOCK_STREAM);
  const std::uint32_t first = open(client, Protocol::Tcp, server.port);
  sys::OwnedFd peer = server.accept();
  EXPECT_EQ(typeOf(client.nextNews()), FrameType::Reply);
  client.send(FrameType::Reset, first, 0, wire::encodeError(Error{}));
  int error = 0;
  readAll(peer.get(), error);
  EXPECT_EQ(error, ECONNRESET);

  open(client, Protocol::Tcp, server.port);
  peer = server.accept();
  EXPECT_EQ(typeOf(client.nextNews()), FrameType::Reply);
  const linger now{1, 0};
  ASSERT_EQ(::setsockopt(peer.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
  peer.reset();
  EXPECT_EQ(typeOf(client.nextNews()), FrameType::Reset);
}

TEST_P(AgentRelayTest, TheEndOfTheSessionBreaksItsConnections) {
  TestAgent agent(GetParam());
  const Server server(SOCK_STREAM);
  sys::OwnedFd peer;
  {
    TestClient client = agent.begin();
    open(client, Protocol::Tcp, server.port);
    peer = server.accept();
    EXPECT_EQ(typeOf(client.nextNews()), FrameType::Reply);
  }
  int error = 0;
  readAll(peer.get(), error);
  EXPECT_EQ(error, ECONNRESET);
}

// More than all buffers and windows on the way hold.
TEST_P(AgentRelayTest, AServerThatNeverReadsStopsItsClientAndNobodyElse) {
  TestAgent agent(GetParam());
  TestClient client = agent.begin();
  const Server server(SOCK_STREAM);
  const std::uint32_t stream = open(client, Protocol::Tcp, server.port);
  const sys::OwnedFd peer = server.accept();
  EXPECT_EQ(typeOf(client.nextNews()), FrameType::Reply);
  std::size_t sent = 0;
  const std::string chunk(wire::kChunk, 'x');
  for (;;) {
    while (client.stdin_credit[stream] >= chunk.size()) {
      client.stdin_credit[stream] -= chunk.size();
      client.send(FrameType::Data, stream, wire::kStdin, chunk);
      sent += chunk.size();
    }
    client.send(FrameType::Ping, 0, 0, "pingpong");  // credit for what was taken comes before it
    if (typeOf(client.nextNews()) != FrameType::Pong) {
      FAIL();
    }
    if (client.stdin_credit[stream] < chunk.size()) {
      break;
    }
  }
  EXPECT_GE(sent, wire::kInitialCredit);
  EXPECT_EQ(client.shell("echo alive").out, "alive\n");
  client.send(FrameType::End, stream, wire::kStdin, {});
  ::shutdown(peer.get(), SHUT_WR);
  int error = -1;
  EXPECT_EQ(readAll(peer.get(), error).size(), sent) << "and all of it arrives once it reads";
  EXPECT_EQ(error, 0);
}

TEST_P(AgentRelayTest, AHostThatNeverReadsStopsTheServerAndCostsNoMemory) {
  TestAgent agent(GetParam());
  TestClient client = agent.begin();
  const Server server(SOCK_STREAM);
  const std::uint32_t stream = open(client, Protocol::Tcp, server.port);
  const sys::OwnedFd peer = server.accept();
  EXPECT_EQ(typeOf(client.nextNews()), FrameType::Reply);
  const std::string much(std::size_t{64} << 20U, 'x');
  ssize_t taken = 0;
  std::size_t got = 0;
  // As long as something moves: until the buffers in between are full.
  while ((taken = ::send(peer.get(), much.data(), much.size(), MSG_DONTWAIT)) > 0 ||
         got < wire::kInitialCredit) {
    ASSERT_LT(taken, static_cast<ssize_t>(much.size()));
    if (got < wire::kInitialCredit) {
      const auto frame = client.nextNews();
      ASSERT_EQ(typeOf(frame), FrameType::Data);
      got += frame->payload.size();
    }
  }
  EXPECT_EQ(got, wire::kInitialCredit) << "one window and not a byte more";
  EXPECT_EQ(client.shell("echo alive").out, "alive\n");
  (void)stream;
}

TEST_P(AgentRelayTest, ThereIsALimit) {
  TestAgent agent(GetParam());
  TestClient client = agent.begin();
  const Server server(SOCK_DGRAM);
  std::vector<std::uint32_t> streams;
  for (std::size_t i = 0; i < wire::kMaxRelays; ++i) {
    streams.push_back(open(client, Protocol::Udp, server.port));
    ASSERT_EQ(typeOf(client.nextNews()), FrameType::Reply);
  }
  open(client, Protocol::Udp, server.port);
  const auto frame = client.nextNews();
  ASSERT_EQ(typeOf(frame), FrameType::Reset);
  EXPECT_EQ(wire::decodeError(frame->payload).code, ErrorCode::Capacity);
  EXPECT_EQ(client.shell("echo alive").out, "alive\n") << "commands have their own";
  client.send(FrameType::Reset, streams[0], 0, wire::encodeError(Error{}));
  open(client, Protocol::Udp, server.port);
  EXPECT_EQ(typeOf(client.nextNews()), FrameType::Reply);
}

TEST_P(AgentRelayTest, DatagramsKeepTheirBoundaries) {
  TestAgent agent(GetParam());
  TestClient client = agent.begin();
  const Server server(SOCK_DGRAM);
  const std::uint32_t stream = open(client, Protocol::Udp, server.port);
  EXPECT_EQ(typeOf(client.nextNews()), FrameType::Reply);
  wire::DatagramDecoder decoder;
  std::string buffer(65'536, '\0');
  for (const std::string& text : {std::string("one"), std::string(), std::string("three"),
                                  std::string(wire::kMaxDatagram, 'x')}) {
    const std::string bytes = record(text);
    for (std::size_t at = 0; at < bytes.size(); at += wire::kChunk) {
      client.send(FrameType::Data, stream, wire::kStdin, bytes.substr(at, wire::kChunk));
    }
    ASSERT_TRUE(await(server.fd()));
    sockaddr_in from{};
    socklen_t size = sizeof from;
    auto* where = reinterpret_cast<sockaddr*>(&from);
    const ssize_t got = ::recvfrom(server.fd(), buffer.data(), buffer.size(), 0, where, &size);
    ASSERT_EQ(got, static_cast<ssize_t>(text.size()));
    EXPECT_EQ(buffer.substr(0, text.size()), text);
    ASSERT_EQ(::sendto(server.fd(), buffer.data(), text.size(), 0, where, size), got);
    EXPECT_EQ(datagram(client, decoder), text);
  }
}

TEST_P(AgentRelayTest, ADatagramForNobodyEndsTheFlow) {
  TestAgent agent(GetParam());
  TestClient client = agent.begin();
  Server server(SOCK_DGRAM);
  server.close();
  const std::uint32_t stream = open(client, Protocol::Udp, server.port);
  EXPECT_EQ(typeOf(client.nextNews()), FrameType::Reply);
  client.send(FrameType::Data, stream, wire::kStdin, record("anybody?"));
  const auto frame = client.nextNews();
  ASSERT_EQ(typeOf(frame), FrameType::Reset);
  EXPECT_EQ(wire::decodeError(frame->payload).code, ErrorCode::Unavailable);
}

}  // namespace
}  // namespace ak::guest::test
