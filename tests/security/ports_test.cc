// Published ports lead into the sandbox and nowhere else, whatever its guest does.
#include <ifaddrs.h>

#include <cstdio>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "forward/testing/sockets.h"
#include "world.h"

namespace ak::security {
namespace {

using forward::testing::dial;
using forward::testing::Server;
using nlohmann::json;

class PortsSecurityTest : public SecurityTest {
 protected:
  void SetUp() override {
    SecurityTest::SetUp();
    if (!IsSkipped() && ::access("/usr/bin/python3", X_OK) != 0) {
      GTEST_SKIP() << "needs python3";
    }
  }

  void TearDown() override {
    if (!IsSkipped()) {
      world().agentkernel({"rm", "ported"});
    }
  }

  // A sandbox with port 8000 published and this running in it; the host's port.
  std::uint16_t publish(const std::string& python, const std::string& binding = "8000") {
    const Finished begun =
        world().agentkernel({"run", "--detach", "--keep", "--name", "ported", "--mount", "none",
                             "-P", binding, "--", "python3", "-c", python});
    EXPECT_EQ(begun.status, 0) << begun.err;
    const json seen =
        json::parse(world().agentkernel({"inspect", "--json", "ported"}).out, nullptr, false);
    const json ports = seen.value("ports", json::array());
    return ports.empty() ? std::uint16_t{0} : ports[0].value("host_port", std::uint16_t{0});
  }

  // A connection that the guest's server has taken; it may not be there yet.
  static sys::OwnedFd reach(std::uint16_t port, std::string& greeting) {
    for (int i = 0; i < 200; ++i) {
      sys::OwnedFd client = dial(port);
      const auto read = forward::testing::readSome(client);
      if (!read.text.empty()) {
        greeting = read.text;
        return client;
      }
      ::poll(nullptr, 0, 50);
    }
    return {};
  }
};

INSTANTIATE_TEST_SUITE_P(, PortsSecurityTest, ::testing::Values(Who::Self, Who::Plain), nameOf);

constexpr const char* kGreeter =
    "import socket\n"
    "s = socket.create_server(('127.0.0.1', 8000), backlog=64)\n"
    "while True:\n"
    "  c, _ = s.accept()\n"
    "  c.sendall(b'guest')\n"
    "  c.close()\n";

TEST_P(PortsSecurityTest, OnlyThisMachineReachesThem) {
  const std::uint16_t port = publish(kGreeter);
  std::string greeting;
  EXPECT_TRUE(reach(port, greeting).valid());
  EXPECT_EQ(greeting, "guest");
  ifaddrs* all = nullptr;
  ASSERT_EQ(::getifaddrs(&all), 0);
  int tried = 0;
  for (const ifaddrs* it = all; it != nullptr; it = it->ifa_next) {
    if (it->ifa_addr == nullptr || it->ifa_addr->sa_family != AF_INET) {
      continue;
    }
    sockaddr_in address = *reinterpret_cast<const sockaddr_in*>(it->ifa_addr);
    if (ntohl(address.sin_addr.s_addr) >> 24U == 127) {
      continue;
    }
    address.sin_port = htons(port);
    const sys::OwnedFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_NE(::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address),
              0);
    ++tried;
  }
  ::freeifaddrs(all);
  RecordProperty("addresses", tried);
  // By the kernel's own list, too.
  const Finished sockets = world().host({"/bin/sh", "-c", "cat /proc/net/tcp"});
  char local[16];
  std::snprintf(local, sizeof local, ":%04X", port);
  EXPECT_TRUE(sockets.out.contains(cat("0100007F", local))) << "127.0.0.1 listens";
  EXPECT_FALSE(sockets.out.contains(cat("00000000", local, " 00000000:0000 0A")));
}

// The guest connects to the host's side of its own published port, and to others.
TEST_P(PortsSecurityTest, TheyAreNoWayOut) {
  const Server secret(SOCK_STREAM);
  const std::uint16_t port = publish(kGreeter);
  for (const std::uint16_t target : {secret.port(), port}) {
    const Finished tried = world().agentkernel({"exec", "ported", "--", "python3", "-c",
                                                cat("import socket\n"
                                                    "for a in ('127.0.0.1', '::1', '0.0.0.0'):\n"
                                                    "  try:\n"
                                                    "    socket.create_connection((a, ",
                                                    target,
                                                    "), 2); print('WORKED')\n"
                                                    "  except OSError as e: print('blocked')\n")});
    EXPECT_EQ(tried.out, "blocked\nblocked\nblocked\n") << tried.err;
  }
}

// It never reads, floods, resets and takes what it is offered; the daemon serves on.
TEST_P(PortsSecurityTest, AHostileServerHoldsUpNobody) {
  const std::uint16_t port = publish(
      "import socket, struct, threading\n"
      "s = socket.create_server(('127.0.0.1', 8000), backlog=512)\n"
      "kept = []\n"
      "def flood(c):\n"
      "  try:\n"
      "    while True: c.sendall(b'f' * 1000000)\n"
      "  except OSError: pass\n"
      "n = 0\n"
      "while True:\n"
      "  c, _ = s.accept()\n"
      "  n += 1\n"
      "  c.send(b'x')\n"
      "  if n % 3 == 0:\n"
      "    kept.append(c)\n"
      "    threading.Thread(target=flood, args=(c,), daemon=True).start()\n"
      "  elif n % 3 == 1:\n"
      "    kept.append(c)\n"
      "  else:\n"
      "    c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))\n"
      "    c.close()\n");
  std::string greeting;
  std::vector<sys::OwnedFd> clients;
  clients.push_back(reach(port, greeting));
  ASSERT_TRUE(clients.back().valid());
  for (int i = 0; i < 60; ++i) {
    clients.push_back(dial(port));
    forward::testing::send(clients.back(), std::string(100'000, 'u'));
  }
  const Finished other = world().agentkernel({"run", "--mount", "none", "echo", "alive"});
  EXPECT_EQ(other.out, "alive\n") << other.err;
  EXPECT_EQ(world().agentkernel({"exec", "ported", "echo", "too"}).out, "too\n");
  EXPECT_EQ(world().agentkernel({"rm", "ported"}).status, 0);
}

// A process of another sandbox that listens at the same number is not what is reached.
TEST_P(PortsSecurityTest, ANeighbourCannotStandIn) {
  const Finished begun = world().agentkernel(
      {"run", "--detach", "--keep", "--name", "impostor", "--mount", "none", "--", "python3", "-c",
       "import socket\n"
       "s = socket.create_server(('0.0.0.0', 8000), backlog=64)\n"
       "while True:\n"
       "  c, _ = s.accept()\n"
       "  c.sendall(b'impostor')\n"});
  ASSERT_EQ(begun.status, 0) << begun.err;
  const std::uint16_t port = publish(kGreeter);
  std::string greeting;
  EXPECT_TRUE(reach(port, greeting).valid());
  EXPECT_EQ(greeting, "guest");
  EXPECT_EQ(world().agentkernel({"rm", "impostor"}).status, 0);
}

TEST_P(PortsSecurityTest, AnAddressThatOthersReachMustBeNamed) {
  const std::uint16_t port = publish(kGreeter, "0.0.0.0::8000");
  EXPECT_NE(port, 0);
  const Finished doctor = world().agentkernel({"doctor"});
  EXPECT_TRUE(doctor.out.contains(cat("0.0.0.0:", port, "->8000/tcp"))) << doctor.out;
}

}  // namespace
}  // namespace ak::security
