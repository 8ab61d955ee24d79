#include "model/sandbox.h"

#include <cstring>

#include <gtest/gtest.h>

namespace ak::model {
namespace {

class FilledRandom final : public Random {
 public:
  explicit FilledRandom(unsigned char byte) : byte_(byte) {}

  void fill(std::span<unsigned char> out) override { std::memset(out.data(), byte_, out.size()); }

 private:
  unsigned char byte_;
};

TEST(SandboxNameTest, AcceptsWhatUpstreamAccepts) {
  for (const std::string& good :
       std::vector<std::string>{"a", "9", "web-1", "a_b", "A-b_c", std::string(63, 'x'), "1a2"}) {
    EXPECT_TRUE(validateSandboxName(good)) << good;
  }
}

TEST(SandboxNameTest, RefusesEverythingElse) {
  for (const std::string& bad : std::vector<std::string>{
           "", "-a", "a-", "_a", "a_", "a--b", "a__b", "a-_b", "a/b", "..", "a.b", "a b", "\u00fc",
           std::string("a\0b", 3), std::string(64, 'x')}) {
    const auto status = validateSandboxName(bad);
    ASSERT_FALSE(status) << bad;
    EXPECT_EQ(status.error().code, ErrorCode::InvalidArgument);
    EXPECT_FALSE(status.error().remedy.empty());
  }
}

TEST(EnvironmentTest, KeysAreShellNamesAndValuesAreFree) {
  EXPECT_TRUE(validateEnvironment({"A=", "_B=x=y", "C1=a b\n"}));
  for (const char* bad : {"A", "=x", "1A=x", "A-B=x", "A B=x", ""}) {
    EXPECT_FALSE(validateEnvironment({bad})) << bad;
  }
  EXPECT_FALSE(validateEnvironment({std::string("A=\0", 3)}));
  EXPECT_FALSE(validateEnvironment(std::vector<std::string>(1025, "A=1")));
}

TEST(EnvironmentTest, TheShellsExportIsNamedAsWhatIsTooMuch) {
  const Status exported = validateEnvironment({"export A=1"});
  ASSERT_FALSE(exported);
  EXPECT_TRUE(exported.error().remedy.contains("'export'"));
}

TEST(EnvironmentTest, AnErrorNeverShowsTheValue) {
  const auto status = validateEnvironment({"BAD-KEY=s3cret"});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message.find("s3cret"), std::string::npos);
}

TEST(WorkdirTest, IsAbsoluteAndStaysPut) {
  EXPECT_TRUE(validateWorkdir("/"));
  EXPECT_TRUE(validateWorkdir("/a/..b/c."));
  for (const std::string& bad :
       std::vector<std::string>{"", "a", "/a/../b", "/..", "/a\n", std::string("/a\0", 3),
                                "/" + std::string(1024, 'a')}) {
    EXPECT_FALSE(validateWorkdir(bad)) << bad;
  }
}

TEST(CommandTest, FitsWhatExecveCanCarry) {
  EXPECT_TRUE(validateCommand({"ls", "", "-l"}));
  EXPECT_FALSE(validateCommand({}));
  EXPECT_FALSE(validateCommand({""}));
  EXPECT_FALSE(validateCommand({"ls", std::string("a\0b", 3)}));
  EXPECT_FALSE(validateCommand(std::vector<std::string>(1025, "x")));
  EXPECT_FALSE(validateCommand({"x", std::string(128 * 1024, 'x')}));
  EXPECT_FALSE(validateCommand(std::vector<std::string>(9, std::string(127 * 1024, 'x'))));
}

TEST(CommandTest, AWholeLineInOneWordHasItsRemedy) {
  EXPECT_TRUE(remedyForOneWord({"ls -la"}).contains("sh -c"));
  EXPECT_EQ(remedyForOneWord({"ls"}), "");
  EXPECT_EQ(remedyForOneWord({"my program", "-v"}), "");
}

TEST(UuidTest, HasTimeVersionAndVariant) {
  FilledRandom ones(0xff);
  const WallTime now{std::chrono::milliseconds(0x0123456789abLL)};
  EXPECT_EQ(makeUuid(now, ones), "01234567-89ab-7fff-bfff-ffffffffffff");
  FilledRandom zeros(0);
  EXPECT_EQ(makeUuid(now, zeros), "01234567-89ab-7000-8000-000000000000");
  EXPECT_LT(makeUuid(now, ones), makeUuid(now + std::chrono::milliseconds(1), zeros));
}

}  // namespace
}  // namespace ak::model
