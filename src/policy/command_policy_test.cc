#include "policy/command_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ak::policy {
namespace {

ErrorCode codeOf(const Status& status) {
  return status ? ErrorCode::Internal : status.error().code;
}

Status check(std::vector<CommandPolicy> policies, std::vector<std::string> argv) {
  return checkCommand(policies, argv);
}

TEST(CommandPolicyTest, NothingSetAllowsEverything) {
  EXPECT_TRUE(check({}, {"curl"}));
  EXPECT_TRUE(check({{}}, {"/usr/bin/curl", "x"}));
}

TEST(CommandPolicyTest, BlockMatchesTheBaseNameOfArgvZeroOnly) {
  const CommandPolicy policy{{}, {"curl"}, false, "c:1"};
  EXPECT_EQ(codeOf(check({policy}, {"curl"})), ErrorCode::PolicyDenied);
  EXPECT_EQ(codeOf(check({policy}, {"/opt/x/../curl"})), ErrorCode::PolicyDenied);
  EXPECT_TRUE(check({policy}, {"curl2"}));
  EXPECT_TRUE(check({policy}, {"sh", "-c", "curl"}));
}

TEST(CommandPolicyTest, BlockWinsOverAllow) {
  EXPECT_FALSE(check({{{"rm"}, {"rm"}, true, "c:1"}}, {"rm"}));
}

TEST(CommandPolicyTest, AllowlistOnlyDeniesAllOthers) {
  const CommandPolicy policy{{"ls", "cat"}, {}, true, "c:1"};
  EXPECT_TRUE(check({policy}, {"/bin/ls"}));
  const Status denied = check({policy}, {"python3"});
  ASSERT_FALSE(denied);
  EXPECT_EQ(denied.error().message,
            "command 'python3' is not in the allow-list of [security.commands] (c:1)");
  EXPECT_EQ(denied.error().remedy, "Allowed are: ls, cat.");
}

TEST(CommandPolicyTest, EmptyAllowlistDeniesEverything) {
  EXPECT_EQ(codeOf(check({{{}, {}, true, "c:1"}}, {"true"})), ErrorCode::PolicyDenied);
}

TEST(CommandPolicyTest, EveryPolicyMustAgree) {
  const CommandPolicy user{{"ls", "cat"}, {}, true, "user"};
  const CommandPolicy project{{"python3", "ls"}, {}, true, "project"};
  EXPECT_TRUE(check({user, project}, {"ls"}));
  EXPECT_FALSE(check({user, project}, {"python3"}));
  EXPECT_FALSE(check({user, project}, {"cat"}));
}

TEST(CommandPolicyTest, CommandsWithoutANameAreInvalid) {
  EXPECT_EQ(codeOf(check({}, {})), ErrorCode::InvalidArgument);
  EXPECT_EQ(codeOf(check({}, {""})), ErrorCode::InvalidArgument);
  EXPECT_EQ(codeOf(check({}, {"bin/"})), ErrorCode::InvalidArgument);
}

TEST(CommandPolicyTest, DeniedNamesCannotDriveTheTerminal) {
  const Status denied = check({{{}, {}, true, "c:1"}}, {"a\x1b[2J"});
  EXPECT_THAT(denied.error().message, testing::Not(testing::HasSubstr("\x1b")));
}

TEST(CommandPolicyTest, AttachIsRefusedWhereAnAllowListIsSet) {
  const auto attach = [](const CommandPolicy& policy) {
    return checkAttach(std::vector<CommandPolicy>{policy});
  };
  EXPECT_TRUE(attach({}));
  EXPECT_TRUE(attach({{}, {"curl"}, false, ""}));
  EXPECT_EQ(codeOf(attach({{}, {}, true, ""})), ErrorCode::PolicyDenied);
  EXPECT_EQ(codeOf(attach({{"ls"}, {}, false, ""})), ErrorCode::PolicyDenied);
}

}  // namespace
}  // namespace ak::policy
