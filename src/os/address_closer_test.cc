// Two network namespaces of a real kernel, in a child process: nothing is left of them.
#include "os/address_closer.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <functional>
#include <iostream>
#include <iterator>

#include <gtest/gtest.h>

#include "base/text.h"
#include "os/child_safe.h"
#include "sys/file.h"
#include "sys/owned_fd.h"

namespace ak::os {
namespace {

constexpr int kNoNamespaces = 77;
constexpr std::size_t kRoom = 300;

// In the namespace of this thread, on loopback.
void addAddress(const std::string& text) {
  const sys::OwnedFd socket(openRouteSocket(0));

  struct {
    nlmsghdr header;
    ifaddrmsg address;
    rtattr attribute;
    std::uint8_t bytes[16];
  } request{};

  const Address address = *parseAddress(text.c_str());
  const std::size_t size = address.family == AF_INET ? 4 : 16;
  request.header.nlmsg_len = static_cast<std::uint32_t>(sizeof request - 16 + size);
  request.header.nlmsg_type = RTM_NEWADDR;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE;
  request.address.ifa_family = address.family;
  request.address.ifa_prefixlen = static_cast<std::uint8_t>(size * 8);
  request.address.ifa_index = ::if_nametoindex("lo");
  request.attribute.rta_type = IFA_LOCAL;
  request.attribute.rta_len = static_cast<std::uint16_t>(RTA_LENGTH(size));
  std::memcpy(request.bytes, address.bytes, size);
  EXPECT_GT(::send(socket.get(), &request, request.header.nlmsg_len, 0), 0);
}

// A route of the main table that leads somewhere: to loopback.
void addRoute(const std::string& text, std::uint8_t bits) {
  const sys::OwnedFd socket(openRouteSocket(0));

  struct {
    nlmsghdr header;
    rtmsg route;
    rtattr destination;
    std::uint8_t bytes[4];
    rtattr out;
    int link;
  } request{};

  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = RTM_NEWROUTE;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE;
  request.route.rtm_family = AF_INET;
  request.route.rtm_dst_len = bits;
  request.route.rtm_table = RT_TABLE_MAIN;
  request.route.rtm_scope = RT_SCOPE_LINK;
  request.route.rtm_type = RTN_UNICAST;
  request.destination.rta_type = RTA_DST;
  request.destination.rta_len = RTA_LENGTH(4);
  std::memcpy(request.bytes, parseAddress(text.c_str())->bytes, 4);
  request.out.rta_type = RTA_OIF;
  request.out.rta_len = RTA_LENGTH(sizeof request.link);
  request.link = static_cast<int>(::if_nametoindex("lo"));
  EXPECT_GT(::send(socket.get(), &request, sizeof request, 0), 0);
}

// EHOSTUNREACH where it is closed, else 0 or what the kernel says: no packet leaves for it.
int route(const std::string& text) {
  const Address address = *parseAddress(text.c_str());
  const sys::OwnedFd socket(::socket(address.family, SOCK_DGRAM, 0));
  sockaddr_in in{.sin_family = AF_INET, .sin_port = htons(9), .sin_addr = {}, .sin_zero = {}};
  sockaddr_in6 in6{};
  in6.sin6_family = AF_INET6;
  in6.sin6_port = htons(9);
  std::memcpy(&in.sin_addr, address.bytes, 4);
  std::memcpy(&in6.sin6_addr, address.bytes, 16);
  const bool four = address.family == AF_INET;
  return ::connect(socket.get(),
                   four ? reinterpret_cast<sockaddr*>(&in) : reinterpret_cast<sockaddr*>(&in6),
                   four ? sizeof in : sizeof in6) == 0
             ? 0
             : errno;
}

// A process that begins in the namespace of the "host", watched, and goes into the "box".
class Namespaces {
 public:
  Namespaces() {
    if ((::geteuid() == 0 ? ::unshare(CLONE_NEWNET) : ::unshare(CLONE_NEWUSER | CLONE_NEWNET)) !=
        0) {
      std::cerr << "no namespaces here: " << std::strerror(errno) << "\n";
      ::_exit(kNoNamespaces);
    }
    EXPECT_EQ(bringLoopbackUp(), 0);
    host_ = *sys::openPath("/proc/thread-self/ns/net", O_RDONLY);
    EXPECT_EQ(::unshare(CLONE_NEWNET), 0);
    EXPECT_EQ(bringLoopbackUp(), 0);
    box_ = *sys::openPath("/proc/thread-self/ns/net", O_RDONLY);
    in(host_, [] { EXPECT_EQ(closer().watch(), 0); });
  }

  static AddressCloser& closer() {
    static Address room[kRoom];
    static AddressCloser closer(room);
    return closer;
  }

  void host(const std::function<void()>& work) const { in(host_, work); }

