// Snapshots and forks on real sandboxes, as users of every kind.
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "world.h"

namespace ak::security {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class SnapshotTest : public SecurityTest {
 protected:
  void SetUp() override {
    SecurityTest::SetUp();
    if (IsSkipped()) {
      return;
    }
    world().put(world().project() + "/mine", "one\n");
    world().put(world().project() + "/gone", "gone\n");
    world().put(world().project() + "/old/x", "x\n");
  }

  void TearDown() override {
    if (IsSkipped()) {
      return;
    }
    for (const char* name : {"kid", "kid2", "par", "par-restored", "again"}) {
      (void)world().agentkernel({"rm", name});
    }
    for (const char* name : {"snap", "snap2"}) {
      (void)world().agentkernel({"snapshot", "rm", name});
    }
    EXPECT_EQ(world().host({"/bin/ls", world().top() + "/state/layers"}).out, "")
        << "layers that nobody stands on are gone";
    EXPECT_EQ(world().host({"/bin/ls", world().top() + "/state/sandboxes"}).out, "");
    (void)world().host({"/bin/sh", "-c", "rm -rf mine gone old kidadd only"});
  }

  // Files of other users of the guest too, a whiteout, and a directory made anew.
  void makeParent() {
    const Finished run = world().shell(
        "echo two >> mine; rm gone; rm -rf old; mkdir old; echo y > old/y; mkdir only; "
        "echo f > only/f; chown -R 34:34 only 2>/dev/null; chmod 700 only; "
        "mkdir /srv/data; echo deep > /srv/data/f; chown -R 33:33 /srv/data 2>/dev/null; "
        "chmod 700 /srv/data; echo mark > /root/mark; rm /etc/hostname",
        {"--keep", "--name", "par"});
    ASSERT_EQ(run.status, 0) << run.err;
  }

  void ok(const Words& words) {
    const Finished done = world().agentkernel(words);
    EXPECT_EQ(done.status, 0) << join(words, " ") << ": " << done.err;
  }

  std::string in(const std::string& name, const std::string& text) {
    const Finished done = world().agentkernel({"exec", name, "sh", "-c", text});
    return done.out + done.err;
  }

