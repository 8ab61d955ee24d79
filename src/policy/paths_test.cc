#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "policy/injection_target.h"
#include "policy/path_rules.h"
#include "policy/sensitive_paths.h"
#include "policy/workspace.h"

namespace ak::policy {
namespace {

using model::WorkspaceMode;
using testing::HasSubstr;

TEST(PathRulesTest, WithinGoesByComponents) {
  EXPECT_TRUE(isWithin("/home/a", "/home/a"));
  EXPECT_TRUE(isWithin("/home/a/b", "/home/a"));
  EXPECT_FALSE(isWithin("/home/ab", "/home/a"));
  EXPECT_TRUE(isWithin("/x", "/"));
  EXPECT_EQ(relativeTo("/home/a/b", "/home/a"), "b");
  EXPECT_EQ(relativeTo("/a", "/"), "a");
  EXPECT_EQ(relativeTo("/a", "/a"), "");
}

TEST(PathRulesTest, OnlyCanonicalPathsAreCanonical) {
  for (const std::string path : {"/", "/a", "/a/b..c", "/..a"}) {
    EXPECT_TRUE(isCanonical(path)) << path;
  }
  for (const std::string path : {"", "a", "/a/", "//a", "/a/../b", "/.", "/a/./b"}) {
    EXPECT_FALSE(isCanonical(path)) << path;
  }
}

WorkspaceQuestion ask(std::string path, std::optional<WorkspaceMode> mode = {}) {
  return {std::move(path),
          "/home/ann",
          mode,
          {"/home/ann/.local/share/agentkernel", "/home/ann/.config/agentkernel",
           "/run/user/1000/agentkernel", "/data/vault"}};
}

TEST(WorkspaceTest, ProjectDirectoriesAreCopyOnWriteByDefault) {
  for (const char* path :
       {"/home/ann/project", "/srv/app", "/tmp/x", "/var/lib/jenkins/work", "/usr/src/linux",
        "/usr/local/src/tool", "/dev/shm/scratch", "/opt/app", "/root/work", "/library"}) {
    const auto decision = decideWorkspace(ask(path));
    ASSERT_TRUE(decision) << path;
    EXPECT_EQ(decision->mode, WorkspaceMode::Cow) << path;
    EXPECT_EQ(decision->hint, "") << path;
  }
}

TEST(WorkspaceTest, WideDirectoriesAreNotMountedAndAHintSaysWhy) {
  for (const char* path : {"/",          "/home",      "/home/ann", "/home/bob", "/root",
                           "/etc",       "/etc/nginx", "/usr",      "/usr/bin",  "/usr/share/doc",
                           "/usr/local", "/var",       "/var/lib",  "/bin",      "/sbin",
                           "/lib",       "/lib64",     "/boot",     "/dev",      "/dev/shm",
                           "/proc",      "/proc/1",    "/sys",      "/run",      "/run/user/1000",
                           "/tmp",       "/opt",       "/srv",      "/mnt",      "/media"}) {
    const auto decision = decideWorkspace(ask(path));
    ASSERT_TRUE(decision) << path;
    EXPECT_EQ(decision->mode, WorkspaceMode::None) << path;
    EXPECT_THAT(decision->hint, HasSubstr("Nothing is mounted")) << path;
  }
}

TEST(WorkspaceTest, OfTwoReasonsTheHomeDirectoryIsNamed) {
  EXPECT_EQ(whyTooWide(ask("/home/ann")), "it is the home directory");
}

TEST(WorkspaceTest, AskingForAWideDirectoryByNameIsAnError) {
  for (const auto mode : {WorkspaceMode::Cow, WorkspaceMode::ReadWrite, WorkspaceMode::ReadOnly}) {
    for (const char* path : {"/", "/home/ann", "/etc", "/home/ann/.ssh", "/data/vault/keys"}) {
      const auto decision = decideWorkspace(ask(path, mode));
      ASSERT_FALSE(decision) << path;
      EXPECT_EQ(decision.error().code, ErrorCode::PolicyDenied);
      EXPECT_THAT(decision.error().remedy, HasSubstr("--mount none"));
    }
  }
}

TEST(WorkspaceTest, ModesThatAreAskedForAreGivenOnProjects) {
  for (const auto mode : {WorkspaceMode::None, WorkspaceMode::Cow, WorkspaceMode::ReadWrite,
                          WorkspaceMode::ReadOnly}) {
    const auto decision = decideWorkspace(ask("/home/ann/p", mode));
    ASSERT_TRUE(decision);
    EXPECT_EQ(decision->mode, mode);
  }
}

TEST(WorkspaceTest, NothingAroundOrInsideOurOwnDirectoriesIsShown) {
  for (const char* path :
       {"/data", "/data/vault", "/data/vault/x", "/home/ann/.local/share", "/home/ann/.local",
        "/home/ann/.local/share/agentkernel/boxes/1", "/home/ann/.config"}) {
    EXPECT_EQ(decideWorkspace(ask(path))->mode, WorkspaceMode::None) << path;
  }
  EXPECT_EQ(decideWorkspace(ask("/data/vaults"))->mode, WorkspaceMode::Cow);
}

TEST(WorkspaceTest, CredentialDirectoriesAreRefusedAndMaskedWhenBelow) {
  EXPECT_EQ(decideWorkspace(ask("/home/ann/.aws"))->mode, WorkspaceMode::None);
  EXPECT_EQ(decideWorkspace(ask("/home/ann/.kube/cache"))->mode, WorkspaceMode::None);
  const auto decision = decideWorkspace({"/home/ann/.cargo", "/home/ann", {}, {}});
  ASSERT_TRUE(decision);
  EXPECT_THAT(decision->masks, testing::ElementsAre("credentials", "credentials.toml"));
}

TEST(WorkspaceTest, TextThatIsNotCanonicalIsNeverJudged) {
  for (const char* path : {"relative", "/home/ann/../../etc", "/a/", "//etc", "/etc/."}) {
    const auto decision = decideWorkspace(ask(path));
    ASSERT_FALSE(decision) << path;
    EXPECT_EQ(decision.error().code, ErrorCode::InvalidArgument);
  }
  EXPECT_FALSE(decideWorkspace({"/p", "home", {}, {}}));
  EXPECT_FALSE(decideWorkspace({"/p", "/home/a", {}, {"state/"}}));
}

TEST(WorkspaceTest, NoDirectoryMeansNoMount) {
  EXPECT_EQ(decideWorkspace(ask(""))->mode, WorkspaceMode::None);
  EXPECT_FALSE(decideWorkspace(ask("", WorkspaceMode::ReadOnly)));
}

TEST(ProtectedPathsTest, WhatTheHostExecutesOrTrustsIsProtectedAtAnyDepth) {
  for (const char* path : {".git/hooks/pre-commit",
                           ".git/hooks",
                           ".git/config",
                           ".git",
                           "sub/.git",
                           "sub/.git/config",
                           ".git/modules/lib/config",
                           ".git/modules/lib/hooks/post-checkout",
                           ".git/commondir",
                           ".git/worktrees/w/gitdir",
                           ".git/config.worktree",
                           ".GIT/config",
                           ".envrc",
                           "a/b/.envrc",
                           ".vscode/tasks.json",
                           ".idea/workspace.xml",
                           ".mcp.json",
                           ".hg/hgrc",
                           "sub/.hg/requires",
                           ".jj/repo/config.toml",
                           ".claude/settings.json",
                           ".codex/config.toml",
                           ".cursor/mcp.json",
                           ".devcontainer/devcontainer.json",
                           ".gemini/settings.json",
                           ".husky/pre-commit",
                           "agentkernel.toml",
                           "deep/down/agentkernel.toml",
                           ".Claude/x"}) {
    EXPECT_TRUE(isProtected(path)) << path;
  }
}

TEST(ProtectedPathsTest, OrdinaryFilesAreNot) {
  for (const char* path : {"src/main.cc", ".gitignore", "config", "hooks/x", ".git/objects/ab/cd",
                           ".git/HEAD", ".git/index", "envrc", "vscode/x", "a..b/c"}) {
    EXPECT_FALSE(isProtected(path)) << path;
  }
}

TEST(ProtectedPathsTest, PathsThatAreNotPlainAreProtected) {
  for (const char* path : {"", "/etc/passwd", "../x", "a/../b", "a//b", "./a", "a/"}) {
    EXPECT_TRUE(isProtected(path)) << path;
  }
}

TEST(ProtectedPathsTest, EveryPathOfTheListIsProtected) {
  for (const std::string& path : *protectedPaths({})) {
    EXPECT_TRUE(isProtected(path)) << path;
  }
}

TEST(ProtectedPathsTest, AGrantTakesItsNameOnlyAndOfGitWhatNamesNoPrograms) {
  const auto has = [](const std::vector<std::string>& paths, std::string_view path) {
    return std::ranges::find(paths, path) != paths.end();
  };
  const std::vector<std::string> granted{".git", ".vscode"};
  const auto paths = protectedPaths(granted);
  ASSERT_TRUE(paths);
  EXPECT_FALSE(has(*paths, ".git"));
  EXPECT_FALSE(has(*paths, ".vscode"));
  for (const char* path : {".envrc", ".git/hooks", ".git/config", ".git/commondir"}) {
    EXPECT_TRUE(has(*paths, path)) << path;
  }
  const std::vector<std::string> unknown{".git/hooks"};
  const auto refused = protectedPaths(unknown);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::InvalidArgument);
}

TEST(InjectionTargetTest, InjectionTargetsAreAbsoluteFilesOutsideKernelTrees) {
  for (const char* path :
       {"/a", "/workspace/x", "/etc/app.conf", "/a..b/c", "/process", "/device"}) {
    EXPECT_TRUE(checkInjectionTarget(path)) << path;
  }
  for (const char* path :
       {"", "a", "/", "/a/", "/a/../etc/x", "/..", "/proc/sys/kernel/core_pattern", "/proc",
        "/sys/x", "/dev/kmsg", "/run/agentkernel/x", "/var/run/agentkernel", "/a//b", "/a\nb"}) {
    const auto status = checkInjectionTarget(path);
    ASSERT_FALSE(status) << path;
    EXPECT_EQ(status.error().code, ErrorCode::InvalidArgument);
    EXPECT_FALSE(status.error().remedy.empty());
  }
  EXPECT_FALSE(checkInjectionTarget("/" + std::string(1024, 'a')));
  EXPECT_FALSE(checkInjectionTarget(std::string("/a\0b", 4)));
}

}  // namespace
}  // namespace ak::policy
