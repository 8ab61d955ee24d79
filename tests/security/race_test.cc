// R11, R12 and F2 as a race without end: a guest with a writable workspace exchanges a directory of
// the project for a link that leads out of it, as fast as it can, while the host mounts, reads and
// applies in that very project. Every step of the host may fail; none may follow the link.
#include <gmock/gmock.h>

#include "base/text.h"
#include "world.h"

namespace ak::security {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr int kRounds = 25;

class RaceTest : public SecurityTest {
 protected:
  void SetUp() override {
    SecurityTest::SetUp();
    if (IsSkipped()) {
      return;
    }
    project_ = world().home() + "/raced";
    outside_ = world().home() + "/outside";
    world().put(outside_ + "/file", "secret\n");
    world().put(project_ + "/moving/file", "original\n");
    const Finished linked =
        world().host({"/bin/ln", "-sfn", outside_, project_ + "/link"}, world().home());
    ASSERT_EQ(linked.status, 0) << linked.err;
    const Finished copied =
        world().host({"/bin/cp", world().project() + "/hostile", project_}, world().home());
    ASSERT_EQ(copied.status, 0) << copied.err;
  }

  void TearDown() override {
    if (IsSkipped()) {
      return;
    }
    racer_.reset();
    world().agentkernel({"rm", "racer"});
    world().agentkernel({"rm", "victim"});
    EXPECT_EQ(world().host({"/usr/bin/find", outside_, "-mindepth", "1"}).out,
              cat(outside_, "/file\n"))
        << "nothing may be made or removed outside";
    EXPECT_EQ(world().host({"/bin/cat", outside_ + "/file"}).out, "secret\n");
    world().host({"/bin/rm", "-rf", project_, outside_});
  }

  // Until the test is over.
  void beginRace() {
    const Finished made =
        inProject({"run", "--keep", "--name", "racer", "--mount", "rw", "--image", "host", "true"});
    ASSERT_EQ(made.status, 0) << made.err;
    racer_ = world().begin({"exec", "racer", "--", "./hostile", "swap", "moving", "link"});
    char word[9];
    ASSERT_EQ(::read(racer_->output(), word, sizeof word), 9) << "the race must be on";
  }

  Finished inProject(const Words& words) { return world().agentkernel(words, project_); }

  std::string project_;
  std::string outside_;
  std::unique_ptr<cli::testing::Program> racer_;
};

// The shell makes sure that it stands in the true directory; the way to it changes after that.
TEST_P(RaceTest, AWorkingDirectoryThatIsExchangedIsNotMountedThroughTheLink) {
  const std::string inode =
      world().host({"/usr/bin/stat", "-c", "%i", project_ + "/moving"}, world().home()).out;
  beginRace();
  const std::string script =
      cat("cd \"$1\" 2>/dev/null && test \"$(stat -c %i .)\" = ", trim(inode),
          " || exit 99; shift; exec \"$@\"");
  int mounted = 0;
  for (const char* mode : {"ro", "cow", "rw"}) {
    for (int i = 0; i < kRounds; ++i) {
      const Finished run = world().host({"/bin/sh", "-c", script, "sh", project_ + "/moving",
                                         world().top() + "/bin/agentkernel", "run", "--image",
                                         "host", "--mount", mode, "cat", "/workspace/file"});
      EXPECT_THAT(run.out, Not(HasSubstr("secret"))) << mode;
      mounted += run.out == "original\n" ? 1 : 0;
    }
  }
  EXPECT_GT(mounted, 0) << "some must get through, or nothing was tried";
}

TEST_P(RaceTest, FilesOfAnUntrustedProjectAreNotReadThroughTheLink) {
  world().put(project_ + "/agentkernel.toml",
              "[[files]]\nsource = \"moving/file\"\ndest = \"/tmp/got\"\n");
  beginRace();
  int read = 0;
  for (int i = 0; i < 2 * kRounds; ++i) {
    const Finished run =
        inProject({"run", "--image", "host", "--mount", "none", "cat", "/tmp/got"});
    EXPECT_THAT(run.out, Not(HasSubstr("secret")));
    read += run.out == "original\n" ? 1 : 0;
  }
  EXPECT_GT(read, 0) << "some must get through, or nothing was tried";
}

TEST_P(RaceTest, ApplyDoesNotWriteThroughTheLink) {
  const Finished kept = inProject(
      {"run", "--keep", "--name", "victim", "--image", "host", "sh", "-c", "echo x > moving/new"});
  ASSERT_EQ(kept.status, 0) << kept.err;
  beginRace();
  int applied = 0;
  for (int i = 0; i < kRounds; ++i) {
    const Finished changed =
        world().agentkernel({"exec", "victim", "--", "sh", "-c",
                             cat("echo ", i,
                                 " > moving/new; rm -f moving/file; mkdir -p moving/deep; "
                                 "echo ",
                                 i, " > moving/deep/er; echo > moving/file")});
    EXPECT_EQ(changed.status, 0) << changed.err;
    applied += world().agentkernel({"apply", "victim"}).status == 0 ? 1 : 0;
  }
  EXPECT_GT(applied, 0) << "some must get through, or nothing was tried";
  EXPECT_EQ(world().host({"/bin/ls", outside_}).out, "file\n");
}

INSTANTIATE_TEST_SUITE_P(Users, RaceTest, ::testing::Values(Who::Self, Who::Plain), nameOf);

}  // namespace
}  // namespace ak::security