  void expectAsTheParentWas(const std::string& name) {
    EXPECT_EQ(in(name,
                 "cat mine old/y only/f /srv/data/f /root/mark; ls -d gone kidadd mine old only "
                 "2>/dev/null"),
              "one\ntwo\ny\nf\ndeep\nmark\nmine\nold\nonly\n");
    EXPECT_EQ(in(name, "ls old; test -e /etc/hostname || echo none"), "y\nnone\n");
    EXPECT_EQ(in(name, "stat -c %u only /srv/data/f"),
              world().manyIds() || world().root() ? "34\n33\n" : "0\n0\n");
  }
};

TEST_P(SnapshotTest, AForkHasTheFilesAndGoesItsOwnWay) {
  makeParent();
  ok({"stop", "par"});
  ok({"fork", "par", "kid"});
  const auto shown =
      nlohmann::json::parse(world().agentkernel({"inspect", "--json", "kid"}).out, nullptr, false);
  EXPECT_THAT(shown.dump(), HasSubstr("\"stopped\""));
  ok({"start", "kid"});
  ok({"start", "par"});
  expectAsTheParentWas("kid");
  expectAsTheParentWas("par");
  in("kid", "rm old/y; echo kid > kidadd; echo three >> mine; rm -rf only; echo k > /srv/data/f");
  expectAsTheParentWas("par");
  EXPECT_EQ(in("kid", "cat mine /srv/data/f; ls -d gone kidadd mine old only 2>/dev/null; ls old"),
            "one\ntwo\nthree\nk\nkidadd\nmine\nold\n");
  const Finished paths = world().agentkernel({"diff", "kid", "--name-only"});
  EXPECT_EQ(paths.out, "D gone\nA kidadd\nM mine\nD old/x\n") << paths.err;
  const Finished parents = world().agentkernel({"diff", "par", "--name-only"});
  EXPECT_EQ(parents.out, "D gone\nM mine\nD old/x\nA old/y\nA only\nA only/f\n") << parents.err;
  // What a child of the child sees went through three layers.
  ok({"stop", "kid"});
  ok({"fork", "--start", "kid", "kid2"});
  EXPECT_EQ(in("kid2", "cat mine; ls -d gone kidadd mine old only 2>/dev/null; ls old"),
            "one\ntwo\nthree\nkidadd\nmine\nold\n");
  EXPECT_EQ(world().agentkernel({"diff", "kid2", "--name-only"}).out, paths.out);
  const Finished applied = world().agentkernel({"apply", "kid2"});
  EXPECT_EQ(applied.status, 0) << applied.err;
  EXPECT_EQ(
      world()
          .host({"/bin/sh", "-c", "cat mine; ls -d gone kidadd mine old only 2>/dev/null; ls old"})
          .out,
      "one\ntwo\nthree\nkidadd\nmine\nold\n");
}

TEST_P(SnapshotTest, ASnapshotOutlivesItsSandbox) {
  makeParent();
  ok({"stop", "par"});
  ok({"snapshot", "take", "par", "--name", "snap"});
  ok({"rm", "par"});
  const Finished twice = world().agentkernel({"snapshot", "restore", "snap", "--as", "a/b"});
  EXPECT_EQ(twice.status, 125);
  ok({"snapshot", "restore", "snap"});
  EXPECT_THAT(world().agentkernel({"list"}).out, HasSubstr("par-restored  stopped"));
  ok({"snapshot", "rm", "snap"});
  ok({"start", "par-restored"});
  expectAsTheParentWas("par-restored");
}

TEST_P(SnapshotTest, WhatIsInheritedCanBeDiscarded) {
  makeParent();
  ok({"stop", "par"});
  ok({"fork", "par", "kid"});
  ok({"discard", "kid", "old", "only"});  // never started: nothing is its own
  ok({"start", "kid"});
  EXPECT_EQ(
      in("kid", "cat mine; ls -d gone kidadd mine old only 2>/dev/null; ls old; cat /srv/data/f"),
      "one\ntwo\nmine\nold\nx\ndeep\n");
  in("kid", "echo own > kidadd");
  ok({"stop", "kid"});
  EXPECT_NE(world().agentkernel({"discard", "kid", "only"}).status, 0);
  ok({"discard", "kid", "kidadd", "mine"});
  EXPECT_EQ(world().agentkernel({"diff", "kid", "--name-only"}).out, "D gone\n");
  ok({"discard", "kid"});
  EXPECT_EQ(world().agentkernel({"diff", "kid", "--name-only"}).out, "");
  ok({"start", "kid"});
  EXPECT_EQ(in("kid", "cat gone mine; cat /srv/data/f"), "gone\none\ndeep\n");
  ok({"start", "par"});
  expectAsTheParentWas("par");
}

TEST_P(SnapshotTest, ARunningOneIsFrozenForACopyOrRefused) {
  makeParent();
  // Two files that grow by a line each, one after the other.
  ok({"exec", "par", "sh", "-c",
      "cd /srv; (i=0; while :; do i=$((i+1)); echo $i >> a; echo $i >> b; done) >/dev/null 2>&1 & "
      "exit 0"});
  const Finished forked = world().agentkernel({"fork", "--json", "par", "kid"});
  if (forked.status != 0) {
    EXPECT_FALSE(world().root()) << forked.err;
    EXPECT_THAT(forked.err, HasSubstr("agentkernel stop"));
    EXPECT_NE(world().agentkernel({"inspect", "kid"}).status, 0);
    EXPECT_EQ(in("par", "echo alive"), "alive\n");
    return;
  }
  const auto answer = nlohmann::json::parse(forked.out, nullptr, false);
  ASSERT_TRUE(answer.contains("pause_ms")) << forked.out;
  EXPECT_GT(answer["pause_ms"].get<double>(), 0);
  EXPECT_EQ(in("par", "echo alive"), "alive\n");
  ok({"start", "kid"});
  EXPECT_EQ(in("kid", "cat mine old/y only/f /srv/data/f /root/mark"),
            "one\ntwo\ny\nf\ndeep\nmark\n");
  const std::string numbers = in("kid", "echo $(($(wc -l < /srv/a) - $(wc -l < /srv/b)))");
  EXPECT_THAT(numbers, ::testing::AnyOf("0\n", "1\n"));
}

// overlayfs in a user namespace takes its orders from user.overlay.* attributes. A guest that could
// write them into its layer would choose what whoever stands on it sees.
TEST_P(SnapshotTest, AGuestsAttributesGiveNoOrdersToTheNextSandbox) {
  const Finished run = world().shell(
      "mkdir d e; echo mine > d/own; echo s > e/secret; "
      "python3 - <<'X'\n"
      "import os\n"
      "for path in ('d', 'd/own', 'old', '.'):\n"
      "  for key, value in (('opaque', b'y'), ('redirect', b'/e'), ('redirect', b'e'),\n"
      "                     ('metacopy', b''), ('whiteout', b''), ('origin', b'x')):\n"
      "    for space in ('user.overlay.', 'trusted.overlay.', 'user.overlay.overlay.'):\n"
      "      try: os.setxattr(path, space + key, value)\n"
      "      except OSError: pass\n"
      "try: os.mknod('mine2', 0o020600, 0)\n"
      "except OSError: pass\n"
      "X\n"
      "ls d; cat d/own; ls old",
      {"--keep", "--name", "par"});
  ASSERT_EQ(run.status, 0) << run.err;
  const std::string before = run.out;
  EXPECT_EQ(before, "own\nmine\nx\n");
  ok({"stop", "par"});
  ok({"fork", "--start", "par", "kid"});
  EXPECT_EQ(in("kid", "ls d; cat d/own; ls old; cat mine"), before + "one\n");
  EXPECT_THAT(world().agentkernel({"diff", "kid", "--name-only"}).out, Not(HasSubstr("D ")));
  (void)world().host({"/bin/rm", "-rf", "d", "e"});
}

TEST_P(SnapshotTest, NothingIsTakenOfWhatKeepsNothing) {
  EXPECT_EQ(world().agentkernel({"snapshot", "take", "nobody"}).status, 125);
  EXPECT_EQ(world().agentkernel({"fork", "nobody", "kid"}).status, 125);
  EXPECT_EQ(world().agentkernel({"snapshot", "restore", "nothing"}).status, 125);
  EXPECT_EQ(world().agentkernel({"snapshot", "rm", "nothing"}).status, 125);
  const Finished unclear = world().agentkernel({"fork", "one"});
  EXPECT_THAT(unclear.err, HasSubstr("fork SANDBOX CHILD"));
}

// Its snapshots keep the file as their layer, and the next one has room of its own.
TEST_P(SnapshotTest, ADiskImageIsALayerToo) {
  if (!world().root()) {
    GTEST_SKIP() << "a named sandbox's disk limit needs root";
  }
  const Finished run =
      world().shell("echo two >> mine; rm gone; echo deep > /srv/f; chown 33 /srv/f",
                    {"--keep", "--name", "par", "--disk", "16mb"});
  ASSERT_EQ(run.status, 0) << run.err;
  const Finished live = world().agentkernel({"fork", "--json", "par", "kid2"});
  EXPECT_EQ(live.status, 0) << live.err;
  EXPECT_THAT(live.out, HasSubstr("pause_ms"));
  ok({"stop", "par"});
  ok({"fork", "par", "kid"});
  for (const char* name : {"kid", "kid2", "par"}) {
    ok({"start", name});
    EXPECT_EQ(
        in(name, "cat mine /srv/f; ls -d gone kidadd mine old only 2>/dev/null; stat -c %u /srv/f"),
        "one\ntwo\ndeep\nmine\nold\n33\n")
        << name;
    EXPECT_THAT(in(name, "head -c 32m /dev/zero > /srv/full"), HasSubstr("No space left"));
    EXPECT_EQ(world().agentkernel({"diff", name, "--name-only"}).out, "D gone\nM mine\n") << name;
  }
  ok({"stop", "kid"});
  ok({"discard", "kid", "mine"});
  EXPECT_EQ(world().agentkernel({"diff", "kid", "--name-only"}).out, "D gone\n");
  ok({"start", "kid"});
  EXPECT_EQ(in("kid", "cat mine /srv/f"), "one\ndeep\n");
}

INSTANTIATE_TEST_SUITE_P(Users,
                         SnapshotTest,
                         ::testing::Values(Who::Self, Who::Plain, Who::WithRange),
                         nameOf);

}  // namespace
}  // namespace ak::security
