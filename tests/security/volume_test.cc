// What guests do with volumes: to the next sandbox, to the host, to each other's mounts.
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "world.h"

namespace ak::security {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class SharedVolumeTest : public SecurityTest {
 protected:
  void SetUp() override {
    SecurityTest::SetUp();
    if (!IsSkipped()) {
      ok({"volume", "create", "vol"});
      made_ = true;
    }
  }

  void TearDown() override {
    if (!made_) {
      return;
    }
    for (const char* name : {"one", "two"}) {
      (void)world().agentkernel({"rm", name});
    }
    ok({"volume", "rm", "--force", "vol"});
    EXPECT_EQ(world().host({"/bin/ls", world().top() + "/state/volumes"}).out, "");
  }

  void ok(const Words& words) {
    const Finished done = world().agentkernel(words);
    EXPECT_EQ(done.status, 0) << join(words, " ") << ": " << done.err;
  }

  std::string in(const std::string& name, const std::string& text) {
    const Finished done = world().agentkernel({"exec", name, "sh", "-c", text});
    return done.out + done.err;
  }

  // One run with the volume at /data; both streams.
  std::string with(const std::string& text, const std::string& volume = "vol:/data") {
    const Finished done = world().shell(text, {"--mount", "none", "--volume", volume});
    return done.out + done.err;
  }

  bool manyIds() { return world().root() || world().manyIds(); }

