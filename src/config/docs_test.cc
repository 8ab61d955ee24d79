#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

#include "base/text.h"
#include "config/config.h"
#include "config/foreign_sections.h"

namespace ak::config {
namespace {

constexpr std::string_view kBegin = "<!-- schema:begin -->\n";
constexpr std::string_view kEnd = "<!-- schema:end -->";

std::string_view whereWord(Where where) {
  switch (where) {
    case Where::Both:
      return "both";
    case Where::UserOnly:
      return "user";
    case Where::ProjectOnly:
      return "project";
  }
  return {};
}

std::string renderSchema() {
  std::string text;
  for (const SectionSpec* section : allSections()) {
    const bool list = section->shape == SectionSpec::Shape::ArrayOfTables;
    text += cat("\n### ", list ? "[[" : "[", section->name, list ? "]]" : "]",
                "\n\n| key | type | default | file | meaning |\n|---|---|---|---|---|\n");
    for (const KeySpec& key : section->keys) {
      text += cat("| `", key.key, "` | ", key.type, " | ", key.default_value, " | ",
                  whereWord(key.where), " | ", key.meaning, " |\n");
    }
  }
  text += "\n### Sections that this build does not offer\n\n";
  for (const ForeignSection& section : foreignSections()) {
    text += cat("- `", section.path, "`: ", section.instead, "\n");
  }
  return text + "\n";
}

// When this fails, put the text that it prints between the markers.
TEST(ConfigurationPageTest, ListsExactlyTheKeysOfTheSchema) {
  std::ifstream file(AK_SOURCE_DIR "/docs/configuration.md");
  const std::string page((std::istreambuf_iterator<char>(file)), {});
  const std::size_t begin = page.find(kBegin);
  const std::size_t end = page.find(kEnd);
  ASSERT_TRUE(begin != std::string::npos && end != std::string::npos && begin < end);
  EXPECT_EQ(page.substr(begin + kBegin.size(), end - begin - kBegin.size()), renderSchema());
}

}  // namespace
}  // namespace ak::config
