#include "base/text.h"

#include <gtest/gtest.h>

namespace ak {
namespace {

TEST(TextTest, CatJoinsTextAndNumbersOfEveryWidth) {
  EXPECT_EQ(cat("pid ", 42, ": ", std::string("gone"), ' ', std::string_view("ok")),
            "pid 42: gone ok");
  EXPECT_EQ(
      cat(std::numeric_limits<std::int64_t>::min(), '/', std::numeric_limits<std::uint64_t>::max()),
      "-9223372036854775808/18446744073709551615");
  EXPECT_EQ(cat(), "");
  EXPECT_EQ(cat("", ""), "");
}

TEST(TextTest, CatKeepsZeroBytes) {
  EXPECT_EQ(cat('\0', std::string_view("a\0b", 3)).size(), 4U);
}

TEST(TextTest, SplitKeepsEmptyParts) {
  using Parts = std::vector<std::string_view>;
  EXPECT_EQ(split("a,b,,c", ','), (Parts{"a", "b", "", "c"}));
  EXPECT_EQ(split("", ','), (Parts{""}));
  EXPECT_EQ(split(",", ','), (Parts{"", ""}));
}

TEST(TextTest, JoinPutsTheSeparatorBetweenAllParts) {
  EXPECT_EQ(join({"a", "b"}, ", "), "a, b");
  EXPECT_EQ(join({}, ", "), "");
  EXPECT_EQ(join({"", "b"}, ","), ",b");
  EXPECT_EQ(join({"", "", ""}, ","), ",,");
}

TEST(TextTest, TrimTakesWhiteSpaceFromBothEndsOnly) {
  EXPECT_EQ(trim(" \t a b \r\n"), "a b");
  EXPECT_EQ(trim(" \v\f "), "");
}

TEST(TextTest, ToLowerChangesAsciiLettersOnly) {
  EXPECT_EQ(toLower("AZ[\xc3\x84"), "az[\xc3\x84");
}

TEST(TextTest, ParseNumberWantsTheWholeText) {
  EXPECT_EQ(parseNumber<int>("-7"), -7);
  EXPECT_EQ(parseNumber<unsigned>("ff", 16), 255U);
  for (const char* bad : {"", " 1", "1 ", "+1", "1x", "0x1", "99999999999"}) {
    EXPECT_FALSE(parseNumber<int>(bad)) << bad;
  }
  EXPECT_FALSE(parseNumber<unsigned>("-1"));
  EXPECT_FALSE(parseNumber<std::uint8_t>("256"));
}

TEST(TextTest, HexIsTwoLowerCaseDigitsForEachByte) {
  EXPECT_EQ(toHex(std::string_view("\x00\x0f\xab\xff", 4)), "000fabff");
  EXPECT_EQ(toHex(""), "");
}

TEST(TextTest, PrintableLeavesGoodTextAlone) {
  EXPECT_EQ(printable("plain \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"),
            "plain \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80");
}

TEST(TextTest, PrintableDisarmsTerminalControls) {
  EXPECT_EQ(printable("\x1b[2J"), "\\x1b[2J");
  EXPECT_EQ(printable("a\nb\r\t\x7f"), "a\\x0ab\\x0d\\x09\\x7f");
  EXPECT_EQ(printable(std::string_view("\0", 1)), "\\x00");
  // U+009B is CSI for a terminal that obeys C1 controls.
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m"),
            "\\xc2\\x9b31m");
}

// Text that shows in another order than it is stored can make one file name look like another.
TEST(TextTest, PrintableDisarmsBidirectionalControls) {
  EXPECT_EQ(printable("a\xe2\x80\xae"
                      "b"),
            "a\\xe2\\x80\\xaeb");                           // U+202E
  EXPECT_EQ(printable("\xe2\x81\xa6"), "\\xe2\\x81\\xa6");  // U+2066
  EXPECT_EQ(printable("\xe2\x80\xa8"), "\\xe2\\x80\\xa8");  // U+2028, a line break
  EXPECT_EQ(printable("\xe2\x80\xa6"), "\xe2\x80\xa6");     // U+2026, an ellipsis, stays
}

TEST(TextTest, PrintableEscapesWhatIsNotUtf8) {
  EXPECT_EQ(printable("\xff\xfe"), "\\xff\\xfe");
  EXPECT_EQ(printable("\xc3"), "\\xc3");                             // cut off
  EXPECT_EQ(printable("\xc0\xaf"), "\\xc0\\xaf");                    // overlong '/'
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");           // surrogate
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");  // above U+10FFFF
  EXPECT_EQ(printable("\xe2\x82(x"), "\\xe2\\x82(x");
}

TEST(TextTest, NearestWordFindsTyposAndNothingFarAway) {
  const std::vector<std::string_view> words = {"memory", "cpus", "network", "rm"};
  EXPECT_EQ(nearestWord("memroy", words), "memory");
  EXPECT_EQ(nearestWord("cpu", words), "cpus");
  EXPECT_EQ(nearestWord("netwrok", words), "network");
  EXPECT_EQ(nearestWord("rnu", {"rm", "run"}), "run");
  EXPECT_EQ(nearestWord("zzz", words), "");
  EXPECT_EQ(nearestWord("", words), "");
  EXPECT_EQ(nearestWord("x", words), "");
}

TEST(TextTest, ReadableBytesHaveTheLargestUnitAndATenthOfIt) {
  EXPECT_EQ(readableBytes(0), "0 B");
  EXPECT_EQ(readableBytes(1023), "1023 B");
  EXPECT_EQ(readableBytes(std::uint64_t{512} << 20U), "512 MiB");
  EXPECT_EQ(readableBytes(1982282), "1.8 MiB");
  EXPECT_EQ(readableBytes((std::uint64_t{2} << 30U) - 1), "1.9 GiB");
  EXPECT_EQ(readableBytes(~std::uint64_t{0}), "16777215.9 TiB");
}

TEST(WholeCharactersTest, LeavesOutACharacterThatIsNotComplete) {
  EXPECT_EQ(wholeCharacters(""), 0U);
  EXPECT_EQ(wholeCharacters("abc"), 3U);
  EXPECT_EQ(wholeCharacters("ab\xc3"), 2U);
  EXPECT_EQ(wholeCharacters("ab\xc3\xa9"), 4U);
  EXPECT_EQ(wholeCharacters("a\xe2\x82"), 1U);
  EXPECT_EQ(wholeCharacters("\xf0\x9f\x98"), 0U);
  EXPECT_EQ(wholeCharacters("\xf0\x9f\x98\x80"), 4U);
}

TEST(WholeCharactersTest, HoldsNothingBackThatIsNoText) {
  EXPECT_EQ(wholeCharacters("\x80\x80\x80\x80"), 4U);
  EXPECT_EQ(wholeCharacters("\xa9"), 1U);
}

}  // namespace
}  // namespace ak
