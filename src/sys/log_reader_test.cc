#include "sys/log_reader.h"

#include <cstdio>
#include <fstream>

#include <gtest/gtest.h>

#include "sys/testing/temp_dir.h"

namespace ak::sys {
namespace {

using testing::TempDir;

class LogReaderTest : public ::testing::Test {
 protected:
  void append(std::string_view text) const {
    std::ofstream(directory_.path("log"), std::ios::app) << text;
  }

  void rotate() const {
    ASSERT_EQ(::rename(directory_.path("log").c_str(), directory_.path("log.1").c_str()), 0);
  }

  LogReader open() const {
    auto reader = LogReader::open(directory_.path("log"));
    EXPECT_TRUE(reader);
    return *std::move(reader);
  }

  // All that there is now; "[gap]" where the reader says that some is missing.
  static std::string readOn(LogReader& reader) {
    std::string all;
    for (;;) {
      const auto piece = reader.next();
      EXPECT_TRUE(piece);
      all += piece && piece->skipped ? "[gap]" : "";
      if (!piece || piece->data.empty()) {
        return all;
      }
      EXPECT_LE(piece->data.size(), LogReader::kPiece);
      all += piece->data;
    }
  }

  const TempDir directory_;
};

TEST_F(LogReaderTest, SaysThatThereIsNone) {
  const auto reader = LogReader::open(directory_.path("log"));
  ASSERT_FALSE(reader);
  EXPECT_EQ(reader.error().code, ErrorCode::NotFound);
  EXPECT_EQ(reader.error().sys_errno, ENOENT);
}

TEST_F(LogReaderTest, ReadsTheOlderHalfFirst) {
  append("old ");
  rotate();
  append("new");
  LogReader reader = open();
  EXPECT_EQ(readOn(reader), "old new");
}

TEST_F(LogReaderTest, GoesOnWithWhatIsAppended) {
  append("a");
  LogReader reader = open();
  EXPECT_EQ(readOn(reader), "a");
  EXPECT_EQ(readOn(reader), "");
  append("b");
  EXPECT_EQ(readOn(reader), "b");
}

TEST_F(LogReaderTest, FollowsARotationAndLosesNothing) {
  append("a");
  LogReader reader = open();
  EXPECT_EQ(readOn(reader), "a");
  append("b");
  rotate();
  EXPECT_EQ(readOn(reader), "b");  // the new one is not there yet
  append("c");
  EXPECT_EQ(readOn(reader), "c");
  rotate();
  append("d");
  EXPECT_EQ(readOn(reader), "d");
}

TEST_F(LogReaderTest, ARotationWhileTheOlderHalfIsReadLeavesNoGap) {
  append("a");
  rotate();
  append("b");
  LogReader reader = open();
  rotate();
  append("c");
  EXPECT_EQ(readOn(reader), "abc");
}

TEST_F(LogReaderTest, SaysWhereSomeIsMissing) {
  append("a");
  LogReader reader = open();
  rotate();
  append("lost");
  rotate();
  append("c");
  rotate();
  append("d");
  EXPECT_EQ(readOn(reader), "a[gap]cd");
}

TEST_F(LogReaderTest, ReadsWhatWasRemovedToItsEnd) {
  append("last words");
  LogReader reader = open();
  ASSERT_EQ(::remove(directory_.path("log").c_str()), 0);
  EXPECT_EQ(readOn(reader), "last words");
  EXPECT_EQ(readOn(reader), "");
}

TEST_F(LogReaderTest, ALargeLogComesInPieces) {
  const std::string large(3 * LogReader::kPiece + 5, 'x');
  append(large);
  LogReader reader = open();
  EXPECT_EQ(readOn(reader), large);
}

TEST_F(LogReaderTest, FollowsNoLink) {
  ASSERT_EQ(::symlink("/etc/passwd", directory_.path("log").c_str()), 0);
  EXPECT_FALSE(LogReader::open(directory_.path("log")));
}

}  // namespace
}  // namespace ak::sys
