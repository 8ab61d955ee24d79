#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "env/host_environment.h"
#include "env/paths.h"

namespace ak::env {
namespace {

using Variables = std::map<std::string, std::string>;

Environment with(Variables variables) {
  return [variables = std::move(variables)](const char* name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
}

UserIdentity user(unsigned uid, std::string owned = {}) {
  return {uid, [] { return std::string("/home/passwd"); },
          [owned = std::move(owned)](const std::string& path) { return path == owned; }};
}

TEST(PathsTest, XdgVariablesAreHonoured) {
  const auto paths = findPaths(with({{"HOME", "/home/a"},
                                     {"XDG_DATA_HOME", "/d"},
                                     {"XDG_CONFIG_HOME", "/c/"},
                                     {"XDG_RUNTIME_DIR", "/r"}}),
                               user(1000));
  ASSERT_TRUE(paths);
  EXPECT_EQ(paths->state, "/d/agentkernel");
  EXPECT_EQ(paths->runtime, "/r/agentkernel");
  EXPECT_EQ(paths->daemonSocket(), "/r/agentkernel/daemon.sock");
  EXPECT_EQ(paths->user_config, "/c/agentkernel/config.toml");
  EXPECT_EQ(paths->trust_file, "/c/agentkernel/trust.toml");
}

TEST(PathsTest, DefaultsAreBelowHome) {
  const auto paths = findPaths(with({{"HOME", "/home/a"}}), user(1000));
  ASSERT_TRUE(paths);
  EXPECT_EQ(paths->state, "/home/a/.local/share/agentkernel");
  EXPECT_EQ(paths->runtime, "/home/a/.local/share/agentkernel/run");
  EXPECT_EQ(paths->user_config, "/home/a/.config/agentkernel/config.toml");
}

TEST(PathsTest, RelativeAndEmptyXdgVariablesAreIgnored) {
  const auto paths = findPaths(
      with({{"HOME", "/h"}, {"XDG_DATA_HOME", "data"}, {"XDG_RUNTIME_DIR", ""}}), user(0));
  ASSERT_TRUE(paths);
  EXPECT_EQ(paths->state, "/h/.local/share/agentkernel");
  EXPECT_EQ(paths->runtime, "/run/agentkernel");
}

TEST(PathsTest, RunUserIsUsedOnlyWhenItIsOurs) {
  EXPECT_EQ(findPaths(with({{"HOME", "/h"}}), user(7, "/run/user/7"))->runtime,
            "/run/user/7/agentkernel");
  EXPECT_EQ(findPaths(with({{"HOME", "/h"}}), user(7, "/run/user/8"))->runtime,
            "/h/.local/share/agentkernel/run");
}

TEST(PathsTest, MissingOrRelativeHomeComesFromThePasswordDatabase) {
  EXPECT_EQ(findPaths(with({}), user(7))->home, "/home/passwd");
  EXPECT_EQ(findPaths(with({{"HOME", "here"}}), user(7))->home, "/home/passwd");
}

TEST(PathsTest, PasswordDatabaseIsNotAskedWhenHomeIsSet) {
  const auto paths = findPaths(with({{"HOME", "/h"}}), {7,
                                                        [] {
                                                          ADD_FAILURE();
                                                          return std::string();
                                                        },
                                                        [](const std::string&) { return false; }});
  EXPECT_TRUE(paths);
}

TEST(PathsTest, UnknownUserWithoutHomeIsAnError) {
  const UserIdentity nobody{7, [] { return std::string(); },
                            [](const std::string&) { return false; }};
  EXPECT_EQ(findPaths(with({}), nobody).error().code, ErrorCode::InvalidArgument);
}

TEST(PathsTest, OwnVariablesMustBeAbsolute) {
  for (const char* name : {"AGENTKERNEL_STATE_DIR", "AGENTKERNEL_CONFIG"}) {
    const auto paths = findPaths(with({{"HOME", "/h"}, {name, "rel"}}), user(7));
    ASSERT_FALSE(paths) << name;
    EXPECT_THAT(paths.error().message, testing::HasSubstr(name));
    EXPECT_FALSE(paths.error().remedy.empty());
  }
}

TEST(PathsTest, EverySocketPathFits) {
  const std::string deep = "/" + std::string(200, 'x');
  for (const Variables& variables :
       {Variables{{"HOME", deep}}, Variables{{"HOME", "/h"}, {"XDG_RUNTIME_DIR", deep}},
        Variables{{"HOME", "/h"}, {"AGENTKERNEL_STATE_DIR", deep}}}) {
    const auto paths = findPaths(with(variables), user(4294967294U));
    ASSERT_TRUE(paths);
    EXPECT_LE(paths->daemonSocket().size(), kMaxSocketPath);
  }
}

TEST(PathsTest, ThisProcessHasPaths) {
  EXPECT_TRUE(findPaths());
}

TEST(HostEnvironmentTest, OnlyTheSixVariablesPass) {
  EXPECT_THAT(
      passedEnvironment(with(
          {{"PATH", "/bin"}, {"USER", "a"}, {"AWS_SECRET_ACCESS_KEY", "s"}, {"LD_PRELOAD", "x"}})),
      testing::ElementsAre("PATH=/bin", "USER=a"));
}

TEST(HostEnvironmentTest, ControlBytesAndHugeValuesDoNotPass) {
  EXPECT_THAT(passedEnvironment(with({{"LANG", "C\n"}, {"PATH", std::string(5000, 'a')}})),
              testing::IsEmpty());
}

TEST(HostEnvironmentTest, OddTerminalNamesBecomeTheDefault) {
  EXPECT_EQ(terminalType(with({{"TERM", "screen.xterm-256color"}})), "screen.xterm-256color");
  for (const char* odd : {"", "../../etc/passwd", ".hidden", "a\x1b[0m"}) {
    EXPECT_EQ(terminalType(with({{"TERM", odd}})), "xterm-256color");
  }
  EXPECT_EQ(terminalType(with({})), "xterm-256color");
}

}  // namespace
}  // namespace ak::env
