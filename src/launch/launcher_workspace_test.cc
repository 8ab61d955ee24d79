// What a box can do to the project, by the way in which it is mounted.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "launch/launcher_fixture.h"
#include "sys/file.h"

namespace ak::launch {
namespace {

using ::testing::HasSubstr;

TEST_F(LauncherTest, ACopyOnWriteWorkspaceLeavesTheProjectAlone) {
  for (const bool attached : {false, true}) {
    LauncherHarness launcher({.attached_layers = attached});
    const std::string project = launcher.makeDirectory("project");
    giveToProjectOwner(project);
    const auto top = sys::openPath(project, O_RDONLY | O_DIRECTORY);
    ASSERT_TRUE(sys::replaceFile(top->get(), "mine", "host", 0600).has_value());
    giveToProjectOwner(project + "/mine");
    auto identity = launcher.identity();
    identity.workspace.mode = model::WorkspaceMode::Cow;
    identity.workspace.source = launcher.hostPath(project);
    setProjectOwner(identity);
    identity.workspace.want_changes_fd = true;
    ASSERT_EQ(::mkdir((project + "/.aws").c_str(), 0755), 0);
    const auto aws = sys::openPath(project + "/.aws", O_RDONLY | O_DIRECTORY);
    ASSERT_TRUE(sys::replaceFile(aws->get(), "credentials", "secret", 0644).has_value());
    ASSERT_TRUE(sys::replaceFile(top->get(), ".netrc", "secret", 0644).has_value());
    identity.workspace.masks = {".aws", ".netrc", ".not-there"};
    const auto spec = launcher.spec();
    const auto started = launcher.start(spec, identity);
    ASSERT_TRUE(started.ok()) << started.reply.error.message;
    EXPECT_EQ(launcher.ask(spec.id, "owner /workspace/mine"), "0:0");
    EXPECT_EQ(launcher.ask(spec.id, "read /workspace/mine"), "host");
    EXPECT_EQ(launcher.ask(spec.id, "list /workspace/.aws"), "");
    EXPECT_EQ(launcher.ask(spec.id, "read /workspace/.netrc"), "");
    EXPECT_EQ(launcher.ask(spec.id, "write /workspace/mine"), "ok");
    EXPECT_EQ(launcher.ask(spec.id, "write /workspace/new"), "ok");
    EXPECT_EQ(*sys::readFile(project + "/mine", 100), "host");
    EXPECT_NE(::access((project + "/new").c_str(), F_OK), 0);
    ASSERT_EQ(started.fds.size(), 2U);
    EXPECT_EQ(::faccessat(started.fds[1].get(), "new", F_OK, 0), 0);
  }
}

TEST_F(LauncherTest, AReadOnlyWorkspaceRefusesWrites) {
  LauncherHarness launcher({});
  auto identity = launcher.identity();
  identity.workspace.mode = model::WorkspaceMode::ReadOnly;
  identity.workspace.source = launcher.hostPath(launcher.makeDirectory("project"));
  const auto spec = launcher.spec();
  ASSERT_TRUE(launcher.start(spec, identity).ok());
  EXPECT_THAT(launcher.ask(spec.id, "write /workspace/new"), HasSubstr("Read-only"));
  EXPECT_THAT(launcher.ask(spec.id, "remount /workspace"), HasSubstr("not permitted"));
}

TEST_F(LauncherTest, AWritableWorkspaceKeepsItsProtectedPaths) {
  LauncherHarness launcher({});
  const std::string project = launcher.makeDirectory("project");
  giveToProjectOwner(project);
  for (const char* name : {"/.git", "/.git/hooks"}) {
    ASSERT_EQ(::mkdir((project + name).c_str(), 0755), 0);
    giveToProjectOwner(project + name);
  }
  auto identity = launcher.identity();
  identity.workspace.mode = model::WorkspaceMode::ReadWrite;
  identity.workspace.source = launcher.hostPath(project);
  setProjectOwner(identity);
  identity.workspace.protected_paths = {".git/hooks", ".git/config", ".envrc"};
  const auto spec = launcher.spec();
  const auto started = launcher.start(spec, identity);
  ASSERT_TRUE(started.ok()) << started.reply.error.message;
  EXPECT_EQ(launcher.ask(spec.id, "write /workspace/new"), "ok");
  struct stat info{};
  ASSERT_EQ(::stat((project + "/new").c_str(), &info), 0);
  EXPECT_EQ(info.st_uid, projectOwner());
  EXPECT_EQ(launcher.ask(spec.id, "write /workspace/.git/index"), "ok");
  EXPECT_THAT(launcher.ask(spec.id, "write /workspace/.git/hooks/post-checkout"),
              HasSubstr("Read-only"));
  EXPECT_NE(launcher.ask(spec.id, "write /workspace/.git/config"), "ok");
  EXPECT_NE(launcher.ask(spec.id, "write /workspace/.envrc"), "ok");
  EXPECT_THAT(launcher.ask(spec.id, "rename /workspace/.git"), HasSubstr("busy"));
  EXPECT_THAT(launcher.ask(spec.id, "rename /workspace/.git/hooks"), HasSubstr("busy"));
  EXPECT_THAT(launcher.ask(spec.id, "rmdir /workspace/.envrc"), HasSubstr("busy"));
  launcher.discard(spec.id);
  launcher.exited(spec.id);
  EXPECT_NE(::access((project + "/.envrc").c_str(), F_OK), 0);
  EXPECT_NE(::access((project + "/.git/config").c_str(), F_OK), 0);
  EXPECT_EQ(::access((project + "/.git/index").c_str(), F_OK), 0);
}

TEST_F(LauncherTest, AReplacedDirectoryIsRefused) {
  LauncherHarness launcher({});
  auto identity = launcher.identity();
  identity.workspace.mode = model::WorkspaceMode::Cow;
  identity.workspace.source = launcher.hostPath(launcher.makeDirectory("project"));
  identity.workspace.source.inode += 1;
  const auto answer = launcher.start(launcher.spec(), identity);
  EXPECT_EQ(answer.reply.error.code, ErrorCode::Conflict);
}

}  // namespace
}  // namespace ak::launch
