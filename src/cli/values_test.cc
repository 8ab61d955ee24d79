#include "cli/values.h"

#include <gtest/gtest.h>

#include "client/testing/scripted_server.h"

namespace ak::cli {
namespace {

TEST(VolumeSizeTest, IsExactAndZeroIsUnlimited) {
  const std::pair<const char*, std::uint64_t> kGood[] = {
      {"", 0},
      {"0", 0},
      {"0gb", 0},
      {"1", 1},
      {"512b", 512},
      {"1k", 1024},
      {"1gb", std::uint64_t{1} << 30U},
      {"1.5G", std::uint64_t{3} << 29U},
      {"0.25m", 262144},
      {"2TiB", std::uint64_t{2} << 40U},
      {"8388607t", std::uint64_t{8388607} << 40U},
  };
  for (const auto& [word, bytes] : kGood) {
    const auto size = parseVolumeSize(word);
    ASSERT_TRUE(size) << word;
    EXPECT_EQ(*size, bytes) << word;
  }
}

// Where a float is read, these are 0, and so unlimited.
TEST(VolumeSizeTest, NeitherNegativeNorNanNorOverflowIsASize) {
  for (const char* bad : {"-1",
                          "-1gb",
                          "nan",
                          "NaN gb",
                          "inf",
                          "1e3",
                          "+1",
                          " 1",
                          "1 gb",
                          "gb",
                          ".",
                          "1.",
                          ".5g",
                          "1.2.3",
                          "1.234g",
                          "8388608t",
                          "99999999999999999999",
                          "4294967295.99t",
                          "1x",
                          "1gbb",
                          "0x10"}) {
    const auto size = parseVolumeSize(bad);
    ASSERT_FALSE(size) << bad;
    EXPECT_EQ(size.error().code, ErrorCode::InvalidArgument) << bad;
    EXPECT_FALSE(size.error().remedy.empty());
  }
}

TEST(ValuesTest, SizesArePowersOf1024) {
  const std::pair<const char*, std::uint64_t> good[] = {{"1", 1},
                                                        {"4096", 4096},
                                                        {"10b", 10},
                                                        {"1k", 1024},
                                                        {"512mb", 512 << 20},
                                                        {"512M", 512 << 20},
                                                        {"2g", 2ULL << 30U},
                                                        {"1GiB", 1ULL << 30U},
                                                        {"3t", 3ULL << 40U}};
  for (const auto& [word, bytes] : good) {
    EXPECT_EQ(parseSize(word).value_or(0), bytes) << word;
  }
  for (const char* bad : {"", "0", "mb", "-1", "1.5g", "1 g", "1x", "9223372036854775808",
                          "99999999t", "0x10", "1gb2"}) {
    const auto size = parseSize(bad);
    ASSERT_FALSE(size) << bad;
    EXPECT_EQ(size.error().code, ErrorCode::InvalidArgument);
    EXPECT_FALSE(size.error().remedy.empty());
  }
}

TEST(ValuesTest, CoresHaveAtMostTwoDigitsBehindThePoint) {
  const std::pair<const char*, std::uint32_t> good[] = {
      {"2", 200}, {"0.5", 50}, {"1.25", 125}, {"0.05", 5}};
  for (const auto& [word, percent] : good) {
    EXPECT_EQ(parseCpus(word).value_or(0), percent) << word;
  }
  for (const char* bad : {"", "0", "0.0", "-1", "1.", ".5", "1.234", "1e3", "nan", "4097", "1,5"}) {
    EXPECT_FALSE(parseCpus(bad)) << bad;
  }
}

TEST(ValuesTest, TimeoutsAreDurationsAboveZero) {
  using std::chrono::milliseconds;
  EXPECT_EQ(*parseTimeout("250ms"), milliseconds(250));
  EXPECT_EQ(*parseTimeout("90"), milliseconds(90000));
  EXPECT_EQ(*parseTimeout("1h"), milliseconds(3600000));
  for (const char* bad : {"", "0", "0ms", "ms", "-1s", "1.5s", "1w"}) {
    EXPECT_FALSE(parseTimeout(bad));
  }
}

TEST(ValuesTest, NoTimeAtAllIsToldFromWhatIsNoDuration) {
  EXPECT_TRUE(parseTimeout("0").error().remedy.contains("Without a timeout"));
  EXPECT_TRUE(parseTimeout("0ms").error().remedy.contains("Without a timeout"));
  EXPECT_TRUE(parseTimeout("soon").error().message.contains("not a duration"));
}

TEST(ValuesTest, MountTakesAWayAndNoPath) {
  EXPECT_EQ(*parseMount("ro"), model::WorkspaceMode::ReadOnly);
  for (const char* path : {"/a:/b", "./a", "a:b"}) {
    EXPECT_TRUE(parseMount(path).error().remedy.contains("--file SRC:DEST")) << path;
  }
  EXPECT_TRUE(parseMount("roo").error().remedy.contains("cow"));
}

TEST(ValuesTest, FilesKeepTheirModeUnlessToldOtherwise) {
  const client::testing::TemporaryDirectory directory;
  const std::string path = directory.path() + "/a:b";
  {
    const auto fd = sys::openPath(path, O_WRONLY | O_CREAT, 0600);
    ASSERT_TRUE(sys::writeAll(fd->get(), std::string("\0\xff", 2)));
  }
  const auto kept = readFileOption(path + ":/etc/x");
  ASSERT_TRUE(kept) << kept.error().message;
  EXPECT_EQ(*kept, (model::FileInjection{"/etc/x", std::string("\0\xff", 2), 0600}));
  EXPECT_EQ(readFileOption(path + ":/etc/x:755")->mode, 0755U);
  for (const std::string& bad : std::vector<std::string>{
           path, path + ":", path + ":etc/x", path + ":/x:999", path + ":/x:7777", ":/x",
           directory.path() + ":/x", directory.path() + "/none:/x", "/dev/zero:/x"}) {
    EXPECT_FALSE(readFileOption(bad)) << bad;
  }
}

TEST(ValuesTest, EnvironmentFilesHaveCommentsAndPassedVariables) {
  const client::testing::TemporaryDirectory directory;
  const std::string path = directory.path() + "/env";
  {
    const auto fd = sys::openPath(path, O_WRONLY | O_CREAT, 0600);
    ASSERT_TRUE(sys::writeAll(fd->get(), "# comment\n \n  # too\n\t A=1 2\r\nHERE\nB=#x"));
  }
  const env::Environment here = [](const char* name) -> std::optional<std::string> {
    return std::string_view(name) == "HERE" ? std::optional<std::string>("yes") : std::nullopt;
  };
  EXPECT_EQ(readEnvironmentFile(path, here).value(),
            (std::vector<std::string>{"A=1 2", "HERE=yes", "B=#x"}));
  EXPECT_FALSE(environmentEntry("MISSING", here));
  EXPECT_FALSE(readEnvironmentFile(directory.path() + "/none", here));
}

TEST(ImageNameTest, IsTheFilesNameWithoutTheEndingsOfAnArchive) {
  EXPECT_EQ(imageNameOf("/a/Debian.tar"), "debian");
  EXPECT_EQ(imageNameOf("/a/debian-12.tar.gz"), "debian-12");
  EXPECT_EQ(imageNameOf("/a/debian.tar.zst"), "debian");
  EXPECT_EQ(imageNameOf("/a/debian.tgz"), "debian");
  EXPECT_EQ(imageNameOf("/a/oci-layout"), "oci-layout");
  EXPECT_EQ(imageNameOf("/"), "");
}

}  // namespace
}  // namespace ak::cli
