#include "model/volume.h"

#include <gtest/gtest.h>

namespace ak::model {
namespace {

TEST(VolumeTest, SlugsAreShortPlainAscii) {
  for (const char* good : {"a", "7", "cache", "npm-cache_2", "A--b", "x_"}) {
    EXPECT_TRUE(validateVolumeSlug(good)) << good;
  }
  for (const std::string& bad :
       {std::string(), std::string("-a"), std::string("_a"), std::string("a b"), std::string("a/b"),
        std::string(".."), std::string("a.b"), std::string("\xc3\xa9tude"), std::string("a\0b", 3),
        std::string("a\n"), std::string(64, 'a')}) {
    const Status valid = validateVolumeSlug(bad);
    ASSERT_FALSE(valid) << bad;
    EXPECT_EQ(valid.error().code, ErrorCode::InvalidArgument);
    EXPECT_FALSE(valid.error().remedy.empty());
  }
  EXPECT_TRUE(validateVolumeSlug(std::string(63, 'a')));
}

TEST(VolumeTest, MountsComeBackAsTheyWereWritten) {
  for (const char* words : {"cache:/root/.cache", "data:/srv/a b/c:ro", "x:/data"}) {
    const auto mount = parseVolumeMount(words);
    ASSERT_TRUE(mount) << words;
    EXPECT_EQ(mountText(*mount), words);
  }
  EXPECT_TRUE(parseVolumeMount("data:/d:ro")->read_only);
  EXPECT_FALSE(parseVolumeMount("data:/d")->read_only);
}

TEST(VolumeTest, OnlyRoMayStandThird) {
  for (const char* bad :
       {"", "data", "data:", "data:relative", ":/data", "data:/d:rw", "data:/d:", "data:/d:RO",
        "data:/d:ro:", "data:/d:ro,exec", "data:/a:/b", "/host:/d", "./x:/d", "data:/d:ro:z"}) {
    EXPECT_FALSE(parseVolumeMount(bad)) << bad;
  }
}

TEST(VolumeTest, PathsAreAbsoluteShortestAndNotOurs) {
  for (const char* good : {"/data", "/root/.cache", "/home/a/b", "/workspaces", "/devices",
                           "/run/x", "/system", "/tmp", "/run/agentkernels"}) {
    EXPECT_TRUE(validateVolumePath(good)) << good;
  }
  for (const std::string& bad : {std::string(),
                                 std::string("/"),
                                 std::string("//"),
                                 std::string("data"),
                                 std::string("/a/"),
                                 std::string("/a//b"),
                                 std::string("/a/../b"),
                                 std::string("/.."),
                                 std::string("/./a"),
                                 std::string("/a\0b", 4),
                                 std::string("/a\nb"),
                                 "/" + std::string(255, 'a'),
                                 std::string("/proc"),
                                 std::string("/proc/x"),
                                 std::string("/dev"),
                                 std::string("/dev/shm"),
                                 std::string("/sys"),
                                 std::string("/sys/fs/cgroup"),
                                 std::string("/run"),
                                 std::string("/run/agentkernel"),
                                 std::string("/run/agentkernel/secrets"),
                                 std::string("/workspace"),
                                 std::string("/workspace/a")}) {
    const Status valid = validateVolumePath(bad);
    ASSERT_FALSE(valid) << bad;
    EXPECT_EQ(valid.error().code, ErrorCode::InvalidArgument);
  }
}

TEST(VolumeTest, NoneLiesAtOrBeneathAnother) {
  const auto check = [](std::vector<VolumeMount> mounts) {
    return validateVolumeMounts(mounts).has_value();
  };
  EXPECT_TRUE(check({}));
  EXPECT_TRUE(check({{"a", "/data", false, ""}, {"a", "/data2", true, ""}}));
  EXPECT_FALSE(check({{"a", "/data", false, ""}, {"b", "/data", false, ""}}));
  EXPECT_FALSE(check({{"a", "/data", false, ""}, {"b", "/data/x", false, ""}}));
  EXPECT_FALSE(check({{"a", "/data/x", false, ""}, {"b", "/data", false, ""}}));
  EXPECT_FALSE(check({{"a b", "/data", false, ""}}));
  EXPECT_FALSE(check({{"a", "/proc/1", false, ""}}));
  std::vector<VolumeMount> many;
  for (std::size_t i = 0; i < kMaxVolumeMounts; ++i) {
    many.push_back({"a", "/d" + std::to_string(i), false, ""});
  }
  EXPECT_TRUE(check(many));
  many.push_back({"a", "/e", false, ""});
  EXPECT_EQ(validateVolumeMounts(many).error().code, ErrorCode::TooLarge);
}

}  // namespace
}  // namespace ak::model
