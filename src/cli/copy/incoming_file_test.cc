#include "cli/copy/incoming_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <filesystem>

#include <gtest/gtest.h>

#include "client/testing/scripted_server.h"

namespace ak::cli {
namespace {

class IncomingFileTest : public ::testing::Test {
 protected:
  IncomingFileTest() : fd_(*sys::openPath(directory_.path(), O_RDONLY | O_DIRECTORY)) {}

  std::string at(std::string_view name) const { return cat(directory_.path(), "/", name); }

  Status put(const std::string& name, std::string_view content, std::uint32_t mode = 0644) {
    IncomingFile file = AK_TRY(IncomingFile::create(fd_.get(), name));
    AK_TRY(file.write(content));
    return file.commit(mode);
  }

  std::string read(std::string_view name) const {
    return sys::readFile(at(name), 1 << 20).value_or("");
  }

  std::size_t entries() const {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry :
         std::filesystem::directory_iterator(directory_.path())) {
      ++count;
    }
    return count;
  }

  client::testing::TemporaryDirectory directory_;
  sys::OwnedFd fd_;
};

TEST_F(IncomingFileTest, AppearsWholeOrNotAtAll) {
  ASSERT_TRUE(put("x", "old"));
  {
    auto file = IncomingFile::create(fd_.get(), "x");
    ASSERT_TRUE(file && file->write("half"));
    EXPECT_EQ(read("x"), "old");
  }
  EXPECT_EQ(read("x"), "old");
  EXPECT_EQ(entries(), 1U);
  ASSERT_TRUE(put("x", "new"));
  EXPECT_EQ(read("x"), "new");
  EXPECT_EQ(entries(), 1U);
}

TEST_F(IncomingFileTest, LinksAreReplacedAndNotWrittenThrough) {
  ASSERT_TRUE(put("victim", "mine"));
  std::filesystem::create_symlink("victim", at("link"));
  ASSERT_TRUE(put("link", "theirs"));
  EXPECT_EQ(read("victim"), "mine");
  EXPECT_FALSE(std::filesystem::is_symlink(at("link")));
  ASSERT_TRUE(putLink(fd_.get(), "link", "elsewhere"));
  ASSERT_TRUE(putLink(fd_.get(), "link", "victim"));
  EXPECT_EQ(std::filesystem::read_symlink(at("link")), "victim");
  EXPECT_EQ(read("victim"), "mine");
}

TEST_F(IncomingFileTest, WhatIsNoFileOrLinkIsNotReplaced) {
  ASSERT_EQ(::mkfifo(at("fifo").c_str(), 0600), 0);
  ASSERT_EQ(::mkdir(at("directory").c_str(), 0700), 0);
  for (const char* name : {"fifo", "directory"}) {
    EXPECT_EQ(put(name, "x").error().code, ErrorCode::Conflict) << name;
    EXPECT_EQ(putLink(fd_.get(), name, "x").error().code, ErrorCode::Conflict) << name;
  }
  EXPECT_EQ(entries(), 2U);
}

TEST_F(IncomingFileTest, SetIdBitsAndWhatTheUmaskTakesAreDropped) {
  const mode_t old = ::umask(027);
  ASSERT_TRUE(put("x", "", 07777));
  ::umask(old);
  struct stat info{};
  ASSERT_EQ(::stat(at("x").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0750U);
}

TEST_F(IncomingFileTest, BlocksOfZerosTakeNoDisk) {
  const std::string hole(1'000'000, '\0');
  std::string whole;
  auto file = IncomingFile::create(fd_.get(), "x");
  ASSERT_TRUE(file);
  // Pieces that are cut where it hurts, and a hole at the end.
  for (const std::string& piece : {std::string("begin"), hole, std::string("middle"),
                                   hole.substr(0, 12'345), std::string("z"), hole}) {
    ASSERT_TRUE(file->write(piece));
    whole += piece;
  }
  ASSERT_TRUE(file->commit(0644));
  const auto content = sys::readFile(at("x"), 10'000'000);
  ASSERT_TRUE(content);
  EXPECT_TRUE(*content == whole);
  struct stat info{};
  ASSERT_EQ(::stat(at("x").c_str(), &info), 0);
  EXPECT_LT(info.st_blocks * 512, 200'000);
}

TEST(LeadsOutsideTest, OnlyLinksThatCannotLeaveTheTreeStay) {
  for (const auto& [target, depth] :
       std::initializer_list<std::pair<std::string_view, std::size_t>>{{"x", 0},
                                                                       {"./x/y", 0},
                                                                       {"..", 1},
                                                                       {"../x", 1},
                                                                       {"./../../x", 2},
                                                                       {"...", 0},
                                                                       {"a..b", 0}}) {
    EXPECT_FALSE(leadsOutside(target, depth)) << target;
  }
  for (const auto& [target, depth] :
       std::initializer_list<std::pair<std::string_view, std::size_t>>{
           {"", 0},
           {"/", 0},
           {"/etc/passwd", 9},
           {"..", 0},
           {"../x", 0},
           {"../../x", 1},
           {"x/../y", 5},  // x may be a link, and then `..` is somewhere else
           {"x/../../y", 1},
           {"..//../x", 1}}) {
    EXPECT_TRUE(leadsOutside(target, depth)) << target;
  }
}

}  // namespace
}  // namespace ak::cli
