// Volumes in boxes: who sees which owners, and what a guest can do with what another one left.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "launch/launcher_fixture.h"
#include "model/layer_names.h"
#include "model/volume.h"
#include "sys/file.h"

namespace ak::launch {
namespace {

using ::testing::HasSubstr;

class VolumeTest : public LauncherTest {
 protected:
  // A volume's directory with its data/.
  static std::string make(LauncherHarness& launcher, const std::string& name) {
    std::string directory = launcher.makeDirectory(name);
    launcher.makeDirectory(cat(name, "/", model::kVolumeData));
    return directory;
  }

  static std::string data(const std::string& directory) {
    return cat(directory, "/", model::kVolumeData);
  }

  enum class Mode : bool { ReadWrite, ReadOnly };

  static model::BoxIdentity with(LauncherHarness& launcher,
                                 const std::string& directory,
                                 Mode mode = Mode::ReadWrite) {
    auto identity = launcher.identity();
    identity.volumes = {{launcher.hostPath(directory), "/srv/data", mode == Mode::ReadOnly}};
    return identity;
  }
};

TEST_F(VolumeTest, BoxesWithOtherIdsSeeTheSameOwners) {
  for (const bool attached : {false, true}) {
    LauncherHarness launcher({.attached_layers = attached});
    const std::string volume = make(launcher, "volume");
    const auto first = launcher.spec();
    auto second = launcher.spec();
    second.ids.base += second.ids.count;
    const auto started = launcher.start(first, with(launcher, volume));
    ASSERT_TRUE(started.ok()) << started.reply.error.message;
    ASSERT_TRUE(launcher.start(second, with(launcher, volume)).ok());
    EXPECT_EQ(launcher.ask(first.id, "owner /srv/data"), "0:0");
    EXPECT_EQ(launcher.ask(first.id, "write /srv/data/f"), "ok");
    EXPECT_EQ(launcher.ask(second.id, "owner /srv/data/f"), "0:0");
    EXPECT_EQ(launcher.ask(second.id, "write /srv/data/f"), "ok");
    struct stat info{};
    ASSERT_EQ(::stat((data(volume) + "/f").c_str(), &info), 0);
    EXPECT_EQ(info.st_uid, ::geteuid()) << "on disk ids are the guest's own, 0 for root";
  }
}

TEST_F(VolumeTest, WhatABoxWroteIsThereForTheNext) {
  LauncherHarness launcher({});
  const std::string volume = make(launcher, "volume");
  auto spec = launcher.spec();
  ASSERT_TRUE(launcher.start(spec, with(launcher, volume)).ok());
  EXPECT_EQ(launcher.ask(spec.id, "write /srv/data/kept"), "ok");
  launcher.discard(spec.id);
  launcher.exited(spec.id);
  spec = launcher.spec();
  ASSERT_TRUE(launcher.start(spec, with(launcher, volume, Mode::ReadOnly)).ok());
  EXPECT_EQ(launcher.ask(spec.id, "list /srv/data"), "kept ");
}

TEST_F(VolumeTest, AParkedBoxIsClaimedWithItsVolumes) {
  LauncherHarness launcher({});
  const std::string volume = make(launcher, "volume");
  const std::string other = make(launcher, "other");
  const auto spec = launcher.spec();
  ASSERT_TRUE(launcher.park(spec).ok());
  auto identity = with(launcher, volume);
  identity.volumes.push_back({launcher.hostPath(other), "/data", true});
  const auto claimed = launcher.claim(spec.id, identity);
  ASSERT_TRUE(claimed.ok()) << claimed.reply.error.message;
  EXPECT_EQ(launcher.ask(spec.id, "write /srv/data/f"), "ok");
  EXPECT_EQ(launcher.ask(spec.id, "list /data"), "");
  EXPECT_EQ(::access((data(volume) + "/f").c_str(), F_OK), 0);
}

TEST_F(VolumeTest, AReadOnlyVolumeStaysReadOnly) {
  LauncherHarness launcher({});
  const std::string volume = make(launcher, "volume");
  const auto reader = launcher.spec();
  const auto writer = launcher.spec();
  ASSERT_TRUE(launcher.start(reader, with(launcher, volume, Mode::ReadOnly)).ok());
  EXPECT_THAT(launcher.ask(reader.id, "write /srv/data/f"), HasSubstr("Read-only"));
  EXPECT_THAT(launcher.ask(reader.id, "mkdir /srv/data/d"), HasSubstr("Read-only"));
  EXPECT_THAT(launcher.ask(reader.id, "remount /srv/data"), HasSubstr("not permitted"));
  // For this box: another one's mount of the same volume is its own.
  ASSERT_TRUE(launcher.start(writer, with(launcher, volume)).ok());
  EXPECT_EQ(launcher.ask(writer.id, "write /srv/data/f"), "ok");
  EXPECT_THAT(launcher.ask(reader.id, "write /srv/data/f"), HasSubstr("Read-only"));
}

// A box with a read-only root has mount points made before it is that.
TEST_F(VolumeTest, AReadOnlyRootTakesVolumes) {
  LauncherHarness launcher({});
  auto spec = launcher.spec();
  spec.root.read_only = true;
  const auto started = launcher.start(spec, with(launcher, make(launcher, "volume")));
  ASSERT_TRUE(started.ok()) << started.reply.error.message;
  EXPECT_EQ(launcher.ask(spec.id, "write /srv/data/f"), "ok");
  EXPECT_THAT(launcher.ask(spec.id, "write /srv/f"), HasSubstr("Read-only"));
}

// A crafted file system would be mounted by the host's kernel.
TEST_F(VolumeTest, AGuestsFileNeverPassesForAnImage) {
  LauncherHarness launcher({});
  const std::string volume = make(launcher, "volume");
  auto spec = launcher.spec();
  ASSERT_TRUE(launcher.start(spec, with(launcher, volume)).ok());
  EXPECT_EQ(launcher.ask(spec.id, cat("write /srv/data/", model::kDiskImage)), "ok");
  launcher.discard(spec.id);
  launcher.exited(spec.id);
  spec = launcher.spec();
  ASSERT_TRUE(launcher.start(spec, with(launcher, volume)).ok());
  EXPECT_EQ(launcher.ask(spec.id, "list /srv/data"), cat(model::kDiskImage, " "));
}

TEST_F(VolumeTest, AnotherDirectoryInItsPlaceAndALinkForItsDataAreRefused) {
  LauncherHarness launcher({});
  const std::string volume = make(launcher, "volume");
  auto identity = with(launcher, volume);
  identity.volumes[0].directory.inode += 1;
  EXPECT_EQ(launcher.start(launcher.spec(), identity).reply.error.code, ErrorCode::Conflict);
  const std::string linked = launcher.makeDirectory("linked");
  ASSERT_EQ(::symlink("/etc", data(linked).c_str()), 0);
  EXPECT_FALSE(launcher.start(launcher.spec(), with(launcher, linked)).ok());
}

TEST_F(VolumeTest, LinksInAnImageLeadNoVolumeAstray) {
  LauncherHarness launcher({});
  const std::string layer = launcher.makeDirectory("hostile");
  for (const char* name : {"proc", "dev", "tmp", "usr"}) {
    launcher.makeDirectory(cat("hostile/", name));
  }
  ASSERT_EQ(::symlink("/usr", (layer + "/srv").c_str()), 0);
  auto spec = launcher.spec();
  spec.root.layers = {launcher.hostPath(layer)};
  const auto answer = launcher.start(spec, with(launcher, make(launcher, "volume")));
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.reply.error.code, ErrorCode::InvalidArgument);
  EXPECT_THAT(answer.reply.error.message, HasSubstr("mount volumes"));
  EXPECT_FALSE(answer.reply.error.remedy.empty());
}

TEST_F(VolumeTest, TooManyAndWrongTargetsAreRefused) {
  LauncherHarness launcher({});
  const std::string volume = make(launcher, "volume");
  for (const char* target : {"", "/", "relative", "/a/../b", "/proc", "/dev/x", "/workspace/x"}) {
    auto identity = with(launcher, volume);
    identity.volumes[0].target = target;
    EXPECT_EQ(launcher.start(launcher.spec(), identity).reply.error.code,
              ErrorCode::InvalidArgument)
        << target;
  }
  auto identity = with(launcher, volume);
  identity.volumes.resize(model::kMaxVolumeMounts + 1, identity.volumes[0]);
  EXPECT_FALSE(launcher.start(launcher.spec(), identity).ok());
}

}  // namespace
}  // namespace ak::launch
