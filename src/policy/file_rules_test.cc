#include "policy/file_rules.h"

#include <gtest/gtest.h>

namespace ak::policy {
namespace {

std::string formOf(std::string_view path) {
  const auto form = sandboxFilePath(path);
  return form ? *form : std::string(errorCodeInfo(form.error().code).name);
}

TEST(FileRulesTest, PathsHaveOneForm) {
  EXPECT_EQ(formOf("/"), "/");
  EXPECT_EQ(formOf("//"), "/");
  EXPECT_EQ(formOf("/tmp/x"), "/tmp/x");
  EXPECT_EQ(formOf("//tmp///x/"), "/tmp/x");
  EXPECT_EQ(formOf("/./tmp/./x/."), "/tmp/x");
  EXPECT_EQ(formOf("/tmp/a b\n\xff"), "/tmp/a b\n\xff");
}

// Upstream compares text: it takes these for /dev, /sys, /proc and `..`.
TEST(FileRulesTest, NamesThatOnlyBeginLikeAForbiddenOneAreAllowed) {
  for (const char* path : {"/devel", "/developer/x", "/system", "/process", "/process/1", "/a..b",
                           "/tmp/..x", "/tmp/x..", "/tmp/...", "/home/proc/x"}) {
    EXPECT_EQ(formOf(path), path);
  }
}

// Upstream's list is walked around by each of these.
TEST(FileRulesTest, AnotherSpellingOfAForbiddenPathIsRefused) {
  for (const char* path :
       {"/proc", "/proc/", "/proc/self/mem", "//proc/self", "/./proc/self", "///./proc", "/sys/x",
        "//sys//kernel", "/dev", "/dev/null", "/./dev/./shm/x", "/dev/../dev"}) {
    EXPECT_EQ(formOf(path), "invalid_argument") << path;
  }
}

TEST(FileRulesTest, WhatIsNoPathIsRefused) {
  for (const std::string& path :
       {std::string(), std::string("tmp/x"), std::string("../x"), std::string("/.."),
        std::string("/tmp/../x"), std::string("/tmp/.."), std::string("/tmp/a\0b", 8),
        "/" + std::string(4095, 'x')}) {
    EXPECT_EQ(formOf(path), "invalid_argument") << path.substr(0, 20);
  }
  EXPECT_EQ(formOf("/" + std::string(4094, 'x')).size(), 4095U);
}

// Files of the sandbox's own root are the guest's to change; see docs/differences.md.
TEST(FileRulesTest, AccountsOfTheSandboxAreFilesLikeAnyOther) {
  for (const char* path : {"/etc/passwd", "/etc/shadow", "/etc/sudoers", "/root/.ssh/config"}) {
    EXPECT_EQ(formOf(path), path);
  }
}

TEST(FileRulesTest, ModesHavePermissionBitsOnly) {
  EXPECT_TRUE(checkFileMode(0));
  EXPECT_TRUE(checkFileMode(0777));
  for (const std::uint32_t mode : {01000U, 02755U, 04755U, 010000U, ~0U}) {
    EXPECT_EQ(checkFileMode(mode).error().code, ErrorCode::InvalidArgument);
  }
}

TEST(FileRulesTest, ModesAreWrittenInOctal) {
  EXPECT_EQ(parseFileMode("0644").value_or(1), 0644U);
  EXPECT_EQ(parseFileMode("750").value_or(1), 0750U);
  for (const char* text : {"", "8", "-1", "+7", " 7", "0x1f", "4755", "000000644", "rw"}) {
    EXPECT_FALSE(parseFileMode(text)) << text;
  }
}

}  // namespace
}  // namespace ak::policy
