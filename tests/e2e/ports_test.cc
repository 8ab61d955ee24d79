// Published ports as a user sees them: a server in a sandbox without a network card, reached from
// this machine.
#include <csignal>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "forward/testing/sockets.h"
#include "scratch_home.h"
#include "sys/process.h"

namespace ak::e2e {
namespace {

using forward::testing::dial;
using nlohmann::json;

// Answers each datagram with itself, until it is ended.
constexpr const char* kUdpEcho =
    "import socket\n"
    "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
    "s.bind(('127.0.0.1', 5353))\n"
    "while True:\n"
    "  data, peer = s.recvfrom(65536)\n"
    "  s.sendto(data, peer)\n";

class PublishTest : public ScratchHome {
 protected:
  void SetUp() override {
    ScratchHome::SetUp();
    for (const char* program : {"/usr/bin/python3", "/usr/bin/curl"}) {
      if (!IsSkipped() && ::access(program, X_OK) != 0) {
        GTEST_SKIP() << "needs " << program;
      }
    }
  }

  void TearDown() override {
    if (!IsSkipped()) {
      agentkernel({"rm", "web"});
    }
    ScratchHome::TearDown();
  }

  json inspect() const {
    return json::parse(agentkernel({"inspect", "--json", "web"}).out, nullptr, false);
  }

  // "" while there is none.
  std::string hostPort(std::size_t which = 0) const {
    const json ports = inspect().value("ports", json::array());
    const json port = which < ports.size() ? ports[which]["host_port"] : json();
    return port.is_number() ? port.dump() : "";
  }

  // Retries while the server is not there yet.
  static Finished fetch(const std::string& port, const std::string& path) {
    return Program(
               {"/usr/bin/curl", "--silent", "--show-error", "--max-time", "20", "--retry", "40",
                "--retry-delay", "1", "--retry-all-errors", cat("http://127.0.0.1:", port, path)},
               {"PATH=/usr/bin:/bin"})
        .finish();
  }
};

TEST_F(PublishTest, AServerInASandboxWithoutANetworkIsReached) {
  const Finished begun =
      agentkernel({"run", "--detach", "--keep", "--name", "web", "--mount", "none", "-P", "8000",
                   "-P", "5353/udp", "--", "sh", "-c",
                   cat("echo hello > /tmp/page; python3 -c \"", kUdpEcho,
                       "\" & cd /tmp; exec python3 -m http.server --bind 127.0.0.1 8000")});
  ASSERT_EQ(begun.status, 0) << begun.err;
  const std::string port = hostPort();
  EXPECT_EQ(fetch(port, "/page").out, "hello\n");
  const std::string shown = cat("127.0.0.1:", port, "->8000/tcp");
  EXPECT_TRUE(agentkernel({"list"}).out.contains(shown));
  EXPECT_TRUE(agentkernel({"inspect", "web"}).out.contains(shown));
  EXPECT_FALSE(inspect().contains("ip"));

  const auto udp = parseNumber<std::uint16_t>(hostPort(1));
  ASSERT_TRUE(udp);
  const sys::OwnedFd client = dial(*udp, SOCK_DGRAM);
  std::string answer;
  for (int i = 0; i < 100 && answer.empty(); ++i) {  // the server may not be there yet
    forward::testing::send(client, "ping");
    if (pollfd slot{client.get(), POLLIN, 0}; ::poll(&slot, 1, 200) == 1) {
      answer = forward::testing::readSome(client).text;
    }
  }
  EXPECT_EQ(answer, "ping");

  ASSERT_EQ(agentkernel({"stop", "web"}).status, 0);
  EXPECT_EQ(hostPort(), "") << "it was chosen for a running one";
  EXPECT_TRUE(agentkernel({"inspect", "web"}).out.contains("ports.1: 5353/udp\n"));
  EXPECT_FALSE(dial(*parseNumber<std::uint16_t>(port)).valid());
  ASSERT_EQ(agentkernel({"start", "web"}).status, 0);
  EXPECT_EQ(hostPort(), port) << "the same again";
}

TEST_F(PublishTest, PortsOutliveTheDaemon) {
  const Finished begun =
      agentkernel({"run", "--detach", "--keep", "--name", "web", "--mount", "none", "-P", "8000",
                   "--", "sh", "-c",
                   "cd /tmp; head -c 300000000 /dev/zero > big; echo hello > page; "
                   "exec python3 -m http.server --bind 127.0.0.1 8000"});
  ASSERT_EQ(begun.status, 0) << begun.err;
  const std::string port = hostPort();
  EXPECT_EQ(fetch(port, "/page").out, "hello\n");
  const sys::OwnedFd half = dial(*parseNumber<std::uint16_t>(port));
  ASSERT_TRUE(forward::testing::send(half, "GET /big HTTP/1.0\r\n\r\n"));
  ASSERT_FALSE(forward::testing::readSome(half).text.empty());
  const pid_t pid =
      json::parse(agentkernel({"daemon", "status", "--json"}).out, nullptr, false).value("pid", 0);
  ASSERT_GT(pid, 1);
  const auto daemon = sys::openPidFd(pid);
  ASSERT_TRUE(daemon);
  ASSERT_EQ(::kill(pid, SIGKILL), 0);
  pollfd slot{daemon->get(), POLLIN, 0};
  ASSERT_EQ(::poll(&slot, 1, 30'000), 1);
  EXPECT_EQ(forward::testing::readAll(half).error, ECONNRESET)
      << "half of an answer does not look like the whole";
  EXPECT_EQ(hostPort(), port) << "asking starts another daemon";
  EXPECT_EQ(fetch(port, "/page").out, "hello\n");
}

TEST_F(PublishTest, WhatCannotBePublishedIsSaidAtOnceAndLeavesNothing) {
  const forward::testing::Server other(SOCK_STREAM);
  const Finished taken =
      agentkernel({"create", "--mount", "none", "--publish", cat(other.port(), ":80"), "web"});
  EXPECT_EQ(taken.status, 125) << taken.err;
  EXPECT_TRUE(taken.err.contains(cat("port ", other.port(), "/tcp of 127.0.0.1 is in use")))
      << taken.err;
  EXPECT_NE(agentkernel({"inspect", "web"}).status, 0);
  for (const char* bad : {"0", "80:0", "web", "80/sctp", "1.2.3:1:2"}) {
    const Finished refused = agentkernel({"run", "-P", bad, "true"});
    EXPECT_EQ(refused.status, 125) << bad;
    EXPECT_TRUE(refused.err.contains("HOST_PORT:PORT")) << refused.err;
  }
  const Finished twice = agentkernel({"run", "-P", "80", "-P", "80", "true"});
  EXPECT_TRUE(twice.err.contains("cannot both be had")) << twice.err;
}

}  // namespace
}  // namespace ak::e2e
