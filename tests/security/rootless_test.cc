// Whole flows as users of every kind.
#include <gmock/gmock.h>

#include "base/text.h"
#include "world.h"

namespace ak::security {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// Does `inspect` say that nothing holds this limit?
bool unenforced(std::string_view inspected, std::string_view limit) {
  return inspected.contains(cat("limits.", limit, ".by: unenforced\n"));
}

class UserTest : public SecurityTest {};

TEST_P(UserTest, ACommandRunsAsRootOfItsOwn) {
  const Finished run = world().shell("id -u; cat; exit 7", {"--mount", "none"});
  EXPECT_EQ(run.out, "0\n") << run.err;
  EXPECT_EQ(run.status, 7);
}

TEST_P(UserTest, ACopyOnWriteWorkspaceShowsAndReturnsTheOwner) {
  world().put(world().project() + "/mine", "one\n");
  const Finished run = world().shell("stat -c %u:%g mine; echo two >> mine; echo new > added",
                                     {"--keep", "--name", "cow"});
  EXPECT_EQ(run.out, "0:0\n") << run.err;
  EXPECT_EQ(world().host({"/bin/cat", "mine"}).out, "one\n");
  const Finished diff = world().agentkernel({"diff", "cow"});
  EXPECT_THAT(diff.out, HasSubstr("+two")) << diff.err;
  const Finished applied = world().agentkernel({"apply", "cow"});
  EXPECT_EQ(applied.status, 0) << applied.err;
  EXPECT_EQ(world().host({"/bin/cat", "mine", "added"}).out, "one\ntwo\nnew\n");
  const std::string owner = std::to_string(world().uid());
  EXPECT_EQ(world().host({"/usr/bin/stat", "-c", "%u", "mine", "added"}).out,
            owner + "\n" + owner + "\n");
  EXPECT_EQ(world().agentkernel({"rm", "cow"}).status, 0);
}

TEST_P(UserTest, AKeptSandboxStopsStartsAndLeavesNothing) {
  const Finished run =
      world().shell("mkdir -p s/t && echo x > s/t/x; chown -R 34:34 s 2>/dev/null; chmod 700 s",
                    {"--keep", "--name", "kept"});
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_EQ(world().agentkernel({"stop", "kept"}).status, 0);
  EXPECT_EQ(world().agentkernel({"start", "kept"}).status, 0);
  const Finished seen = world().agentkernel({"exec", "kept", "stat", "-c", "%u", "s"});
  EXPECT_EQ(seen.out, world().manyIds() ? "34\n" : "0\n") << seen.err;
  EXPECT_EQ(world().agentkernel({"rm", "kept"}).status, 0);
  EXPECT_EQ(world().host({"/bin/ls", world().top() + "/state/sandboxes"}).out, "")
      << "files of the guest's other users go too";
}

// The guest's other users are subordinate ids of ours, whose files we may not even read.
TEST_P(UserTest, FilesOfTheGuestsOtherUsersAreReadAppliedAndDiscarded) {
  world().put(world().project() + "/theirs/old", "old\n");
  const Finished run = world().shell(
      "echo new > theirs/old; echo a > theirs/a; mkdir theirs/deep; echo b > theirs/deep/b; "
      "ln -s a theirs/link; mkdir only; echo c > only/c; "
      "chown -Rh 34:34 theirs only 2>/dev/null; chmod -R go= theirs only; chmod 0 theirs/a",
      {"--keep", "--name", "others"});
  EXPECT_EQ(run.status, 0) << run.err;
  for (const char* state : {"running", "stopped"}) {
    const Finished diff = world().agentkernel({"diff", "others"});
    EXPECT_THAT(diff.out, HasSubstr("+new")) << state << diff.err;
    EXPECT_THAT(diff.out, HasSubstr("b/theirs/deep/b")) << state;
    (void)world().agentkernel({"stop", "others"});
  }
  const Finished applied = world().agentkernel({"apply", "others", "theirs"});
  EXPECT_EQ(applied.status, 0) << applied.err;
  EXPECT_EQ(world().host({"/bin/cat", "theirs/old", "theirs/deep/b"}).out, "new\nb\n");
  const std::string owner = std::to_string(world().uid());
  EXPECT_EQ(world().host({"/usr/bin/stat", "-c", "%u %a", "theirs/a"}).out, owner + " 0\n");
  const Finished discarded = world().agentkernel({"discard", "others", "only"});
  EXPECT_EQ(discarded.status, 0) << discarded.err;
  EXPECT_EQ(world().agentkernel({"diff", "others"}).out.find("only"), std::string::npos);
  const Finished again = world().agentkernel({"start", "others"});
  EXPECT_EQ(again.status, 0) << again.err;
  EXPECT_NE(world().agentkernel({"exec", "others", "ls", "only"}).status, 0);
  EXPECT_EQ(world().agentkernel({"rm", "others"}).status, 0);
  (void)world().host({"/bin/rm", "-rf", "theirs"});
}

TEST_P(UserTest, ADiskLimitOfANamedSandboxHoldsOrIsRefused) {
  const Finished run = world().shell("echo ran", {"--keep", "--name", "limited", "--disk", "8mb"});
  if (world().root()) {
    EXPECT_EQ(run.out, "ran\n") << run.err;  // DiskTest has the rest
    EXPECT_EQ(world().agentkernel({"rm", "limited"}).status, 0);
    return;
  }
  EXPECT_EQ(run.status, 125);
  EXPECT_THAT(run.err, HasSubstr("disk limit needs root"));
  EXPECT_THAT(run.err, HasSubstr("--keep"));
  EXPECT_NE(world().agentkernel({"inspect", "limited"}).status, 0) << "nothing was made";
}

TEST_P(UserTest, LimitsThatDoNotHoldAreSaid) {
  const Finished run = world().shell("true", {"--keep", "--name", "limits"});
  EXPECT_EQ(run.status, 0) << run.err;
  const Finished shown = world().agentkernel({"inspect", "limits"});
  if (shown.out.contains("unenforced")) {
    EXPECT_THAT(shown.out, HasSubstr("delegated scope"));
    const Finished asked = world().shell("true", {"--memory", "64mb"});
    EXPECT_NE(asked.status, 0) << "what was asked for by number holds or fails";
  } else {
    EXPECT_THAT(shown.out, HasSubstr("cgroup"));
  }
  // doctor says the same beforehand.
  const Finished doctor = world().agentkernel({"doctor", "--json"});
  for (const std::string name : {"memory", "cpu"}) {
    EXPECT_EQ(doctor.out.contains("\"limit_" + name + "\""), unenforced(shown.out, name))
        << name << '\n'
        << shown.out << doctor.out;
  }
  EXPECT_EQ(world().agentkernel({"rm", "limits"}).status, 0);
}

TEST_P(UserTest, DoctorSaysHowManyIdsThereAre) {
  const Finished doctor = world().agentkernel({"doctor"});
  if (world().root()) {
    EXPECT_THAT(doctor.out, Not(HasSubstr("subordinate_ids")));
  } else if (world().manyIds()) {
    EXPECT_THAT(doctor.out, HasSubstr("ok      subordinate_ids: a range"));
  } else {
    EXPECT_THAT(doctor.out, HasSubstr("info    subordinate_ids: one id"));
    EXPECT_THAT(doctor.out, HasSubstr("usermod --add-subuids"));
  }
}

TEST_P(UserTest, AWritableWorkspaceBelongsToTheOwner) {
  const Finished run = world().shell("echo made > rw-made; stat -c %u .vscode", {"--mount", "rw"});
  EXPECT_EQ(run.out, "0\n") << run.err;
  EXPECT_EQ(world().host({"/usr/bin/stat", "-c", "%u", "rw-made"}).out,
            std::to_string(world().uid()) + "\n");
}

TEST_P(UserTest, AnImportedImageRuns) {
  const Finished made =
      world().host({"/bin/sh", "-c",
                    "mkdir -p ../img && cp hostile ../img/ && cp -a ../../libraries/. ../img/ && "
                    "tar -C ../img -cf ../img.tar ."});
  ASSERT_EQ(made.status, 0) << made.err;
  const Finished imported = world().agentkernel(
      {"images", "import", world().home() + "/img.tar", "--name", "only-hostile"});
  ASSERT_EQ(imported.status, 0) << imported.err;
  const Finished run = world().agentkernel(
      {"run", "--image", "only-hostile", "--mount", "none", "/hostile", "descriptors"});
  EXPECT_EQ(run.status, 0) << run.out << run.err;
}

INSTANTIATE_TEST_SUITE_P(Users,
                         UserTest,
                         ::testing::Values(Who::Self, Who::Plain, Who::WithRange),
                         nameOf);

}  // namespace
}  // namespace ak::security
