// The project is the one thing of the host's that a guest is meant to work on.
#include <gmock/gmock.h>

#include "base/text.h"
#include "world.h"

namespace ak::security {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class WorkspaceTest : public SecurityTest {};

TEST_P(WorkspaceTest, SetIdFilesCannotBeMadeOnTheHost) {
  const Finished tried = world().attack({"set-id", "/workspace"}, {"--mount", "rw"});
  EXPECT_EQ(tried.status, 0) << tried.out << tried.err;
  const Finished found = world().host({"/usr/bin/find", ".", "-perm", "/6000"});
  EXPECT_EQ(found.out, "");
  // Where nothing of it comes to the host, a guest's package manager may.
  EXPECT_EQ(world().attack({"set-id", "/tmp"}).status, 3) << "the probe would see it work";
}

TEST_P(WorkspaceTest, WhatTheHostExecutesIsNotWritable) {
  world().put(world().project() + "/.git/config", "[core]\n");
  world().put(world().project() + "/.git/hooks/sample", "sample\n");
  const Finished tried = world().shell(
      "for w in 'echo x >> .git/config' 'echo x > .git/hooks/pre-commit' 'mv .git .away' "
      "'rm -rf .git/hooks' 'mv .git/hooks .git/h' 'ln -sf /tmp/evil .envrc' 'mkdir .vscode/x' "
      "'echo x > .mcp.json' 'mv .claude c' 'rmdir .idea' 'echo x > agentkernel.toml' "
      "'ln -f .git/config alias' 'cp -f /dev/null .git/config' 'mv -T /tmp .git'; do "
      "if sh -c \"$w\" 2>/dev/null; then echo WORKED \"$w\"; else echo blocked; fi; done",
      {"--mount", "rw"});
  EXPECT_THAT(tried.out, HasSubstr("blocked")) << tried.err;
  EXPECT_THAT(tried.out, Not(HasSubstr("WORKED")));
  EXPECT_EQ(world().host({"/bin/cat", ".git/config", ".git/hooks/sample"}).out, "[core]\nsample\n");
}

TEST_P(WorkspaceTest, CredentialsBelowItAreEmpty) {
  const std::string local = world().home() + "/.local";
  world().put(local + "/share/keyrings/login", "password\n");
  world().put(local + "/share/tool/settings", "fine\n");
  for (const char* mode : {"cow", "ro"}) {
    const Finished seen = world().agentkernel({"run", "--mount", mode, "sh", "-c",
                                               "cd share; cat tool/settings; ls -A keyrings; cat "
                                               "keyrings/login /proc/self/cwd/keyrings/*"},
                                              local);
    EXPECT_EQ(seen.out, "fine\n") << mode << seen.err;
  }
}

TEST_P(WorkspaceTest, OurOwnFilesAreNeverShown) {
  // `top` holds state, runtime and sockets.
  const Finished asked =
      world().agentkernel({"run", "--mount", "ro", "ls", "/workspace"}, world().top());
  EXPECT_NE(asked.status, 0);
  EXPECT_THAT(asked.err, HasSubstr("agentkernel's own files"));
  const Finished unasked = world().agentkernel({"run", "ls", "/workspace"}, world().top());
  EXPECT_EQ(unasked.out, "");
  const Finished below = world().agentkernel({"run", "--mount", "ro", "ls", "/workspace"},
                                             world().top() + "/run/agentkernel");
  EXPECT_NE(below.status, 0);
}

TEST_P(WorkspaceTest, NamesHeldForOneSandboxHoldUpNoOther) {
  const std::string held = world().home() + "/held";
  world().put(held + "/agentkernel.toml/.keep", "");  // as a live sandbox with --mount rw has it
  const Finished run = world().agentkernel({"run", "echo", "fine"}, held);
  EXPECT_EQ(run.out, "fine\n") << run.err;
}

// F2: a link that is swapped while the host looks, and links as results.
TEST_P(WorkspaceTest, LinksOfTheGuestAreNotFollowedByApply) {
  const std::string precious = world().home() + "/precious";
  world().put(precious, "precious\n");
  world().put(world().project() + "/sub/file", "original\n");
  const Finished run = world().shell(
      cat("rm -rf sub; ln -s ", world().home(), " sub; ln -s ", precious, " direct; echo x > ok"),
      {"--keep", "--name", "links"});
  EXPECT_EQ(run.status, 0) << run.err;
  const Finished applied = world().agentkernel({"apply", "links"});
  EXPECT_NE(applied.status, 0);
  EXPECT_THAT(applied.err, HasSubstr("direct"));
  EXPECT_THAT(applied.err, HasSubstr("sub"));
  EXPECT_EQ(world().host({"/bin/cat", precious, "sub/file"}).out, "precious\noriginal\n");
  EXPECT_EQ(world().agentkernel({"rm", "links"}).status, 0);
}

TEST_P(WorkspaceTest, ATerabyteOfNothingIsAppliedAsNothing) {
  const Finished run = world().shell("truncate -s 100G hole", {"--keep", "--name", "holes"});
  ASSERT_EQ(run.status, 0) << run.err;
  const Finished applied = world().agentkernel({"apply", "holes"});
  EXPECT_EQ(applied.status, 0) << applied.err;
  EXPECT_EQ(world().host({"/usr/bin/stat", "-c", "%s %b", "hole"}).out, "107374182400 0\n");
  (void)world().host({"/bin/rm", "-f", "hole"});
  EXPECT_EQ(world().agentkernel({"rm", "holes"}).status, 0);
}

INSTANTIATE_TEST_SUITE_P(Users,
                         WorkspaceTest,
                         ::testing::Values(Who::Self, Who::Plain, Who::WithRange),
                         nameOf);

}  // namespace
}  // namespace ak::security
