#include "launch/network.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace ak::launch {
namespace {

std::vector<os::Address> closed(const char* text) {
  return {*os::parseAddress(text)};
}

TEST(NetworkTest, ReachableResolversOfTheHostAreTheBoxs) {
  EXPECT_EQ(resolverFor(
                "# comment\nsearch example.org\nnameserver\t192.0.2.53\nnameserver 9.9.9.9\n", {}),
            "nameserver 192.0.2.53\nnameserver 9.9.9.9\n");
}

TEST(NetworkTest, ResolversThatABoxCannotReachAreForwarded) {
  const std::string forwarded = "nameserver 169.254.1.1\n";
  EXPECT_EQ(resolverFor("nameserver 127.0.0.53\n", {}), forwarded);
  EXPECT_EQ(resolverFor("nameserver ::1\nnameserver fe80::1%eth0\n", {}), forwarded);
  EXPECT_EQ(resolverFor("nameserver 10.0.0.7\n", closed("10.0.0.7")), forwarded);
  EXPECT_EQ(resolverFor("nameserver 169.254.169.254\n", planNetwork()->closed), forwarded);
  EXPECT_EQ(resolverFor("", {}), forwarded);
}

TEST(NetworkTest, HostileResolverLinesAreDropped) {
  EXPECT_EQ(resolverFor("nameserver 1.2.3.4;options\nnameserver\nnameserver localhost\n"
                        "nameserver 1.1.1.1\nnameserver 2.2.2.2\nnameserver 3.3.3.3\n"
                        "nameserver 4.4.4.4\n",
                        {}),
            "nameserver 1.1.1.1\nnameserver 2.2.2.2\nnameserver 3.3.3.3\n");
}

TEST(NetworkTest, TheHostsOwnAddressesAndMetadataServicesAreClosed) {
  const auto plan = planNetwork();
  ASSERT_TRUE(plan);
  for (const char* text :
       {"169.254.169.254", "fd00:ec2::254", "169.254.170.2", "168.63.129.16", "100.100.100.200"}) {
    EXPECT_NE(std::ranges::find(plan->closed, *os::parseAddress(text)), plan->closed.end()) << text;
  }
  EXPECT_EQ(std::ranges::find(plan->closed, *os::parseAddress("127.0.0.1")), plan->closed.end());
}

}  // namespace
}  // namespace ak::launch
