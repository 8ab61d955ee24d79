#include "manager/git_index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.h"
#include "sys/file.h"

namespace ak::manager {
namespace {

using ::testing::ElementsAre;

// Written by git itself; with two files and one submodule.
std::string indexOf(const std::string& name) {
  const auto text =
      sys::readFile(cat(AK_SOURCE_DIR "/tests/fuzz/corpus/git_index/", name), 1 << 20);
  EXPECT_TRUE(text) << name;
  return text ? *text : std::string();
}

TEST(GitIndexTest, FindsSubmodulesInEveryVersionAndHash) {
  for (const char* name : {"version2", "version3", "version4"}) {
    const auto found = submodulesIn(indexOf(name));
    ASSERT_TRUE(found) << name << found.error().message;
    EXPECT_THAT(*found, ElementsAre("d/sub")) << name;
  }
  const auto found = submodulesIn(indexOf("sha256"));
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_THAT(*found, ElementsAre("sub"));
}

TEST(GitIndexTest, WhatCannotBeToldIsAnError) {
  const auto split = submodulesIn(indexOf("split"));
  ASSERT_FALSE(split);
  EXPECT_EQ(split.error().code, ErrorCode::Unsupported);
  EXPECT_FALSE(submodulesIn(""));
  EXPECT_FALSE(submodulesIn("DIRC"));
}

TEST(GitIndexTest, EveryCutIsAnError) {
  for (const char* name : {"version2", "version4"}) {
    const std::string whole = indexOf(name);
    for (std::size_t size = 0; size < whole.size(); ++size) {
      EXPECT_FALSE(submodulesIn(std::string_view(whole).substr(0, size))) << name << size;
    }
  }
}

}  // namespace
}  // namespace ak::manager
