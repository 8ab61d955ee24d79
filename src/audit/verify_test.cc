// Somebody else's hands on the log.
#include "audit/verify.h"

#include <gmock/gmock.h>

#include "audit/testing/log_fixture.h"

namespace ak::audit {
namespace {

using ::testing::HasSubstr;

class VerifyTest : public testing::LogFixture {
 protected:
  void SetUp() override {
    open();
    record(10);
    close();
    ASSERT_TRUE(verify().intact) << verify().problem;
  }

  // A log that is as sound as ours, with other lines: what can be made without any key.
  std::vector<std::string> forged(int count, Link before = Link()) const {
    std::vector<std::string> list;
    for (int i = 0; i < count; ++i) {
      Event event(Kind::CommandExecuted, Actor());
      event.text("sandbox", "box").command({"nothing", "to", "see"}, redactor_);
      Link after;
      std::string line = seal(event.encode(clock_.wall()), before, after);
      line.pop_back();
      list.push_back(line);
      before = after;
    }
    return list;
  }
};

TEST_F(VerifyTest, OneFlippedBitAnywhereIsFound) {
  const std::string whole = logText();
  for (std::size_t at = 0; at < whole.size(); at += 3) {
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    overwrite(options_.path, changed);
    const Verdict verdict = verify();
    ASSERT_FALSE(verdict.intact) << at;
    ASSERT_EQ(verdict.file, options_.path) << at << verdict.problem;
  }
}

TEST_F(VerifyTest, SaysWhichLineWasChanged) {
  auto list = lines();
  list[6].replace(list[6].find("echo"), 4, "true");
  overwriteLines(list);
  const Verdict verdict = verify();
  EXPECT_EQ(verdict.problem, "line 7 was changed");
  EXPECT_EQ(verdict.line, 7U);
  EXPECT_EQ(verdict.lines, 6U) << "what is before it is sound";
}

TEST_F(VerifyTest, AMissingLineIsFound) {
  for (std::size_t missing = 0; missing < 10; ++missing) {
    auto list = lines();
    list.erase(list.begin() + static_cast<std::ptrdiff_t>(missing));
    const std::string whole = logText();
    overwriteLines(list);
    EXPECT_THAT(verify().problem, HasSubstr(missing == 9 ? "missing at the end" : "are missing"));
    overwrite(options_.path, whole);
  }
}

TEST_F(VerifyTest, MovedAndRepeatedLinesAreFound) {
  auto list = lines();
  std::swap(list[3], list[4]);
  overwriteLines(list);
  EXPECT_EQ(verify().problem, "lines 4 to 4 are missing");
  std::swap(list[3], list[4]);
  list.insert(list.begin() + 5, list[2]);
  overwriteLines(list);
  EXPECT_EQ(verify().problem, "line 3 stands behind line 5");
}

TEST_F(VerifyTest, ALineThatWasPutInIsFound) {
  auto list = lines();
  list.insert(list.begin() + 5, forged(1, unseal(list[4])->link()).front());
  overwriteLines(list);
  EXPECT_EQ(verify().problem, "line 6 stands behind line 6");
  list.erase(list.begin() + 6);
  overwriteLines(list);
  EXPECT_EQ(verify().problem, "line 7 does not follow on the line before it");
  list = lines();
  list.insert(list.begin() + 2, R"({"type":"sandbox_stopped","name":"x"})");
  overwriteLines(list);
  EXPECT_EQ(verify().problem, "this is not a line of the audit log");
}

TEST_F(VerifyTest, ACutTailIsFoundByTheHead) {
  auto list = lines();
  list.resize(7);
  overwriteLines(list);
  EXPECT_EQ(verify().problem, "lines 8 to 10 are missing at the end");
  // The next daemon does not make it look whole.
  open();
  record(1);
  close();
  EXPECT_EQ(verify().problem, "lines 8 to 10 are missing");
  EXPECT_THAT(logText(), HasSubstr("\"type\":\"log_damaged\",\"expected\":\"10:"));
}

TEST_F(VerifyTest, AnEmptiedOrRemovedLogIsFoundByTheHead) {
  overwrite(options_.path, "");
  EXPECT_THAT(verify().problem, HasSubstr("lines 1 to 10 are missing"));
  std::filesystem::remove(options_.path);
  EXPECT_THAT(verify().problem, HasSubstr("lines 1 to 10 are missing"));
  open();
  record(1);
  close();
  EXPECT_THAT(verify().problem, HasSubstr("lines 1 to 10 are missing"));
}

TEST_F(VerifyTest, RemovedOldFilesAreFoundByTheHead) {
  options_.max_bytes = 2048;
  open();
  record(20);
  close();
  ASSERT_TRUE(verify().intact) << verify().problem;
  std::uint32_t last = 0;
  while (std::filesystem::exists(rotatedPath(options_.path, last + 1))) {
    ++last;
  }
  ASSERT_GT(last, 1U);
  std::filesystem::remove(rotatedPath(options_.path, last));
  EXPECT_THAT(verify().problem, HasSubstr("are missing"));
}

// Without a key a whole new log can be made; the head tells it from ours.
TEST_F(VerifyTest, AForgedLogIsFoundByTheHead) {
  overwriteLines(forged(10));
  EXPECT_EQ(verify().problem, "line 10 is another one than was written");
  overwriteLines(forged(12));
  EXPECT_FALSE(verify().intact);
  open();
  record(1);
  close();
  EXPECT_FALSE(verify().intact) << "the next daemon notices too";
  EXPECT_THAT(logText(), HasSubstr("log_damaged"));
}

// And where the head was forged with it, what somebody noted elsewhere does.
TEST_F(VerifyTest, AForgedLogWithAForgedHeadIsFoundByALinkThatWasKept) {
  const Link kept = verify().last;
  EXPECT_TRUE(verify(kept).intact);
  const auto list = forged(10);
  overwriteLines(list);
  overwrite(options_.head_path, headText({unseal(list[9])->link(), 1}));
  EXPECT_TRUE(verify().intact) << "this is what no chain without a key can see";
  EXPECT_EQ(verify(kept).problem, "line 10 is not the one that was noted elsewhere");
}

TEST_F(VerifyTest, ARemovedHeadIsTold) {
  std::filesystem::remove(options_.head_path);
  open();
  record(1);
  close();
  const Verdict verdict = verify();
  EXPECT_FALSE(verdict.intact);
  EXPECT_EQ(verdict.damages, 1U);
  EXPECT_THAT(logText(), HasSubstr("the record of where the log ends is missing"));
}

TEST_F(VerifyTest, ABrokenHeadIsTold) {
  for (const char* head : {"", "x", "10:zz 1\n"}) {
    overwrite(options_.head_path, head);
    EXPECT_EQ(readHead(options_.head_path).error().code, ErrorCode::Protocol);
  }
  open();
  close();
  EXPECT_FALSE(verify().intact);
}

TEST_F(VerifyTest, ALabelThatSaysSoIsNoDamage) {
  open();
  Event event(Kind::SandboxCreated, Actor());
  event.object("labels", std::map<std::string, std::string>{{"type", "log_damaged"}});
  log_->record(event);
  close();
  EXPECT_TRUE(verify().intact) << verify().problem;
}

}  // namespace
}  // namespace ak::audit
