#include "manager/line_diff.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.h"

namespace ak::manager {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(LineDiffTest, EqualTextsHaveNoHunks) {
  EXPECT_THAT(unifiedLines("a\nb\n", "a\nb\n"), IsEmpty());
}

TEST(LineDiffTest, AdditionToNothing) {
  EXPECT_THAT(unifiedLines("", "a\nb\n"), ElementsAre("@@ -0,0 +1,2 @@", "+a", "+b"));
  EXPECT_THAT(unifiedLines("a\n", ""), ElementsAre("@@ -1,1 +0,0 @@", "-a"));
}

TEST(LineDiffTest, SaysWhenTheLastNewlineIsMissing) {
  EXPECT_THAT(unifiedLines("a\n", "a"),
              ElementsAre("@@ -1,1 +1,1 @@", "-a", "+a", "\\ No newline at end of file"));
}

TEST(LineDiffTest, DistantChangesAreSeparateHunks) {
  std::string before;
  for (int i = 0; i < 30; ++i) {
    before += cat("line ", i, "\n");
  }
  std::string after = before;
  after.replace(after.find("line 2\n"), 6, "LINE 2");
  after.replace(after.find("line 25"), 7, "LINE 25");
  int hunks = 0;
  for (const std::string& line : unifiedLines(before, after)) {
    hunks += line.starts_with("@@") ? 1 : 0;
  }
  EXPECT_EQ(hunks, 2);
}

TEST(LineDiffTest, VeryDifferentTextsAreBoundedWork) {
  std::string before;
  std::string after;
  for (int i = 0; i < 20000; ++i) {
    before += cat("a", i, "\n");
    after += cat("b", i, "\n");
  }
  EXPECT_EQ(unifiedLines(before, after).size(), 40001U);
}

// The real patch(1) must make the new text of the old one.
TEST(LineDiffTest, PatchReproducesTheNewText) {
  if (!std::filesystem::exists("/usr/bin/patch")) {
    GTEST_SKIP() << "patch is not installed";
  }
  char pattern[] = "/tmp/ak-diff-XXXXXX";
  const std::filesystem::path top = ::mkdtemp(pattern);
  unsigned seed = 1;
  const auto next = [&seed] { return seed = seed * 1103515245U + 12345U; };
  for (int round = 0; round < 40; ++round) {
    std::string before;
    std::string after;
    for (int i = 0; i < 60; ++i) {
      const std::string line = cat("v", (next() >> 16U) % 7U, "\n");
      const unsigned what = (next() >> 16U) % 10U;
      before += what != 0 ? line : "";
      after += what == 1 ? "" : what == 2 ? cat("new", i, "\n") : line;
    }
    std::ofstream(top / "f") << before;
    std::ofstream patch(top / "p");
    patch << "--- f\n+++ f\n";
    for (const std::string& line : unifiedLines(before, after)) {
      patch << line << "\n";
    }
    patch.close();
    if (before == after) {
      continue;
    }
    const std::string command = cat("cd ", top.string(), " && patch -s -p0 < p");
    ASSERT_EQ(std::system(command.c_str()), 0) << before << "\n--\n" << after;
    std::ifstream file(top / "f");
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), after);
  }
  std::filesystem::remove_all(top);
}

}  // namespace
}  // namespace ak::manager
