#include "guest/user_lookup.h"

#include <gtest/gtest.h>

namespace ak::guest {
namespace {

constexpr std::string_view kPasswd =
    "root:x:0:0:root:/root:/bin/sh\n"
    "broken line\n"
    "bad:x:abc:1::/x:\n"
    "all:x:4294967295:4294967295::/x:\n"
    "app:x:1000:1001:,,,:/home/app:/bin/sh\n"
    "2000:x:7:7::/digits:\n";
constexpr std::string_view kGroup =
    "root:x:0:\nstaff:x:50:app,root\nvideo:x:44:app\nbad:x:-1:app\n";

Result<GuestUser> look(std::string_view spec) {
  return lookUpUserIn(spec, kPasswd, kGroup);
}

TEST(UserLookupTest, NamesBringGroupAndHome) {
  const auto user = look("app");
  ASSERT_TRUE(user);
  EXPECT_EQ(user->uid, 1000U);
  EXPECT_EQ(user->gid, 1001U);
  EXPECT_EQ(user->groups, (std::vector<gid_t>{50, 44}));
  EXPECT_EQ(user->home, "/home/app");
}

TEST(UserLookupTest, NumbersUseTheirEntryIfThereIsOne) {
  EXPECT_EQ(look("1000")->gid, 1001U);
  EXPECT_EQ(look("1234")->uid, 1234U);
  EXPECT_EQ(look("1234")->gid, 0U);
  EXPECT_EQ(look("2000")->uid, 7U);  // a name of digits
}

TEST(UserLookupTest, AnExplicitGroupStandsAlone) {
  EXPECT_EQ(look("app:staff")->gid, 50U);
  EXPECT_TRUE(look("app:staff")->groups.empty());
  EXPECT_EQ(look("5:6")->gid, 6U);
}

// (uid_t)-1 tells setresuid to change nothing: the command would keep the agent's own id.
TEST(UserLookupTest, NoIdIsNeverMinusOne) {
  EXPECT_FALSE(look("4294967295"));
  EXPECT_FALSE(look("all"));
  EXPECT_FALSE(look("1:4294967295"));
}

TEST(UserLookupTest, WhatDoesNotExistIsAnInvalidArgument) {
  for (const std::string_view spec : {"", "nobody", "bad", "-1", "app:none", ":", "app:", "1 "}) {
    const auto user = look(spec);
    ASSERT_FALSE(user) << spec;
    EXPECT_EQ(user.error().code, ErrorCode::InvalidArgument);
  }
}

}  // namespace
}  // namespace ak::guest
