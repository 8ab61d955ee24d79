// Published ports over the life of sandboxes, with real agents. The backend of these tests isolates
// nothing: a port of the sandbox is one of this machine's loopback, at which the test listens.
#include <sys/resource.h>

#include <set>
#include <thread>

#include <boost/asio/post.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "forward/testing/sockets.h"
#include "manager/port_keeper.h"
#include "manager/testing/bench.h"

namespace ak::manager {
namespace {

using forward::testing::dial;
using forward::testing::Read;
using forward::testing::readAll;
using forward::testing::readSome;
using forward::testing::Server;
using ::testing::HasSubstr;
using End = manager::testing::Bench::End;

class PortsTest : public ::testing::Test {
 protected:
  static std::vector<model::PortMapping> ports(std::initializer_list<std::string> texts) {
    std::vector<model::PortMapping> list;
    for (const std::string& text : texts) {
      list.push_back(model::parsePortMapping(text).value());
    }
    return list;
  }

  SandboxPtr make(const std::string& name, std::initializer_list<std::string> texts) {
    auto made = bench_.tryMake(name, {}, ports(texts));
    EXPECT_TRUE(made) << made.error().message;
    return made ? *made : nullptr;
  }

  static std::uint16_t hostPort(const SandboxPtr& sandbox, std::size_t which = 0) {
    return sandbox->record.ports.at(which).host;
  }

  // The client's side in a thread, while the loop runs here.
  template <typename Work>
  auto beside(Work work) {
    std::optional<decltype(work())> result;
    net::Event done(bench_.executor());
    std::thread thread([&] {
      result.emplace(work());
      boost::asio::post(bench_.executor(), [&] { done.notifyAll(); });
    });
    auto wait = [&]() -> net::Task<void> { co_await done.wait(); };
    bench_.wait(wait());
    thread.join();
    return *std::move(result);
  }

  // Lets the daemon do what it has to do, until that is so.
  template <typename Condition>
  bool eventually(Condition condition) {
    auto look = [&]() -> net::Task<bool> {
      for (int i = 0; i < 20'000 && !condition(); ++i) {
        co_await net::sleepFor(std::chrono::milliseconds(1));
      }
      co_return condition();
    };
    return bench_.wait(look());
  }

