#include "forward/host_port.h"

#include <unistd.h>

#include <gtest/gtest.h>

#include "base/text.h"
#include "forward/testing/sockets.h"

namespace ak::forward {
namespace {

model::PortMapping mapping(std::string_view text) {
  return model::parsePortMapping(text).value();
}

TEST(HostPortTest, AChosenPortIsOnTheLoopbackOnly) {
  const auto bound = bindPort(mapping("80"));
  ASSERT_TRUE(bound) << bound.error().message;
  EXPECT_NE(bound->mapping.host, 0);
  sockaddr_in address{};
  socklen_t size = sizeof address;
  ASSERT_EQ(::getsockname(bound->socket.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  EXPECT_EQ(ntohl(address.sin_addr.s_addr), INADDR_LOOPBACK);
  EXPECT_TRUE(testing::dial(bound->mapping.host).valid());
}

TEST(HostPortTest, AChosenPortIsHadAgainIfItIsFreeElseAnother) {
  auto first = bindPort(mapping("80"));
  ASSERT_TRUE(first);
  const model::PortMapping before = first->mapping;
  first->socket.reset();
  const auto again = bindPort(before);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->mapping, before);
  const auto other = bindPort(before);
  ASSERT_TRUE(other);
  EXPECT_NE(other->mapping.host, before.host);
}

TEST(HostPortTest, APortThatSomebodyHasIsAConflictThatNamesIt) {
  for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
    const testing::Server other(type);
    const auto bound =
        bindPort(mapping(cat(other.port(), ":80", type == SOCK_DGRAM ? "/udp" : "")));
    ASSERT_FALSE(bound);
    EXPECT_EQ(bound.error().code, ErrorCode::Conflict);
    EXPECT_TRUE(bound.error().message.contains(std::to_string(other.port())));
    EXPECT_TRUE(bound.error().remedy.contains("ss -")) << bound.error().remedy;
  }
}

TEST(HostPortTest, AnAddressOfAnotherMachineIsRefused) {
  const auto bound = bindPort(mapping("192.0.2.1:8080:80"));  // TEST-NET-1, RFC 5737
  ASSERT_FALSE(bound);
  EXPECT_EQ(bound.error().code, ErrorCode::InvalidArgument);
}

TEST(HostPortTest, AllAreHadOrNone) {
  const testing::Server other(SOCK_STREAM);
  auto free = bindPort(mapping("80"));
  ASSERT_TRUE(free);
  const std::uint16_t port = free->mapping.host;
  free->socket.reset();
  EXPECT_FALSE(bindPorts({mapping(cat(port, ":80")), mapping(cat(other.port(), ":81"))}));
  EXPECT_FALSE(testing::dial(port).valid()) << "given back";
}

TEST(HostPortTest, TheSixthVersionsWildcardTakesNothingOfTheFourth) {
  const auto six = bindPort(mapping("[::1]::80"));
  if (!six) {
    GTEST_SKIP() << six.error().message;
  }
  EXPECT_TRUE(bindPort(mapping(cat(six->mapping.host, ":80"))));
}

TEST(HostPortTest, APortForRootIsRefusedWithAnother) {
  const uid_t self = ::geteuid();
  if (self == 0 && ::seteuid(61'234) != 0) {
    GTEST_SKIP() << "cannot become an ordinary user";
  }
  const auto bound = bindPort(mapping("80:80"));
  if (self == 0) {
    ASSERT_EQ(::seteuid(0), 0);
  }
  ASSERT_FALSE(bound);
  EXPECT_EQ(bound.error().code, ErrorCode::PermissionDenied);
  EXPECT_TRUE(bound.error().remedy.contains("8080:80")) << bound.error().remedy;
}

}  // namespace
}  // namespace ak::forward
