#include "manager/job_log.h"

#include <stdlib.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <stdexcept>

#include <gtest/gtest.h>

#include "base/text.h"

namespace ak::manager {
namespace {

class JobLogTest : public testing::Test {
 protected:
  JobLogTest() {
    char name[] = "/tmp/ak-job-log-XXXXXX";
    if (::mkdtemp(name) == nullptr) {
      throw std::runtime_error("mkdtemp");
    }
    directory = name;
  }

  ~JobLogTest() override { std::filesystem::remove_all(directory); }

  JobLog open() { return std::move(*JobLog::open(directory, JobChannel::Stdout)); }

  // Everything from `offset` on, with "[n]" where n bytes are missing.
  std::string readFrom(std::uint64_t offset, std::size_t most = 1 << 20) const {
    std::string text;
    for (;;) {
      const auto piece = readJobLog(directory, JobChannel::Stdout, offset, most);
      EXPECT_TRUE(piece);
      if (!piece || piece->data.empty()) {
        return text;
      }
      if (piece->missing != 0) {
        text += cat("[", piece->missing, "]");
      }
      text += piece->data;
      offset = piece->next;
    }
  }

  std::uintmax_t bytesOnDisk() const {
    std::uintmax_t sum = 0;
    for (const auto& entry : std::filesystem::directory_iterator(directory)) {
      sum += entry.file_size();
    }
    return sum;
  }

  std::string directory;
};

TEST_F(JobLogTest, IsReadFromAnyOffsetInPieces) {
  JobLog log = open();
  EXPECT_EQ(readFrom(0), "");
  log.append("hello ");
  log.append("world");
  EXPECT_EQ(readFrom(0), "hello world");
  EXPECT_EQ(readFrom(0, 3), "hello world");
  EXPECT_EQ(readFrom(6), "world");
  EXPECT_EQ(readFrom(11), "");
  EXPECT_EQ(readFrom(1000), "");
  EXPECT_EQ(log.end(), 11U);
  EXPECT_TRUE(readJobLog(directory, JobChannel::Stderr, 0, 10)->data.empty());
}

TEST_F(JobLogTest, AGapIsKnownToItsBytes) {
  JobLog log = open();
  log.append("abc");
  log.skipTo(10);
  log.append("xyz");
  EXPECT_EQ(readFrom(0), "abc[7]xyz");
  EXPECT_EQ(readFrom(5), "[5]xyz");
  EXPECT_EQ(readFrom(11), "yz");
  log.skipTo(4);  // nothing: it is behind that
  EXPECT_EQ(log.end(), 13U);
}

TEST_F(JobLogTest, TheNextDaemonGoesOnWhereTheFilesEnd) {
  open().append("abc");
  JobLog log = open();
  EXPECT_EQ(log.end(), 3U);
  log.append("def");
  EXPECT_EQ(readFrom(0), "abcdef");
}

TEST_F(JobLogTest, KeepsTheLastMebibytesHoweverMuchComes) {
  JobLog log = open();
  const std::string piece(100'000, 'x');
  for (int i = 0; i < 300; ++i) {
    log.append(piece);
    ASSERT_LE(bytesOnDisk(), JobLog::kSegment * JobLog::kSegments);
  }
  log.append("end");
  EXPECT_EQ(log.end(), 30'000'003U);
  const auto first = readJobLog(directory, JobChannel::Stdout, 0, 1);
  const std::uint64_t kept = 30'000'003 - first->missing;
  EXPECT_GE(kept, JobLog::kSegment * (JobLog::kSegments - 1));
  EXPECT_LE(kept, JobLog::kSegment * JobLog::kSegments);
  EXPECT_TRUE(readFrom(29'999'990).ends_with("xxend"));
}

TEST_F(JobLogTest, ManyGapsMakeNoMoreFiles) {
  JobLog log = open();
  for (std::uint64_t i = 1; i <= 100; ++i) {
    log.skipTo(i * 1000);
    log.append("x");
  }
  EXPECT_LE(std::distance(std::filesystem::directory_iterator(directory), {}),
            static_cast<std::ptrdiff_t>(JobLog::kSegments));
  EXPECT_EQ(readFrom(97'001), "[999]x[999]x[999]x");
}

TEST_F(JobLogTest, WhatTheDiskDoesNotTakeIsMissingAndNothingElse) {
  JobLog log = open();
  log.append("abc");
  std::filesystem::rename(directory, directory + "-away");
  log.append(std::string(JobLog::kSegment, 'y'));  // needs a new file
  std::filesystem::rename(directory + "-away", directory);
  log.append("xyz");
  EXPECT_EQ(readFrom(0), cat("abc[", JobLog::kSegment, "]xyz"));
}

// No file may grow: as on a disk without room, for this process alone.
class NoRoom {
 public:
  NoRoom() {
    before_ = ::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &room_);
    const rlimit none{0, room_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &none);
  }

  ~NoRoom() {
    ::setrlimit(RLIMIT_FSIZE, &room_);
    ::signal(SIGXFSZ, before_);
  }

  NoRoom(const NoRoom&) = delete;
  NoRoom& operator=(const NoRoom&) = delete;

 private:
  rlimit room_{};
  sighandler_t before_;
};

TEST_F(JobLogTest, AFullDiskTakesNothingOfWhatIsKept) {
  JobLog log = open();
  const std::string piece(std::size_t{1} << 20U, 'a');
  for (int i = 0; i < 8; ++i) {
    log.append(piece);
  }
  const std::uintmax_t kept = bytesOnDisk();
  ASSERT_EQ(kept, 8U << 20U);
  {
    const NoRoom full;
    for (int i = 0; i < 20; ++i) {
      log.append("lost ");
    }
  }
  EXPECT_EQ(bytesOnDisk(), kept);
  log.append("found");
  EXPECT_EQ(readFrom((8U << 20U) - 3), "aaa[100]found");
  EXPECT_EQ(log.end(), (8U << 20U) + 105);
}

}  // namespace
}  // namespace ak::manager
