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
      "'ln -f .git/config alias' 'cp -f /dev/null .git/config' 'mv -T /tmp .git' "
      "'mkdir -p .hg/x' 'mkdir -p .jj/repo' 'mkdir -p .husky/_' 'echo x > .cursor/mcp.json' "
      "'mkdir .devcontainer/x' 'echo x > .codex/config.toml' 'echo x > .gemini/settings.json'; do "
      "if sh -c \"$w\" 2>/dev/null; then echo WORKED \"$w\"; else echo blocked; fi; done",
      {"--mount", "rw"});
  EXPECT_THAT(tried.out, HasSubstr("blocked")) << tried.err;
  EXPECT_THAT(tried.out, Not(HasSubstr("WORKED")));
  EXPECT_EQ(world().host({"/bin/cat", ".git/config", ".git/hooks/sample"}).out, "[core]\nsample\n");
}

// Deeper than any path can be named: the guest gets there step by step.
TEST_P(WorkspaceTest, ATreeTooDeepToNameHidesNothingElse) {
  const Finished made = world().shell(
      "echo fine > fine; mkdir deep; cd deep; perl -e '"
      "$n = \"d\" x 200; for (1..50) { mkdir $n and chdir $n or exit 9 }'",
      {"--name", "digger", "--keep", "--diff"});
  EXPECT_EQ(made.status, 0) << made.err;
  const auto ask = [&](const Words& words) { return world().agentkernel(words); };
  EXPECT_THAT(ask({"diff", "--name-only", "digger"}).out, HasSubstr("A fine\n"));
  const Finished refused = ask({"apply", "digger"});
  EXPECT_THAT(refused.err, HasSubstr("discard NAME PATH"));
  EXPECT_LT(refused.err.size(), 1000U);
  EXPECT_EQ(ask({"apply", "digger", "fine"}).status, 0);
  EXPECT_EQ(world().host({"/bin/cat", "fine"}).out, "fine\n");
  EXPECT_EQ(ask({"stop", "digger"}).status, 0);
  EXPECT_EQ(ask({"discard", "digger", "deep"}).status, 0);
  EXPECT_EQ(ask({"diff", "--name-only", "digger"}).out, "");
  EXPECT_EQ(ask({"rm", "digger"}).status, 0);
}

// A repository with one nested in it, a submodule and one that was never fetched, as git makes
// them.
constexpr const char* kRepository = R"(
set -e
export GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a \
       GIT_COMMITTER_EMAIL=a@b
rm -rf "$1" "$1.module"; mkdir -p "$1" "$1.module"
git init -q "$1.module"; git -C "$1.module" commit -q --allow-empty -m one
cd "$1"; git init -q .; echo one > file; mkdir -p deep/er plain
git init -q deep/er/nested; git -C deep/er/nested commit -q --allow-empty -m one
git -c protocol.file.allow=always submodule --quiet add "$1.module" fetched
git update-index --add --cacheinfo 160000,$(git -C "$1.module" rev-parse HEAD),unfetched
mkdir unfetched; git add file; git commit -qm one
)";

// What a guest would plant: repositories whose configuration names a program, wherever git on the
// host might look, and parts of the one that is there. The program leaves `$1`.
constexpr const char* kPlant = R"(
evil="[core]
	repositoryformatversion = 0
	fsmonitor = touch '$1';:
	hooksPath = /workspace/plain"
plant() {
  mkdir -p "$1/objects" "$1/refs"; echo 'ref: refs/heads/main' > "$1/HEAD"; echo "$evil" > "$1/config"
}
try() { (eval "$1") 2>/dev/null; }
plant plain/evil
printf '#!/bin/sh\ntouch %s\n' "$1" > plain/post-index-change; chmod +x plain/post-index-change
for at in . deep/er/nested fetched unfetched; do
  try "echo '$evil' >> $at/.git/config"
  try "plant $at/.git"
  try "rm -rf $at/.git; plant $at/.git"
  try "mv $at/.git $at/away; plant $at/.git"
  try "rm -f $at/.git; echo gitdir: /workspace/plain/evil > $at/.git"
  try "echo ../plain/evil > $at/.git/commondir"
  try "echo '$evil' > $at/.git/config.worktree"
  try "cp plain/post-index-change $at/.git/hooks/"
done
for at in deep deep/er deep/er/nested fetched unfetched; do
  try "mv $at $at.away; mkdir -p $at; plant $at/.git"
done
try "echo '$evil' >> .git/modules/fetched/config"
try "mv .git/modules .git/m; mkdir -p .git/modules; plant .git/modules/fetched"
try "mkdir -p .git/worktrees/x; echo '$evil' > .git/worktrees/x/config.worktree"
try "mv .git/hooks .git/h; mkdir .git/hooks; cp plain/post-index-change .git/hooks/"
)";

// All that a user does without a thought.
constexpr const char* kLook = R"(
export GIT_CONFIG_GLOBAL=/dev/null
for at in . deep/er/nested fetched unfetched; do
  (cd $at && touch file 2>/dev/null; git status >/dev/null 2>&1; git diff >/dev/null 2>&1;
   git submodule --quiet status >/dev/null 2>&1)
done
[ -e "$1" ] && echo PWNED || echo fine
)";

