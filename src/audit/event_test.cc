#include "audit/event.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "audit/chain.h"
#include "base/text.h"

namespace ak::audit {
namespace {

using nlohmann::json;

const WallTime kNow = *parseTime("2026-01-02T03:04:05Z");

std::string sealed(const Event& event) {
  Link after;
  return seal(event.encode(kNow), Link(), after);
}

TEST(EventTest, KindsStandInTheOrderOfTheirEnum) {
  for (std::size_t i = 0; i < kKinds.size(); ++i) {
    EXPECT_EQ(static_cast<std::size_t>(kKinds[i].kind), i) << kKinds[i].name;
    EXPECT_EQ(kindFromName(kKinds[i].name), kKinds[i].kind);
  }
  EXPECT_FALSE(kindFromName("sandbox_creatd"));
}

TEST(EventTest, HasTheKeysThatOtherImplementationsRead) {
  Event event(Kind::CommandExecuted, Actor{Actor::Via::Unix, 1000, 42, "ann"});
  event.text("sandbox", "web").command({"ls", "-l"}, Redactor()).number("exit_code", 0);
  const json line = json::parse(sealed(event));
  EXPECT_EQ(line["timestamp"], "2026-01-02T03:04:05.000000Z");
  EXPECT_EQ(line["pid"], 42);
  EXPECT_EQ(line["user"], "ann");
  EXPECT_EQ(line["type"], "command_executed");
  EXPECT_EQ(line["sandbox"], "web");
  EXPECT_EQ(line["command"], (json{"ls", "-l"}));
  EXPECT_EQ(line["exit_code"], 0);
  EXPECT_EQ(line["actor"], (json{{"via", "unix"}, {"uid", 1000}}));
  EXPECT_EQ(line["seq"], 1);
  EXPECT_EQ(json::parse(sealed(Event(Kind::DaemonStopped, Actor())))["user"], nullptr);
}

// What a guest names its files must neither make lines nor keys, nor reach a terminal.
TEST(EventTest, TextOfStrangersStaysText) {
  const std::string hostile =
      "a\n{\"timestamp\":\"x\",\"type\":\"sandbox_removed\"}\r\n\x1b[2J\x07\x7f\xc2\x9b"
      "31m\xe2\x80\xae\",\"type\":\"forged\xff\xfe\\";
  Event event(Kind::FileRead, Actor());
  event.text("sandbox", hostile)
      .text("path", hostile, Event::kMaxPath)
      .command({hostile}, Redactor())
      .object("labels", std::map<std::string, std::string>{{hostile, hostile}});
  const std::string line = sealed(event);
  EXPECT_TRUE(std::ranges::all_of(std::string_view(line).substr(0, line.size() - 1),
                                  [](unsigned char c) { return c >= 0x20 && c < 0x7f; }));
  EXPECT_EQ(std::ranges::count(line, '\n'), 1);
  const json parsed = json::parse(line);
  EXPECT_EQ(parsed["type"], "file_read");
  EXPECT_TRUE(parsed["path"].get<std::string>().starts_with("a\n{\"timestamp\""));
  const auto again = unseal(std::string_view(line).substr(0, line.size() - 1));
  EXPECT_TRUE(again && again->holds());
}

TEST(EventTest, LongTextIsCutAndSaysSo) {
  Event event(Kind::FileRead, Actor());
  event.text("path", std::string(5000, 'x'), Event::kMaxPath);
  event.texts("paths", std::vector<std::string>(500, "y"));
  const json line = json::parse(sealed(event));
  EXPECT_EQ(line["path"].get<std::string>().size(), 4096U);
  EXPECT_EQ(line["path_cut"], 904);
  EXPECT_EQ(line["paths"].size(), 100U);
  EXPECT_EQ(line["paths_cut"], 400);
}

// When this fails, put the text that it prints between the markers.
TEST(AuditPageTest, ListsExactlyTheKinds) {
  std::ifstream file(AK_SOURCE_DIR "/docs/audit.md");
  const std::string page((std::istreambuf_iterator<char>(file)), {});
  std::string table = "\n| type | keys | when |\n|---|---|---|\n";
  for (const KindInfo& kind : kKinds) {
    table += cat("| `", kind.name, "` | ", kind.keys, " | ", kind.meaning, " |\n");
  }
  const std::size_t begin = page.find("<!-- kinds:begin -->\n");
  const std::size_t end = page.find("\n<!-- kinds:end -->");
  ASSERT_TRUE(begin != std::string::npos && end != std::string::npos && begin < end) << table;
  EXPECT_EQ(page.substr(begin + 21, end - begin - 21), table);
}

TEST(ChainTest, OneWayToWriteALink) {
  const std::string hash(64, 'a');
  EXPECT_EQ(parseLink(cat("12:", hash)), (Link{12, hash}));
  EXPECT_EQ(parseLink(linkText(Link())), Link());
  for (const std::string& text :
       {cat("012:", hash), cat("+1:", hash), cat("0:", hash), hash, cat("1:", hash, "a"),
        cat("1:", std::string(64, 'A')), cat("1 :", hash), std::string("1:"), std::string()}) {
    EXPECT_FALSE(parseLink(text)) << text;
  }
}

TEST(ChainTest, OnlyWholeLinesAreTakenApart) {
  std::string line = sealed(Event(Kind::DaemonStopped, Actor()));
  line.pop_back();
  ASSERT_TRUE(unseal(line));
  for (std::size_t size = 0; size < line.size(); ++size) {
    EXPECT_FALSE(unseal(std::string_view(line).substr(0, size))) << size;
  }
  EXPECT_FALSE(unseal(line + " "));
  EXPECT_FALSE(unseal(line + "}"));
}

}  // namespace
}  // namespace ak::audit