  testing::Bench bench_;
};

TEST_F(PortsTest, BytesAndEndsAreCarriedBothWays) {
  const Server server(SOCK_STREAM);
  const SandboxPtr box = make("box", {cat(server.port())});
  const std::string much(std::size_t{3} << 20U, 'm');
  const auto got = beside([&] {
    const sys::OwnedFd client = dial(hostPort(box));
    const sys::OwnedFd peer = server.accept();
    std::thread sender([&] {
      forward::testing::send(client, much);
      ::shutdown(client.get(), SHUT_WR);
    });
    const Read there = readAll(peer);
    sender.join();
    forward::testing::send(peer, "answer after the end");
    ::shutdown(peer.get(), SHUT_WR);
    const Read back = readAll(client);
    return std::pair(there, back);
  });
  EXPECT_EQ(got.first.text, much);
  EXPECT_EQ(got.first.error, 0);
  EXPECT_EQ(got.second.text, "answer after the end");
  EXPECT_EQ(got.second.error, 0);
  EXPECT_TRUE(eventually([&] { return box->ports->connections() == 0; }));
}

TEST_F(PortsTest, ABrokenConnectionIsBrokenOnTheOtherSide) {
  const Server server(SOCK_STREAM);
  const SandboxPtr box = make("box", {cat(server.port())});
  const linger now{1, 0};
  const auto errors = beside([&] {
    sys::OwnedFd client = dial(hostPort(box));
    sys::OwnedFd peer = server.accept();
    ::setsockopt(client.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    client.reset();
    const int by_client = readAll(peer).error;
    client = dial(hostPort(box));
    peer = server.accept();
    ::setsockopt(peer.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    peer.reset();
    return std::pair(by_client, readAll(client).error);
  });
  EXPECT_EQ(errors.first, ECONNRESET);
  EXPECT_EQ(errors.second, ECONNRESET);
  EXPECT_TRUE(eventually([&] { return box->ports->connections() == 0; }));
}

TEST_F(PortsTest, WhereNobodyListensTheClientIsReset) {
  Server server(SOCK_STREAM);
  server.close();
  const SandboxPtr box = make("box", {cat(server.port())});
  EXPECT_EQ(beside([&] { return readAll(dial(hostPort(box))).error; }), ECONNRESET);
}

TEST_F(PortsTest, AClientThatIsGoneAltogetherBreaksItsConnection) {
  const Server server(SOCK_STREAM);
  const SandboxPtr box = make("box", {cat(server.port())});
  const auto error = beside([&] {
    sys::OwnedFd client = dial(hostPort(box));
    const sys::OwnedFd peer = server.accept();
    client.reset();  // in order; that it is not half-closed shows with the first answer
    EXPECT_EQ(readAll(peer).error, 0);
    while (forward::testing::send(peer, "answer")) {
    }
    return errno;
  });
  EXPECT_TRUE(error == ECONNRESET || error == EPIPE) << error;
  EXPECT_TRUE(eventually([&] { return box->ports->connections() == 0; }));
}

TEST_F(PortsTest, DatagramsKeepBoundariesAndFindTheirClient) {
  const Server server(SOCK_DGRAM);
  const SandboxPtr box = make("box", {cat(server.port(), "/udp")});
  const auto echo = [&] {
    std::string buffer(65'536, '\0');
    sockaddr_in from{};
    socklen_t size = sizeof from;
    auto* where = reinterpret_cast<sockaddr*>(&from);
    const int fd = server.socket().get();
    const ssize_t got = forward::testing::await(fd)
                            ? ::recvfrom(fd, buffer.data(), buffer.size(), 0, where, &size)
                            : 0;
    ::sendto(fd, buffer.data(), static_cast<std::size_t>(got), 0, where, size);
  };
  const auto got = beside([&] {
    const sys::OwnedFd one = dial(hostPort(box), SOCK_DGRAM);
    const sys::OwnedFd two = dial(hostPort(box), SOCK_DGRAM);
    std::vector<std::string> all;
    for (const std::string& text : {std::string("small"), std::string(60'000, 'x')}) {
      forward::testing::send(one, text);
      echo();
      forward::testing::send(two, text + "2");
      echo();
      all.push_back(readSome(two).text);
      all.push_back(readSome(one).text);
    }
    return all;
  });
  EXPECT_EQ(got, (std::vector<std::string>{"small2", "small", std::string(60'000, 'x') + "2",
                                           std::string(60'000, 'x')}));
  EXPECT_EQ(box->ports->connections(), 2U);
}

TEST_F(PortsTest, ConnectionsBeyondTheLimitWaitAndOfDatagramsTheIdleMakeRoom) {
  rlimit files{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &files), 0);
  if (files.rlim_max < 4096) {
    GTEST_SKIP() << "at most " << files.rlim_max << " descriptors here";
  }
  files.rlim_cur = files.rlim_max;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &files), 0);
  const Server server(SOCK_STREAM);
  const Server datagrams(SOCK_DGRAM);
  const SandboxPtr box = make("box", {cat(server.port()), cat(datagrams.port(), "/udp")});
  std::vector<sys::OwnedFd> clients = beside([&] {
    std::vector<sys::OwnedFd> all;
    for (std::size_t i = 0; i < forward::kMaxOfSandbox + 10; ++i) {
      all.push_back(dial(hostPort(box)));
    }
    return all;
  });
  ASSERT_TRUE(clients.back().valid()) << "waits in the backlog";
  ASSERT_TRUE(eventually([&] { return box->ports->connections() == forward::kMaxOfSandbox; }));
  EXPECT_TRUE(bench_.wait(box->agent->ping())) << "others are not held up";
  // Room for ten more as ten of the first go; those are served too.
  clients.erase(clients.begin(), clients.begin() + 10);
  const auto served = beside([&] {
    std::vector<sys::OwnedFd> peers;
    for (std::size_t i = 0; i < forward::kMaxOfSandbox + 10; ++i) {
      peers.push_back(server.accept());
      forward::testing::send(peers.back(), "hello");
    }
    return readSome(clients.back()).text;
  });
  EXPECT_EQ(served, "hello");
  clients.clear();
  ASSERT_TRUE(eventually([&] { return box->ports->connections() == 0; }));
  // One socket for each datagram: as many clients.
  const auto reached = beside([&] {
    std::vector<sys::OwnedFd> senders;
    std::set<std::string> came;
    for (std::size_t i = 0; i < forward::kMaxOfSandbox + 20; ++i) {
      senders.push_back(dial(hostPort(box, 1), SOCK_DGRAM));
      const std::string text = cat("from ", i);
      while (!came.contains(text)) {  // the one that finds no room is lost, as datagrams may be
        forward::testing::send(senders.back(), text);
        if (pollfd slot{datagrams.socket().get(), POLLIN, 0}; ::poll(&slot, 1, 50) == 1) {
          came.insert(readSome(datagrams.socket()).text);
        }
      }
    }
    return came.size();
  });
  EXPECT_EQ(reached, forward::kMaxOfSandbox + 20);
  EXPECT_LE(box->ports->connections(), forward::kMaxOfSandbox);
}

// What one client does not read is nobody else's trouble, and bounded by windows.
TEST_F(PortsTest, AClientThatNeverReadsHoldsUpNobody) {
  const Server server(SOCK_STREAM);
  const SandboxPtr box = make("box", {cat(server.port())});
  const auto text = beside([&] {
    const sys::OwnedFd lazy = dial(hostPort(box));
    const sys::OwnedFd flooding = server.accept();
    const std::string chunk(1 << 20, 'f');
    std::size_t sent = 0;
    // Until nothing has moved for a while: all buffers are full.
    for (pollfd slot{flooding.get(), POLLOUT, 0}; ::poll(&slot, 1, 300) == 1;) {
      const ssize_t size =
          ::send(flooding.get(), chunk.data(), chunk.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      sent += size > 0 ? static_cast<std::size_t>(size) : 0;
    }
    EXPECT_LT(sent, std::size_t{64} << 20U);
    const sys::OwnedFd client = dial(hostPort(box));
    const sys::OwnedFd peer = server.accept();
    forward::testing::send(peer, "quick");
    return readSome(client).text;
  });
  EXPECT_EQ(text, "quick");
  EXPECT_TRUE(bench_.wait(box->agent->ping()));
}

TEST_F(PortsTest, AConnectionIsAUse) {
  const Server server(SOCK_STREAM);
  const SandboxPtr box = make("box", {cat(server.port())});
  EXPECT_EQ(box->in_use, 0U);
  sys::OwnedFd client = dial(hostPort(box));
  ASSERT_TRUE(eventually([&] { return box->in_use == 1; }));
  client.reset();
  const sys::OwnedFd peer = server.accept();
  ::shutdown(peer.get(), SHUT_WR);
  EXPECT_TRUE(eventually([&] { return box->in_use == 0; }));
}

TEST_F(PortsTest, StopClosesThemAndStartHasTheSameAgain) {
  const Server server(SOCK_STREAM);
  const SandboxPtr box = make("box", {cat(server.port())});
  const std::uint16_t port = hostPort(box);
  sys::OwnedFd client = dial(port);
  ASSERT_TRUE(eventually([&] { return box->in_use == 1; }));
  ASSERT_TRUE(bench_.wait(bench_.lifecycle().stop(box, "test")));
  EXPECT_FALSE(dial(port).valid()) << "closed when stop returns";
  EXPECT_EQ(beside([&] { return readAll(client).error; }), ECONNRESET);
  ASSERT_TRUE(bench_.wait(bench_.lifecycle().restart(box)));
  EXPECT_EQ(hostPort(box), port);
  client = dial(port);
  EXPECT_TRUE(client.valid());
  ASSERT_TRUE(bench_.wait(bench_.lifecycle().remove(box)));
  EXPECT_FALSE(dial(port).valid());
}

TEST_F(PortsTest, ATakenPortMakesStartFailUnlessAnotherWasFineToo) {
  const SandboxPtr chosen = make("chosen", {"80"});
  const std::uint16_t port = hostPort(chosen);
  ASSERT_TRUE(bench_.wait(bench_.lifecycle().stop(chosen, "test")));
  const SandboxPtr explicitly = make("explicitly", {cat(port, ":80")});
  ASSERT_TRUE(bench_.wait(bench_.lifecycle().restart(chosen)));
  EXPECT_NE(hostPort(chosen), port);

  const auto refused = bench_.tryMake("third", {}, ports({"81", cat(port, ":80")}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::Conflict);
  EXPECT_THAT(refused.error().message, HasSubstr("by sandbox 'explicitly'"));
  EXPECT_THAT(refused.error().remedy, HasSubstr("agentkernel stop explicitly"));
  EXPECT_EQ(bench_.find("third"), nullptr) << "nothing is left";

  ASSERT_TRUE(bench_.wait(bench_.lifecycle().stop(explicitly, "test")));
  const Server thief(SOCK_STREAM, port);
  const Status started = bench_.wait(bench_.lifecycle().restart(explicitly));
  EXPECT_EQ(started.error().code, ErrorCode::Conflict);
  EXPECT_EQ(explicitly->status, model::SandboxStatus::Stopped);
}

TEST_F(PortsTest, AnotherDaemonHasThemAgain) {
  const Server server(SOCK_STREAM);
  make("box", {cat(server.port())});
  const std::uint16_t port = hostPort(bench_.find("box"));
  const sys::OwnedFd client = dial(port);
  ASSERT_TRUE(eventually([&] { return bench_.find("box")->in_use == 1; }));
  bench_.restartDaemon(End::Killed);
  EXPECT_EQ(readAll(client).error, ECONNRESET);
  EXPECT_EQ(hostPort(bench_.find("box")), port);
  const auto text = beside([&] {
    (void)server.accept();  // the one of before
    const sys::OwnedFd again = dial(port);
    const sys::OwnedFd peer = server.accept();
    forward::testing::send(peer, "again");
    return readSome(again).text;
  });
  EXPECT_EQ(text, "again");
}

TEST_F(PortsTest, ARunningSandboxWhosePortWasTakenMeanwhileSaysSo) {
  Server free(SOCK_STREAM);
  const std::uint16_t port = free.port();
  free.close();
  make("box", {cat(port, ":80"), "81"});
  const std::uint16_t chosen = hostPort(bench_.find("box"), 1);
  {
    const SandboxPtr box = bench_.find("box");
    bench_.wait(bench_.lifecycle().ports().closeAll());  // as when the daemon is gone
    const Server thief(SOCK_STREAM, port);
    const Server other(SOCK_STREAM, chosen);
    bench_.restartDaemon(End::Killed);
    const SandboxPtr found = bench_.find("box");
    EXPECT_EQ(found->status, model::SandboxStatus::Running);
    ASSERT_EQ(found->port_problems.size(), 1U);
    EXPECT_THAT(found->port_problems[0], HasSubstr("in use"));
    EXPECT_NE(hostPort(found, 1), chosen);
    EXPECT_TRUE(dial(hostPort(found, 1)).valid());
  }
  const SandboxPtr box = bench_.find("box");
  ASSERT_TRUE(bench_.wait(bench_.lifecycle().stop(box, "test")));
  ASSERT_TRUE(bench_.wait(bench_.lifecycle().restart(box)));
  EXPECT_TRUE(box->port_problems.empty());
  EXPECT_TRUE(dial(port).valid());
}

TEST_F(PortsTest, AForkHasPortsOfItsOwn) {
  Server free(SOCK_STREAM);
  const std::uint16_t port = free.port();
  free.close();
  const SandboxPtr box = make("box", {cat("0.0.0.0:", port, ":80")});
  ASSERT_TRUE(bench_.wait(bench_.lifecycle().stop(box, "test")));
  ASSERT_TRUE(bench_.wait(bench_.snapshots().makeFork("box", "child")));
  const SandboxPtr child = bench_.find("child");
  EXPECT_EQ(child->record.ports, ports({"80"}));
  ASSERT_TRUE(bench_.wait(bench_.lifecycle().restart(box)));
  ASSERT_TRUE(bench_.wait(bench_.lifecycle().restart(child)));
  EXPECT_NE(hostPort(child), port);
  EXPECT_TRUE(dial(hostPort(child)).valid());
}

}  // namespace
}  // namespace ak::manager