TEST_P(WorkspaceTest, GitOnTheHostRunsNothingOfTheGuests) {
  if (::access("/usr/bin/git", X_OK) != 0) {
    GTEST_SKIP() << "git is not installed";
  }
  const std::string repository = world().home() + "/repository";
  const std::string mark = world().home() + "/pwned";
  const auto prepare = [&] {
    const Finished made = world().host({"/bin/sh", "-c", kRepository, "sh", repository});
    ASSERT_EQ(made.status, 0) << made.err;
  };
  const auto look = [&] {
    const Finished seen = world().host({"/bin/sh", "-c", kLook, "sh", mark}, repository);
    (void)world().host({"/bin/rm", "-f", mark});
    return seen.out;
  };
  prepare();
  ASSERT_EQ(look(), "fine\n");
  (void)world().host({"/bin/sh", "-c", kPlant, "sh", mark}, repository);
  ASSERT_EQ(look(), "PWNED\n") << "the probe would see it work";
  for (const Words& grant : {Words{}, Words{"--grant", ".git"}}) {
    prepare();
    Words words{"run", "--mount", "rw", "--image", "host"};
    words.insert(words.end(), grant.begin(), grant.end());
    words.insert(words.end(), {"--", "sh", "-c", kPlant, "sh", mark});
    const Finished run = world().agentkernel(words, repository);
    EXPECT_EQ(look(), "fine\n") << join(grant, " ") << run.out << run.err;
    if (grant.empty()) {
      // Not even the index was touched: all that is new is what was put beside it.
      EXPECT_EQ(world().host({"/usr/bin/git", "status", "--porcelain"}, repository).out,
                " M fetched\n?? deep/\n?? plain/\n");
    }
  }
}

TEST_P(WorkspaceTest, AGrantedGitTakesCommitsAndNothingStaysBehind) {
  if (::access("/usr/bin/git", X_OK) != 0) {
    GTEST_SKIP() << "git is not installed";
  }
  const std::string repository = world().home() + "/granted";
  ASSERT_EQ(world().host({"/bin/sh", "-c", kRepository, "sh", repository}).status, 0);
  const std::string commit =
      "echo two > file; git -c user.name=a -c user.email=a@b commit -qam two; git log --oneline | "
      "wc -l";
  const Finished refused = world().agentkernel(
      {"run", "--mount", "rw", "--image", "host", "--", "sh", "-c", commit}, repository);
  EXPECT_EQ(trim(refused.out), "1") << refused.err;
  const Finished taken = world().agentkernel(
      {"run", "--mount", "rw", "--grant", ".git", "--image", "host", "--", "sh", "-c", commit},
      repository);
  EXPECT_EQ(trim(taken.out), "2") << taken.err;
  // The launcher removes them when it has reaped the box, a moment after the command's end.
  const std::string names = "ls -d .git/commondir .git/config.worktree .git/worktrees .envrc";
  const Finished left = world().host({"/bin/sh", "-c",
                                      cat("for i in $(seq 100); do [ -n \"$(", names,
                                          " 2>/dev/null)\" ] || exit 0; sleep 0.05; done; exit 1")},
                                     repository);
  EXPECT_EQ(left.status, 0) << left.out;
  EXPECT_EQ(world().host({"/usr/bin/git", "log", "-1", "--format=%s"}, repository).out, "two\n");
  const Finished unknown = world().agentkernel({"run", "--mount", "rw", "--grant", "src", "true"});
  EXPECT_THAT(unknown.err, HasSubstr("can be granted"));
  const Finished copy = world().agentkernel({"run", "--grant", ".git", "true"});
  EXPECT_THAT(copy.err, HasSubstr("--mount rw only"));
}

// git takes a directory with HEAD, objects and refs for a repository, without any `.git`.
TEST_P(WorkspaceTest, APlainDirectoryDoesNotBecomeARepository) {
  if (::access("/usr/bin/git", X_OK) != 0) {
    GTEST_SKIP() << "git is not installed";
  }
  const std::string plain = world().home() + "/plain";
  const std::string mark = world().home() + "/pwned-plain";
  const std::string script =
      cat("mkdir objects refs; echo 'ref: refs/heads/main' > HEAD; "
          "printf '[core]\nrepositoryformatversion = 0\nbare = false\nworktree = .\n"
          "fsmonitor = touch ",
          mark,
          ";:\n' > config; git init -q . 2>/dev/null; "
          "cp config .git/config 2>/dev/null; true");
  for (const bool sandboxed : {false, true}) {
    world().put(plain + "/file", "one\n");
    if (sandboxed) {
      const Finished run = world().agentkernel(
          {"run", "--mount", "rw", "--image", "host", "--", "sh", "-c", script}, plain);
      EXPECT_EQ(run.status, 0) << run.err;
    } else {
      (void)world().host({"/bin/sh", "-c", script}, plain);
    }
    const Finished seen = world().host(
        {"/bin/sh", "-c",
         cat("git status >/dev/null 2>&1; [ -e ", mark, " ] && echo PWNED || echo fine")},
        plain);
    EXPECT_EQ(seen.out, sandboxed ? "fine\n" : "PWNED\n");
    (void)world().host({"/bin/rm", "-rf", plain, mark});
  }
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
