#include "model/permissions.h"

#include <gtest/gtest.h>

namespace ak::model {
namespace {

TEST(PermissionsTest, EveryWordParsesBackToItsValue) {
  for (const Profile value :
       {Profile::Permissive, Profile::Moderate, Profile::Restrictive, Profile::Custom}) {
    EXPECT_EQ(*parseProfile(name(value)), value);
  }
  for (const NetworkMode value : {NetworkMode::None, NetworkMode::Proxy, NetworkMode::Full}) {
    EXPECT_EQ(*parseNetworkMode(name(value)), value);
  }
  for (const WorkspaceMode value : {WorkspaceMode::None, WorkspaceMode::Cow,
                                    WorkspaceMode::ReadWrite, WorkspaceMode::ReadOnly}) {
    EXPECT_EQ(*parseWorkspaceMode(name(value)), value);
  }
  for (const SeccompSet value :
       {SeccompSet::Default, SeccompSet::Moderate, SeccompSet::Restrictive, SeccompSet::AiAgent}) {
    EXPECT_EQ(*parseSeccompSet(name(value)), value);
  }
}

TEST(PermissionsTest, AnUnknownWordNamesTheNearestAndTheAccepted) {
  const auto parsed = parseProfile("moderat");
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().code, ErrorCode::InvalidArgument);
  EXPECT_NE(parsed.error().remedy.find("'moderate'"), std::string::npos);
  EXPECT_NE(parseProfile("\x1b[2J").error().message.find("\\x1b"), std::string::npos);
  EXPECT_NE(parseNetworkMode("").error().remedy.find("none, full"), std::string::npos);
  EXPECT_EQ(parseNetworkMode("prox").error().remedy.find("'proxy'"), std::string::npos);
}

}  // namespace
}  // namespace ak::model
