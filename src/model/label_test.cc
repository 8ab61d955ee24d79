#include "model/label.h"

#include <gtest/gtest.h>

namespace ak::model {
namespace {

TEST(LabelTest, KeysAndValuesHaveTheirAlphabet) {
  EXPECT_TRUE(validateLabels({}).has_value());
  EXPECT_TRUE(validateLabels({{"env", "prod"}, {"a.b-c_d", "x/y.z"}}).has_value());
  const std::string long_key(64, 'k');
  const std::string long_value(256, 'v');
  for (const auto& [key, value] : Labels{{"", "v"},
                                         {"a b", "v"},
                                         {"a=b", "v"},
                                         {"k\xc3\xa9", "v"},
                                         {long_key, "v"},
                                         {"empty", ""},
                                         {"spaces", "a b"},
                                         {"newline", "a\nb"},
                                         {"long", long_value}}) {
    const Status checked = validateLabels({{key, value}});
    ASSERT_FALSE(checked.has_value()) << key;
    EXPECT_EQ(checked.error().code, ErrorCode::InvalidArgument);
    EXPECT_FALSE(checked.error().remedy.empty());
  }
}

TEST(LabelTest, OurOwnKeysAreNobodyElses) {
  EXPECT_FALSE(validateLabels({{"agentkernel.forked-from", "x"}}).has_value());
  EXPECT_TRUE(validateLabels({{"agentkernel", "x"}}).has_value());
}

TEST(LabelTest, ThereIsAnEndToThem) {
  Labels labels;
  for (std::size_t i = 0; i < kMaxLabels; ++i) {
    labels["k" + std::to_string(i)] = "v";
  }
  EXPECT_TRUE(validateLabels(labels).has_value());
  labels["more"] = "v";
  EXPECT_EQ(validateLabels(labels).error().code, ErrorCode::TooLarge);
}

TEST(LabelTest, AllOfAFilterMustMatch) {
  const Labels labels{{"env", "prod"}, {"team", "ml"}};
  EXPECT_TRUE(matches(labels, {}));
  EXPECT_TRUE(matches(labels, {{"env", "prod"}}));
  EXPECT_TRUE(matches(labels, {{"env", "prod"}, {"team", "ml"}}));
  EXPECT_FALSE(matches(labels, {{"env", "prod"}, {"team", "web"}}));
  EXPECT_FALSE(matches(labels, {{"owner", "ml"}}));
  EXPECT_FALSE(matches({}, {{"env", "prod"}}));
}

TEST(LabelTest, TheFirstSeparatorSplits) {
  using Pair = std::pair<std::string, std::string>;
  EXPECT_EQ(*parseLabel(" env = prod ", '='), Pair("env", "prod"));
  EXPECT_EQ(*parseLabel("env:a:b", ':'), Pair("env", "a:b"));
  EXPECT_EQ(parseLabel("env", '=').error().remedy, "Write it as key=value.");
}

TEST(DescriptionTest, IsPlainTextOfSomeLength) {
  EXPECT_EQ(*cleanDescription("  two\nlines "), "two\nlines");
  EXPECT_EQ(*cleanDescription(" \n "), "");
  EXPECT_FALSE(cleanDescription("a\x1b[2J").has_value());
  EXPECT_FALSE(cleanDescription("\xff").has_value());
  EXPECT_FALSE(cleanDescription(std::string("a\0b", 3)).has_value());
  EXPECT_EQ(cleanDescription(std::string(5000, 'a')).error().code, ErrorCode::TooLarge);
}

}  // namespace
}  // namespace ak::model