  void waitAndServe() const {
    pollfd news{closer().fd(), POLLIN, 0};
    EXPECT_EQ(::poll(&news, 1, 10'000), 1);
    EXPECT_EQ(closer().serve(), 0);
  }

 private:
  void in(const sys::OwnedFd& there, const std::function<void()>& work) const {
    EXPECT_EQ(::setns(there.get(), CLONE_NEWNET), 0);
    work();
    EXPECT_EQ(::setns(box_.get(), CLONE_NEWNET), 0);
  }

  sys::OwnedFd host_;
  sys::OwnedFd box_;
};

// In a process of its own: the namespaces go with it.
void inNamespaces(void (*test)(const Namespaces&)) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    {
      const Namespaces namespaces;
      test(namespaces);
    }
    ::_exit(::testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  if (WIFEXITED(status) && WEXITSTATUS(status) == kNoNamespaces) {
    GTEST_SKIP() << "needs network namespaces";
  }
  EXPECT_EQ(status, 0);
}

TEST(AddressCloserTest, WhatIsThereAndWhatComesIsClosed) {
  inNamespaces([](const Namespaces& both) {
    addRoute("0.0.0.0", 0);
    const Address more = *parseAddress("169.254.169.254");
    both.host([] {
      addAddress("10.1.0.1");
      addAddress("fd00:77::1");
    });
    EXPECT_EQ(route("10.1.0.1"), 0);
    EXPECT_EQ(Namespaces::closer().begin(&more, 1), 0);
    EXPECT_EQ(route("10.1.0.1"), EHOSTUNREACH);
    EXPECT_EQ(route("fd00:77::1"), EHOSTUNREACH);
    EXPECT_EQ(route("169.254.169.254"), EHOSTUNREACH);
    EXPECT_EQ(route("10.1.0.2"), 0);
    both.host([] { addAddress("10.1.0.2"); });
    both.waitAndServe();
    EXPECT_EQ(route("10.1.0.2"), EHOSTUNREACH);
    EXPECT_EQ(route("10.1.0.3"), 0);
  });
}

TEST(AddressCloserTest, WhatComesBetweenWatchAndListIsClosed) {
  inNamespaces([](const Namespaces& both) {
    addRoute("0.0.0.0", 0);
    both.host([] { addAddress("10.1.0.1"); });
    EXPECT_EQ(Namespaces::closer().begin(nullptr, 0), 0);
    EXPECT_EQ(route("10.1.0.1"), EHOSTUNREACH);
    both.waitAndServe();  // the news of it are no error
  });
}

TEST(AddressCloserTest, LostNewsAreMadeGoodByAList) {
  inNamespaces([](const Namespaces& both) {
    addRoute("0.0.0.0", 0);
    EXPECT_EQ(Namespaces::closer().begin(nullptr, 0), 0);
    const int least = 1;
    EXPECT_EQ(::setsockopt(Namespaces::closer().fd(), SOL_SOCKET, SO_RCVBUF, &least, sizeof least),
              0);
    both.host([] {
      for (int i = 1; i <= 250; ++i) {
        addAddress(cat("10.1.0.", i));
      }
    });
    pollfd news{Namespaces::closer().fd(), POLLIN, 0};
    EXPECT_EQ(::poll(&news, 1, 0), 1);
    EXPECT_NE(news.revents & POLLERR, 0);  // some were lost
    both.waitAndServe();
    for (int i = 1; i <= 250; ++i) {
      EXPECT_EQ(route(cat("10.1.0.", i)), EHOSTUNREACH) << i;
    }
  });
}

TEST(AddressCloserTest, ARouteThatSomebodyCopiesFromTheHostOpensNothing) {
  inNamespaces([](const Namespaces&) {
    addRoute("0.0.0.0", 0);
    const Address more = *parseAddress("169.254.169.254");
    EXPECT_EQ(Namespaces::closer().begin(&more, 1), 0);
    addRoute("169.254.169.254", 32);
    EXPECT_EQ(route("169.254.169.254"), EHOSTUNREACH);
  });
}

TEST(AddressCloserTest, LoopbackStaysTheBoxsOwn) {
  inNamespaces([](const Namespaces& both) {
    both.host([] { addAddress("127.0.0.53"); });
    EXPECT_EQ(Namespaces::closer().begin(nullptr, 0), 0);
    EXPECT_EQ(route("127.0.0.1"), 0);
    EXPECT_EQ(route("::1"), 0);
  });
}

TEST(AddressCloserTest, MoreAddressesThanItHoldsAreAnError) {
  inNamespaces([](const Namespaces&) {
    Address many[kRoom + 1];
    for (std::size_t i = 0; i < std::size(many); ++i) {
      many[i] = *parseAddress(cat("10.2.", i / 256, ".", i % 256).c_str());
    }
    EXPECT_EQ(Namespaces::closer().begin(many, kRoom + 1), ENOSPC);
  });
}

}  // namespace
}  // namespace ak::os
