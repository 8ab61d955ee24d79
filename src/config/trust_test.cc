#include "config/trust.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ak::config {
namespace {

using testing::HasSubstr;

Status check(std::string_view project, std::string_view user = "", Trusted trusted = Trusted::No) {
  const auto project_config = parseProject("agentkernel.toml", project);
  const auto user_config = parseUser("config.toml", user);
  EXPECT_TRUE(project_config) << project;
  EXPECT_TRUE(user_config) << user;
  return checkProject(*project_config, *user_config, trusted);
}

// The hostile line is denied with its place and the way to grant it, and honoured once trusted.
void expectNeedsTrust(std::string_view project, std::string_view user = "") {
  const Status status = check(project, user);
  ASSERT_FALSE(status) << project;
  EXPECT_EQ(status.error().code, ErrorCode::PermissionDenied);
  EXPECT_THAT(status.error().message, HasSubstr("agentkernel.toml:2:"));
  EXPECT_THAT(status.error().remedy, HasSubstr("agentkernel trust"));
  EXPECT_TRUE(check(project, user, Trusted::Yes)) << project;
}

TEST(HostileProjectTest, CannotBecomePermissive) {
  expectNeedsTrust("[security]\nprofile = 'permissive'");
  expectNeedsTrust("[security]\nprofile = 'permissive'", "[security]\nprofile = 'permissive'");
}

TEST(HostileProjectTest, CannotWeakenTheUsersProfile) {
  expectNeedsTrust("[security]\nprofile = 'moderate'", "[security]\nprofile = 'restrictive'");
  expectNeedsTrust("[security]\nprofile = 'custom'", "[security]\nprofile = 'restrictive'");
}

TEST(HostileProjectTest, CannotOpenTheNetwork) {
  expectNeedsTrust("[security]\nnetwork = 'full'");
  expectNeedsTrust("[security]\nnetwork = 'full'", "[security]\nnetwork = false");
  expectNeedsTrust("[security]\nnetwork = 'proxy'");
  expectNeedsTrust("[security]\nnetwork = 'proxy'", "[security]\nnetwork = 'none'");
}

TEST(HostileProjectTest, CannotMountWritable) {
  expectNeedsTrust("[security]\nmount = 'rw'");
  expectNeedsTrust("[security]\nmount = 'rw'", "[security]\nmount = 'rw'");
}

TEST(HostileProjectTest, CannotMountWhatTheUserKeepsOut) {
  expectNeedsTrust("[security]\nmount = 'ro'", "[security]\nmount = 'none'");
  expectNeedsTrust("[security]\nmount_cwd = true", "[security]\nmount = 'none'");
}

TEST(HostileProjectTest, CannotReadTheEnvironment) {
  expectNeedsTrust("[security]\npass_env = true");
  expectNeedsTrust("[security]\npass_env = true",
                   "[security]\nprofile = 'permissive'\npass_env = false");
}

TEST(HostileProjectTest, CannotWidenTheSystemCalls) {
  expectNeedsTrust("[security]\nseccomp = 'default'");
  expectNeedsTrust("[security]\nseccomp = 'moderate'", "[security]\nseccomp = 'restrictive'");
  expectNeedsTrust("[security]\nseccomp = 'ai-agent'", "[security]\nprofile = 'restrictive'");
}

TEST(HostileProjectTest, CannotMakeAReadOnlyRootWritable) {
  expectNeedsTrust("[security]\nread_only = false", "[security]\nread_only = true");
  expectNeedsTrust("[security]\nread_only = false", "[security]\nprofile = 'restrictive'");
}

TEST(HostileProjectTest, CannotTakeFilesFromOutside) {
  for (const char* source : {"/etc/shadow", "../id_rsa", "a/../../b", "~/.ssh/id_rsa", "~", ".."}) {
    expectNeedsTrust("[[files]]\nsource = '" + std::string(source) + "'\ndest = '/x'");
  }
}

TEST(HostileProjectTest, CannotRaiseOrNameWhatOnlyTheUserMay) {
  for (const char* text :
       {"[limits]\nmemory_mb = 999999", "[pool]\nmax = 1000", "[log]\nlevel = 'error'"}) {
    const auto project = parseProject("agentkernel.toml", text);
    ASSERT_FALSE(project) << text;
    EXPECT_EQ(project.error().code, ErrorCode::PermissionDenied);
  }
}

TEST(HostileProjectTest, CannotNameSecretsHostsOrHostPrograms) {
  for (const char* text :
       {"[secrets]\nGITHUB_TOKEN = 'evil.example'", "[llm_keys]\n'evil.example' = 'KEY'",
        "[security.domains]\nallow = ['evil.example']"}) {
    const auto project = parseProject("agentkernel.toml", text);
    ASSERT_FALSE(project) << text;
    EXPECT_EQ(project.error().code, ErrorCode::Unsupported);
  }
  for (const char* text : {"[[proxy.hooks]]\nname = 'x'", "[build]\ndockerfile = '/etc/passwd'"}) {
    const auto project = parseProject("agentkernel.toml", text);
    ASSERT_TRUE(project) << text;
    EXPECT_EQ(project->warnings.size(), 1U) << text;
  }
}

TEST(HonestProjectTest, MayChooseAndNarrow) {
  for (const char* text :
       {"", "[security]\nprofile = 'moderate'", "[security]\nprofile = 'restrictive'",
        "[security]\nprofile = 'custom'", "[security]\nnetwork = false",
        "[security]\nnetwork = true", "[security]\nnetwork = 'none'", "[security]\nmount = 'ro'",
        "[security]\nmount = 'none'", "[security]\nmount = 'cow'",
        "[security]\nseccomp = 'restrictive'", "[security]\nread_only = true",
        "[security]\npass_env = false", "[sandbox]\nbase_image = 'x'\nruntime = 'go'",
        "[resources]\nmemory_mb = 4096", "[[files]]\nsource = 'a..b/c'\ndest = '/x'",
        "[security.commands]\nblock = ['curl']"}) {
    EXPECT_TRUE(check(text)) << text;
  }
}

TEST(HonestProjectTest, MayHaveWhatTheUserChoseForAll) {
  EXPECT_TRUE(check("[security]\nnetwork = 'full'", "[security]\nnetwork = 'full'"));
  EXPECT_TRUE(check("[security]\nprofile = 'moderate'", "[security]\nprofile = 'permissive'"));
  EXPECT_TRUE(check("[security]\nseccomp = 'default'", "[security]\nseccomp = 'default'"));
  EXPECT_TRUE(check("[security]\npass_env = true", "[security]\npass_env = true"));
}

TrustGrant grant(std::string directory = "/p") {
  return {{std::move(directory), 5, 18'446'744'073'709'551'615U, std::string(64, 'a')},
          "2026-01-02T03:04:05.000000Z"};
}

TEST(TrustTest, OnlyExactlyTheSameProjectIsTrusted) {
  const std::vector<TrustGrant> grants = {grant()};
  EXPECT_EQ(evaluateTrust(grants, grant().project), Trusted::Yes);
  EXPECT_EQ(evaluateTrust({}, grant().project), Trusted::No);
  for (auto change : std::vector<void (*)(ProjectIdentity&)>{
           [](ProjectIdentity& p) { p.directory = "/q"; }, [](ProjectIdentity& p) { p.device = 6; },
           [](ProjectIdentity& p) { p.inode = 1; },
           [](ProjectIdentity& p) { p.sha256 = std::string(64, 'b'); }}) {
    ProjectIdentity other = grant().project;
    change(other);
    EXPECT_EQ(evaluateTrust(grants, other), Trusted::No);
  }
}

TEST(TrustTest, TheFileReadsBackWhatWasWritten) {
  const std::vector<TrustGrant> grants = {grant("/p/a \"b\" \\c\n\x7f\x1b"), grant("/é")};
  const auto back = parseTrust("trust.toml", formatTrust(grants));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(*back, grants);
  EXPECT_EQ(parseTrust("trust.toml", "")->size(), 0U);
}

TEST(TrustTest, ABrokenFileTrustsNothingAndSaysSo) {
  const std::string good = formatTrust({grant()});
  for (const std::string& text :
       {std::string("garbage"), std::string("grant = 1"), std::string("grant = [1]"),
        std::string("[[grant]]\ndirectory = '/p'"), std::string("other = 1"), good + "extra = 1\n",
        formatTrust({grant("relative")})}) {
    const auto grants = parseTrust("trust.toml", text);
    ASSERT_FALSE(grants) << text;
    EXPECT_THAT(grants.error().message, HasSubstr("trusted projects is broken"));
    EXPECT_THAT(grants.error().remedy, HasSubstr("agentkernel trust"));
  }
}

TEST(TrustTest, ANewGrantReplacesTheOldOneOfItsDirectory) {
  TrustGrant newer = grant();
  newer.project.sha256 = std::string(64, 'c');
  const auto grants = withGrant({grant(), grant("/q")}, newer);
  ASSERT_EQ(grants.size(), 2U);
  EXPECT_EQ(evaluateTrust(grants, grant().project), Trusted::No);
  EXPECT_EQ(evaluateTrust(grants, newer.project), Trusted::Yes);
}

}  // namespace
}  // namespace ak::config
