#include "image/tar_reader.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "image/test_tar.h"

namespace ak::image {
namespace {

using testing::TarWriter;

// Gives a few bytes at a time: no read may depend on blocks arriving whole.
class StringSource final : public ByteSource {
 public:
  explicit StringSource(std::string text, std::size_t chunk = 300)
      : text_(std::move(text)), chunk_(chunk) {}

  Result<std::size_t> read(std::span<char> out) override {
    const std::size_t size = std::min({out.size(), chunk_, text_.size() - at_});
    std::copy_n(text_.begin() + static_cast<std::ptrdiff_t>(at_), size, out.begin());
    at_ += size;
    return size;
  }

 private:
  std::string text_;
  std::size_t chunk_;
  std::size_t at_ = 0;
};

struct Read {
  TarEntry entry;
  std::string content;
};

Result<std::vector<Read>> readTar(std::string text) {
  StringSource source(std::move(text));
  TarReader reader(source);
  std::vector<Read> all;
  while (std::optional<TarEntry> entry = AK_TRY(reader.next())) {
    Read read{std::move(*entry), {}};
    char buffer[100];
    while (const std::size_t size = AK_TRY(reader.readContent(buffer))) {
      read.content.append(buffer, size);
    }
    all.push_back(std::move(read));
  }
  if (!reader.complete()) {
    return fail(ErrorCode::Protocol, "incomplete");
  }
  return all;
}

ErrorCode errorOf(std::string text) {
  const auto result = readTar(std::move(text));
  EXPECT_FALSE(result);
  return result ? ErrorCode::Internal : result.error().code;
}

TEST(TarReaderTest, ReadsUstarMembers) {
  const auto all = readTar(TarWriter()
                               .directory("dir/")
                               .file("dir/file", std::string(1000, 'x'))
                               .symlink("link", "dir/file")
                               .hardLink("hard", "dir/file")
                               .finish());
  ASSERT_TRUE(all) << all.error().message;
  ASSERT_EQ(all->size(), 4U);
  EXPECT_EQ((*all)[0].entry.type, TarType::Directory);
  EXPECT_EQ((*all)[1].content, std::string(1000, 'x'));
  EXPECT_EQ((*all)[1].entry.modified_seconds, 1'600'000'000);
  EXPECT_EQ((*all)[2].entry.link, "dir/file");
  EXPECT_EQ((*all)[3].entry.type, TarType::HardLink);
}

TEST(TarReaderTest, PaxRecordsApplyToTheNextMemberOnly) {
  const std::string name(300, 'n');
  const auto all = readTar(TarWriter()
                               .pax("path", name)
                               .pax("uid", "4000000")
                               .pax("mtime", "12.5")
                               .pax("SCHILY.xattr.user.a", std::string_view("v\0w", 3))
                               .file("short", "1")
                               .file("plain", "2")
                               .finish());
  ASSERT_TRUE(all) << all.error().message;
  ASSERT_EQ(all->size(), 2U);
  const TarEntry& first = (*all)[0].entry;
  EXPECT_EQ(first.path, name);
  EXPECT_EQ(first.uid, 4'000'000U);
  EXPECT_EQ(first.modified_seconds, 12);
  EXPECT_EQ(first.modified_nanoseconds, 500'000'000U);
  ASSERT_EQ(first.xattrs.size(), 1U);
  EXPECT_EQ(first.xattrs[0].second, std::string("v\0w", 3));
  EXPECT_EQ((*all)[1].entry.path, "plain");
  EXPECT_TRUE((*all)[1].entry.xattrs.empty());
}

TEST(TarReaderTest, PaxSizeReplacesTheHeadersSize) {
  std::string archive = TarWriter().pax("size", "5").unfinished();
  std::string member = TarWriter().file("f", "").unfinished();
  archive += member + "hello" + std::string(507, '\0') + std::string(1024, '\0');
  const auto all = readTar(archive);
  ASSERT_TRUE(all) << all.error().message;
  EXPECT_EQ((*all)[0].content, "hello");
}

TEST(TarReaderTest, GnuLongNamesAndLinks) {
  const std::string name(3000, 'n');
  const auto all = readTar(TarWriter()
                               .gnuLong('K', "target/" + name)
                               .gnuLong('L', name)
                               .symlink("short", "short")
                               .finish());
  ASSERT_TRUE(all) << all.error().message;
  EXPECT_EQ((*all)[0].entry.path, name);
  EXPECT_EQ((*all)[0].entry.link, "target/" + name);
}

TEST(TarReaderTest, ReadsBase256Numbers) {
  std::string archive = TarWriter().file("f", "").unfinished();
  archive.replace(108, 8, std::string("\x80\0\0\0\0\x0f\x42\x40", 8));
  std::string header = archive.substr(0, 512);
  TarWriter::seal(header);
  const auto all = readTar(header + std::string(1024, '\0'));
  ASSERT_TRUE(all) << all.error().message;
  EXPECT_EQ((*all)[0].entry.uid, 1'000'000U);
}

TEST(TarReaderTest, TruncationAtEveryBlockIsAnError) {
  const std::string whole = TarWriter()
                                .pax("path", "renamed")
                                .file("f", std::string(2000, 'x'))
                                .gnuLong('L', std::string(600, 'n'))
                                .file("g", "y")
                                .finish();
  ASSERT_TRUE(readTar(whole));
  for (std::size_t size = 0; size < whole.size(); size += 512) {
    EXPECT_EQ(errorOf(whole.substr(0, size)), ErrorCode::Protocol) << size;
    EXPECT_EQ(errorOf(whole.substr(0, size + 100)), ErrorCode::Protocol) << size + 100;
  }
}

TEST(TarReaderTest, OversizedNamesAndHeadersAreRefused) {
  EXPECT_EQ(errorOf(TarWriter().pax("path", std::string(4097, 'n')).file("f", "").finish()),
            ErrorCode::TooLarge);
  EXPECT_EQ(errorOf(TarWriter().gnuLong('L', std::string(5000, 'n')).file("f", "").finish()),
            ErrorCode::TooLarge);
  EXPECT_EQ(errorOf(TarWriter().pax("comment", std::string(2 << 20, 'c')).file("f", "").finish()),
            ErrorCode::TooLarge);
  TarWriter many;  // each small, all for one member
  for (int i = 0; i < 5; ++i) {
    many.pax("comment", std::string(300'000, 'c'));
  }
  EXPECT_EQ(errorOf(many.file("f", "").finish()), ErrorCode::TooLarge);
  TarWriter attributes;
  for (int i = 0; i < 65; ++i) {
    attributes.pax(cat("SCHILY.xattr.user.", i), "v");
  }
  EXPECT_EQ(errorOf(attributes.file("f", "").finish()), ErrorCode::TooLarge);
}

TEST(TarReaderTest, SparseMembersAreRefused) {
  EXPECT_EQ(errorOf(TarWriter().add({.name = "s", .type = 'S'}).finish()), ErrorCode::Unsupported);
  EXPECT_EQ(errorOf(TarWriter().pax("GNU.sparse.size", "1099511627776").file("s", "").finish()),
            ErrorCode::Unsupported);
}

TEST(TarReaderTest, MalformedHeadersAreRefused) {
  std::string wrong = TarWriter().file("f", "").finish();
  wrong[0] = 'g';
  EXPECT_EQ(errorOf(wrong), ErrorCode::Protocol);
  for (const char* record : {"5 a=b", "999 a=b\n", "x a=b\n", "4 a=\n\n", "0 a=b\n", "7 path\n"}) {
    const std::string archive =
        TarWriter().add({.name = "p", .type = 'x', .content = record}).file("f", "").finish();
    EXPECT_EQ(errorOf(archive), ErrorCode::Protocol) << record;
  }
  EXPECT_EQ(errorOf(TarWriter().pax("size", "-1").file("f", "").finish()), ErrorCode::Protocol);
  EXPECT_EQ(errorOf(TarWriter().pax("path", std::string_view("a\0b", 3)).file("f", "").finish()),
            ErrorCode::Protocol);
  EXPECT_EQ(errorOf(TarWriter().add({.name = "v", .type = 'V'}).finish()), ErrorCode::Unsupported);
}

TEST(TarReaderTest, AnotherKindOfFileIsNotTakenForADamagedArchive) {
  for (const std::string& text : {std::string("#!/bin/sh\n"), std::string(2000, 'x')}) {
    const auto result = readTar(text);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().message, "it is not a tar archive");
  }
}

}  // namespace
}  // namespace ak::image
