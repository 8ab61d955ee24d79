#include "audit/query.h"

#include <gmock/gmock.h>

#include "audit/lines.h"
#include "audit/testing/log_fixture.h"

namespace ak::audit {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;

class QueryTest : public testing::LogFixture {
 protected:
  Found find(const Query& query) const {
    auto found = findEvents(options_.path, query);
    EXPECT_TRUE(found) << found.error().message;
    return found ? *found : Found();
  }

  static std::vector<std::uint64_t> numbers(const Found& found) {
    std::vector<std::uint64_t> list;
    for (const std::string& event : found.events) {
      list.push_back(json::parse(event).at("seq"));
    }
    return list;
  }
};

TEST_F(QueryTest, GivesTheNewestOldestFirst) {
  open();
  record(10);
  EXPECT_THAT(numbers(find({.last = 3})), ElementsAre(8, 9, 10));
  EXPECT_EQ(find({.last = 100}).events.size(), 10U);
  EXPECT_TRUE(find({.last = 0}).events.empty());
}

TEST_F(QueryTest, NoLogHasNoEvents) {
  EXPECT_TRUE(find({}).events.empty());
}

TEST_F(QueryTest, ChoosesBySandboxKindAndTime) {
  open();
  record(2, "web");
  record(2, "db");
  Event created(Kind::SandboxCreated, Actor());
  created.text("name", "web").text("sandbox_uuid", "0189-u");
  log_->record(created);
  Event read(Kind::FileRead, Actor());
  read.text("sandbox", "db").text("path", "/web");
  log_->record(read);
  EXPECT_THAT(numbers(find({.sandbox = "web"})), ElementsAre(1, 2, 5));
  EXPECT_THAT(numbers(find({.sandbox = "0189-u"})), ElementsAre(5));
  EXPECT_THAT(numbers(find({.sandbox = "we"})), ElementsAre());
  EXPECT_THAT(numbers(find({.kinds = {Kind::FileRead, Kind::SandboxCreated}})), ElementsAre(5, 6));
  EXPECT_THAT(numbers(find({.since = clock_.wall() + std::chrono::hours(1)})), ElementsAre());
  EXPECT_EQ(find({.since = clock_.wall() - std::chrono::hours(1)}).events.size(), 6U);
}

// A machine that starts without a clock of its own writes some lines of 1970.
TEST_F(QueryTest, AClockThatWasSetBackHidesNothing) {
  constexpr std::chrono::days kBack{20'000};
  FakeClock clock;
  log_ = Log::open(options_, clock, silent_);
  record(2);
  clock.jumpWall(-kBack);
  record(2);
  clock.jumpWall(kBack);
  record(1);
  EXPECT_THAT(numbers(find({.since = clock.wall() - std::chrono::hours(1)})), ElementsAre(1, 2, 5));
  close();
}

TEST_F(QueryTest, ReadsOverRotations) {
  options_.max_bytes = 2048;
  options_.max_files = 100;
  open();
  record(50);
  const Found found = find({.last = 1000});
  ASSERT_EQ(found.events.size(), 50U);
  EXPECT_EQ(numbers(found).front(), 1U);
}

TEST_F(QueryTest, PassesOverWhatIsNotOurs) {
  open();
  record(2);
  close();
  overwrite(options_.path, cat("garbage\n", logText(), "{\"type\":\"x\"}\nhalf"));
  const Found found = find({});
  EXPECT_EQ(found.events.size(), 2U);
  EXPECT_EQ(found.unreadable, 3U);
}

TEST_F(QueryTest, BothDirectionsSeeTheSameLines) {
  std::filesystem::create_directory(directory_ + "/log");
  std::string content = "\n\nshort\n";
  for (int i = 0; i < 300; ++i) {
    content += cat(std::string(static_cast<std::size_t>(i * 37 % 3000), 'x'), i, "\n");
  }
  content += cat(std::string(kMaxLine, 'y'), "\n", std::string(kMaxLine - 1, 'z'), "\nlast");
  overwrite(options_.path, content);
  overwrite(options_.path + ".1", "older\n");
  const auto parts = openParts(options_.path);
  ASSERT_TRUE(parts);
  using Seen = std::tuple<std::string, std::size_t, std::uint64_t, bool>;
  std::vector<Seen> forward;
  std::vector<Seen> backward;
  const auto collect = [](auto lines, std::vector<Seen>& seen) {
    while (const auto line = *lines.next()) {
      seen.emplace_back(line->text, line->part, line->offset, line->whole);
    }
  };
  collect(ForwardLines(*parts), forward);
  collect(BackwardLines(*parts), backward);
  std::ranges::reverse(backward);
  EXPECT_EQ(forward, backward);
  EXPECT_EQ(forward.size(), 307U);
}

// A line without an end must not be held as a whole.
TEST_F(QueryTest, EndlessLinesAreReadInPieces) {
  std::filesystem::create_directory(directory_ + "/log");
  overwrite(options_.path, std::string(std::size_t{3} << 20U, 'x'));
  EXPECT_GT(find({}).unreadable, 0U);
  EXPECT_FALSE(verify().intact);
}

}  // namespace
}  // namespace ak::audit
