#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/toml_document.h"

namespace ak::config {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

std::string repeat(std::string_view text, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) {
    out += text;
  }
  return out;
}

TEST(TomlTest, ValuesKeepTypeAndPlace) {
  const auto root =
      parseToml("f", "a = 1\n[b]\n  c = [\"x\", 'y']\nd = true\ne = 1.5\nf = 2020-01-01\n");
  ASSERT_TRUE(root) << root.error().message;
  EXPECT_EQ(root->find("a")->integer, 1);
  const Value& c = *root->find("b")->find("c");
  EXPECT_EQ(c.kind, Value::Kind::Array);
  EXPECT_EQ(c.items[1].text, "y");
  EXPECT_EQ(c.at.line, 3U);
  EXPECT_EQ(c.at.column, 7U);
  EXPECT_EQ(root->find("b")->find("f")->kind, Value::Kind::Time);
  EXPECT_EQ(root->find("nothing"), nullptr);
}

TEST(TomlTest, FieldsComeInTheOrderOfTheFile) {
  const auto root = parseToml("f", "z = 1\na = 2\n");
  EXPECT_EQ(root->fields[0].name, "z");
  EXPECT_EQ(root->fields[1].at.line, 2U);
}

TEST(TomlTest, SyntaxErrorsNameThePlace) {
  for (const char* text : {"a = ", "a = 1\na = 2", "[x", "= 1", "a = \"open", "a = 01", "\xff\xfe",
                           "a b", "[\nx = 1"}) {
    const auto root = parseToml("dir/f.toml", text);
    ASSERT_FALSE(root) << text;
    EXPECT_EQ(root.error().code, ErrorCode::InvalidArgument);
    EXPECT_THAT(root.error().message, StartsWith("dir/f.toml:"));
  }
}

TEST(TomlTest, HugeAndBinaryFilesAreRefused) {
  EXPECT_EQ(parseToml("f", std::string(kMaxTomlBytes + 1, '#')).error().code, ErrorCode::TooLarge);
  EXPECT_TRUE(parseToml("f", std::string(kMaxTomlBytes, '#')));
  EXPECT_FALSE(parseToml("f", std::string_view("a = 1\0", 6)));
}

TEST(TomlTest, DeepShapesAreRefusedBeforeTheyAreParsed) {
  for (const std::string& text :
       {"a = " + repeat("[", 500'000), "a = " + repeat("{a=", 300'000),
        repeat("a.", 500'000) + "a = 1", "[" + repeat("a.", 500'000) + "a]",
        "x = {" + repeat("a.", 400'000) + "a=1}", "a = " + repeat("[", 40) + repeat("]", 40)}) {
    const auto root = parseToml("f", text);
    ASSERT_FALSE(root);
    EXPECT_THAT(root.error().message, HasSubstr("nested too deeply"));
  }
}

TEST(TomlTest, ManyKeysAreRefused) {
  std::string text;
  for (int i = 0; i < 30'000; ++i) {
    text += "k" + std::to_string(i) + ".b=1\n";
  }
  EXPECT_THAT(parseToml("f", text).error().message, HasSubstr("too many keys"));
}

TEST(TomlTest, StringsAndCommentsAreNotStructure) {
  const std::string dots(500, '.');
  const std::string brackets(500, '[');
  for (const std::string& text :
       {"a = \"" + dots + brackets + "\"", "a = '" + brackets + "'", "# " + brackets + dots,
        "a = \"\"\"\n" + dots + "\n\"quoted\" " + brackets + "\"\"\"",
        "a = '''\n'" + brackets + "\n'''", "a = \"\\\"" + brackets + "\""}) {
    EXPECT_TRUE(parseToml("f", text)) << text.substr(0, 40);
  }
}

TEST(TomlTest, MessagesCannotDriveTheTerminal) {
  const auto root = parseToml("a\x1b[2J", "\x1b = 1");
  ASSERT_FALSE(root);
  EXPECT_THAT(root.error().message, testing::Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace ak::config
