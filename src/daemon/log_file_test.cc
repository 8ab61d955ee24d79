#include "daemon/log_file.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "base/text.h"
#include "sys/file.h"
#include "sys/testing/temp_dir.h"

namespace ak::daemon {
namespace {

TEST(LogFileTest, KeepsAsManyFilesOfTheSizeAsItIsTold) {
  const sys::testing::TempDir directory;
  const SystemClock clock;
  auto log = LogFile::open(directory.path("daemon.log"), clock);
  ASSERT_TRUE(log);
  (*log)->bound({.max_bytes = 4096, .max_files = 2});
  for (int i = 0; i < 200; ++i) {
    (*log)->write(observe::Level::Info, "test", cat("line ", i, " ", std::string(80, 'x')));
  }
  std::string all;
  for (const char* name : {"daemon.log.2", "daemon.log.1", "daemon.log"}) {
    const auto text = sys::readFile(directory.path(name), 8192);
    ASSERT_TRUE(text) << name;
    EXPECT_LE(text->size(), 4096U) << name;
    all += *text;
  }
  EXPECT_FALSE(std::filesystem::exists(directory.path("daemon.log.3")));
  EXPECT_TRUE(all.contains("line 199 "));
  EXPECT_FALSE(all.contains("line 0 "));
  // In order and without a gap.
  const auto lines = split(trim(all), '\n');
  for (std::size_t i = 0; i < lines.size(); ++i) {
    EXPECT_TRUE(lines[i].contains(cat("line ", 200 - lines.size() + i, " "))) << lines[i];
  }
}

}  // namespace
}  // namespace ak::daemon