 private:
  bool made_ = false;
};

TEST_P(SharedVolumeTest, SandboxesThatRunSeeTheSameFilesAndOwners) {
  ok({"create", "--mount", "none", "--volume", "vol:/data", "one"});
  ok({"create", "--mount", "none", "--volume", "vol:/srv/other", "two"});
  EXPECT_EQ(in("one",
               "echo first > /data/f; chown 33:34 /data/f 2>/dev/null; chmod 640 /data/f; "
               "stat -c '%u:%g' /data"),
            "0:0\n");
  EXPECT_EQ(in("two",
               "cat /srv/other/f; stat -c '%u:%g %a' /srv/other/f; "
               "echo second >> /srv/other/f"),
            manyIds() ? "first\n33:34 640\n" : "first\n0:0 640\n");
  EXPECT_EQ(in("one", "cat /data/f"), "first\nsecond\n");
  // What one of them wrote outlives both.
  ok({"rm", "one", "two"});
  EXPECT_EQ(with("cat /data/f"), "first\nsecond\n");
}

TEST_P(SharedVolumeTest, WhatOneLeavesThereGivesTheNextNothing) {
  EXPECT_THAT(with("grep ' /data ' /proc/self/mountinfo"),
              ::testing::AllOf(HasSubstr("nosuid"), HasSubstr("nodev")));
  with(
      "cp /usr/bin/id /data/id; chmod 6755 /data/id; "
      "for n in null:1:3 mem:1:1 sda:8:0; do IFS=:; set -- $n; mknod /data/$1 c $2 $3; done; "
      "ln -s / /data/root; ln -s /proc/1/root /data/proc; mkfifo /data/fifo; "
      "ln /etc/passwd /data/passwd; ln /usr/bin/id /data/hard");
  EXPECT_THAT(with("ls /data"), Not(HasSubstr("mem")));
  EXPECT_EQ(with("ls -d /data/passwd /data/hard /data/sda 2>/dev/null | wc -l"), "0\n");
  if (manyIds()) {
    const Finished next = world().shell(
        "/data/id -u; /data/id -ru", {"--mount", "none", "--volume", "vol:/data", "--user", "33"});
    EXPECT_EQ(next.out, "33\n33\n") << next.err;
  }
  // The links lead to the sandbox's own root.
  EXPECT_EQ(with("echo mine > /etc/mark; cat /data/root/etc/mark"), "mine\n");
  EXPECT_EQ(with("cat /data/root/etc/mark 2>/dev/null || echo none"), "none\n");
}

TEST_P(SharedVolumeTest, ReadOnlyIsReadOnlyForRootToo) {
  with("echo old > /data/f");
  EXPECT_EQ(with("for try in 1 2 3; do echo new > /data/f; rm /data/f; mkdir /data/d; "
                 "chmod 777 /data/f; mount -o remount,rw /data; mount -o remount,rw,bind /data; "
                 "mount --bind /tmp /data; umount /data; umount -l /data; done 2>/dev/null; "
                 "cat /data/f; ls /data",
                 "vol:/data:ro"),
            "old\nf\n");
  EXPECT_EQ(with("cat /data/f"), "old\n");
}

TEST_P(SharedVolumeTest, WhatAGuestLeavesThereGivesTheHostNothing) {
  world().put(world().project() + "/secret", "secret\n");
  const Finished made = world().shell(
      cat("cd /data; ln -s ", world().project(),
          " out; ln -s .. up; ln -s loop loop; mkfifo fifo; "
          "head -c 300000 /dev/zero > big; python3 -c 'import socket; "
          "socket.socket(socket.AF_UNIX).bind(\"/data/socket\")'; "
          "i=0; while [ $i -lt 300 ]; do mkdir d && cd d; i=$((i+1)); done; cd /data; "
          "mkdir closed; echo x > closed/x; chown 33:33 closed 2>/dev/null; chmod 000 closed; "
          "chmod 000 /data"),
      {"--mount", "none", "--volume", "vol:/data"});
  EXPECT_EQ(made.status, 0) << made.err;
  const auto shown = nlohmann::json::parse(
      world().agentkernel({"volume", "inspect", "--json", "vol"}).out, nullptr, false);
  // At least so much, or that it cannot be said: never what the links lead to, never without end.
  ASSERT_TRUE(shown.contains("used_bytes")) << shown.dump();
  if (shown["used_bytes"].is_number()) {
    EXPECT_GT(shown["used_bytes"].get<std::uint64_t>(), 4096U);
    EXPECT_LT(shown["used_bytes"].get<std::uint64_t>(), 16U << 20U);
  }
  const Finished mode = world().host(
      {"/usr/bin/stat", "-c", "%a", world().top() + "/state", world().top() + "/state/volumes"});
  EXPECT_EQ(mode.out, "700\n700\n") << mode.err;
  ok({"volume", "rm", "vol"});
  EXPECT_EQ(world().host({"/bin/ls", world().top() + "/state/volumes"}).out, "");
  EXPECT_EQ(world().host({"/bin/cat", "secret"}).out, "secret\n");
  (void)world().host({"/bin/rm", "secret"});
}

TEST_P(SharedVolumeTest, AGuestThatPutsALinkInTheWayHurtsItselfOnly) {
  ok({"create", "--mount", "none", "--volume", "vol:/vols/v", "one"});
  // The mount point itself is busy, its parent is not.
  EXPECT_EQ(
      in("one",
         "echo precious > /vols/v/f; python3 -c 'import os; os.rename(\"/vols\", \"/moved\"); "
         "os.symlink(\"/etc\", \"/vols\")'; cat /moved/v/f"),
      "precious\n");
  ok({"stop", "one"});
  const Finished started = world().agentkernel({"start", "one"});
  EXPECT_EQ(started.status, 125);
  EXPECT_THAT(started.err, HasSubstr("mount volumes"));
  EXPECT_THAT(started.err, HasSubstr("what is in the volume is safe"));
  EXPECT_EQ(with("cat /data/f"), "precious\n");
  EXPECT_EQ(world().agentkernel({"volume", "rm", "vol"}).status, 125);
}

TEST_P(SharedVolumeTest, TheRestrictiveProfileTakesVolumesBesideItsReadOnlyRoot) {
  const Finished run =
      world().shell("echo x > /data/f; touch /srv/x 2>/dev/null || echo refused",
                    {"--mount", "none", "--profile", "restrictive", "--volume", "vol:/data"});
  if (run.status == 125 && !world().root()) {
    GTEST_SKIP() << run.err;
  }
  EXPECT_EQ(run.out, "refused\n") << run.err;
  EXPECT_EQ(with("cat /data/f"), "x\n");
}

TEST_P(SharedVolumeTest, ASizeIsHeldOrRefused) {
  const Finished made = world().agentkernel({"volume", "create", "--size", "16m", "sized"});
  if (!world().root()) {
    EXPECT_EQ(made.status, 125);
    EXPECT_THAT(made.err, HasSubstr("Leave --size out"));
    EXPECT_EQ(world().agentkernel({"volume", "inspect", "sized"}).status, 125);
    return;
  }
  ASSERT_EQ(made.status, 0) << made.err;
  EXPECT_NE(world()
                .shell("head -c 20000000 /dev/zero > /data/big",
                       {"--mount", "none", "--volume", "sized:/data"})
                .status,
            0);
  ok({"volume", "rm", "sized"});
}

INSTANTIATE_TEST_SUITE_P(Users,
                         SharedVolumeTest,
                         ::testing::Values(Who::Self, Who::Plain, Who::WithRange),
                         nameOf);

}  // namespace
}  // namespace ak::security
