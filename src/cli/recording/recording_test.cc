// Recordings: what is written is read back, whatever was shown and whoever wrote it.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/recording/cast_reader.h"
#include "cli/recording/cast_writer.h"
#include "cli/recording/recording_path.h"
#include "sys/file.h"
#include "sys/testing/temp_dir.h"

namespace ak::cli {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

class RecordingTest : public ::testing::Test {
 protected:
  CastWriter create(std::uint64_t limit = CastWriter::kLimit) {
    const CastHeader header{.window = {.rows = 30, .columns = 100},
                            .title = "caf\xc3\xa9 \xff",
                            .command = "sh",
                            .environment = {{"TERM", "xterm"}}};
    auto writer = CastWriter::create(path(), header, clock_, limit);
    EXPECT_TRUE(writer) << writer.error().message;
    return *std::move(writer);
  }

  std::string path() const { return directory_.path() + "/x.cast"; }

  // Every line by a strict parser.
  std::vector<json> lines() const {
    const std::string text = sys::readFile(path(), std::size_t{1} << 30U).value();
    EXPECT_TRUE(text.ends_with('\n'));
    std::vector<json> all;
    for (const std::string_view line : split(trim(text), '\n')) {
      all.push_back(json::parse(line, nullptr, false));
      EXPECT_FALSE(all.back().is_discarded()) << line;
    }
    return all;
  }

  std::string shown() const {
    std::string text;
    for (const json& line : lines()) {
      if (line.is_array() && line[1] == "o") {
        text += line[2].get<std::string>();
      }
    }
    return text;
  }

  static Result<CastReader> read(std::string text, std::size_t step = 4096) {
    return CastReader::open(
        [text = std::move(text), at = std::size_t{0}, step]() mutable -> Result<std::string> {
          std::string piece = text.substr(at, step);
          at += piece.size();
          return piece;
        });
  }

  FakeClock clock_;
  sys::testing::TempDir directory_;
};

TEST_F(RecordingTest, HasAHeaderAndALinePerEventWithItsTime) {
  CastWriter writer = create();
  clock_.advance(milliseconds(1500));
  clock_.jumpWall(std::chrono::hours(-5));
  writer.output("a\033[1m\"\\\x7f\t\r\n");
  clock_.advance(milliseconds(250));
  writer.resized({.rows = 24, .columns = 80});
  writer.finish();
  const auto all = lines();
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0]["version"], 2);
  EXPECT_EQ(all[0]["width"], 100);
  EXPECT_EQ(all[0]["height"], 30);
  EXPECT_EQ(all[0]["env"], json({{"TERM", "xterm"}}));
  EXPECT_EQ(all[0]["timestamp"], 1767225600);
  EXPECT_EQ(all[0]["title"], "caf\xc3\xa9 \xef\xbf\xbd");
  EXPECT_EQ(all[1], json({1.5, "o", "a\033[1m\"\\\x7f\t\r\n"}));
  EXPECT_EQ(all[2], json({1.75, "r", "80x24"}));
  struct stat info{};
  ASSERT_EQ(::stat(path().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0600U);
}

TEST_F(RecordingTest, EveryByteMakesJson) {
  CastWriter writer = create();
  std::string all;
  for (int byte = 0; byte < 256; ++byte) {
    all += static_cast<char>(byte);
    writer.output(std::string(1, static_cast<char>(byte)));
  }
  writer.output(all);
  writer.finish();
  EXPECT_TRUE(shown().starts_with(all.substr(0, 128)));
  EXPECT_NE(sys::readFile(path(), 1 << 20)->find("\\u001b"), std::string::npos);
}

TEST_F(RecordingTest, CharactersThatAreCutAreHeldBackUntilTheirEnd) {
  CastWriter writer = create();
  const std::string text = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z";
  for (const char byte : text) {
    writer.output(std::string(1, byte));
  }
  writer.output("\xe2\x82");
  writer.finish();
  EXPECT_EQ(shown(), text + "\xef\xbf\xbd");
}

TEST_F(RecordingTest, EndsAtItsLimitAndSaysSo) {
  CastWriter writer = create(4096);
  for (int i = 0; i < 1000; ++i) {
    writer.output("line after line\r\n");
  }
  writer.finish();
  ASSERT_TRUE(writer.stopped());
  EXPECT_EQ(writer.stopped()->code, ErrorCode::TooLarge);
  EXPECT_LE(std::filesystem::file_size(path()), 4096U);
  EXPECT_NE(shown().find("the recording ends here"), std::string::npos);
}

TEST_F(RecordingTest, AFullDiskLeavesWholeLines) {
  CastWriter writer = create();
  writer.output("first");
  const auto room = std::filesystem::file_size(path()) + 10;
  const auto before = ::signal(SIGXFSZ, SIG_IGN);
  rlimit usual{};
  ::getrlimit(RLIMIT_FSIZE, &usual);
  const rlimit full{room, usual.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &full);
  writer.output("this does not fit any more");
  ::setrlimit(RLIMIT_FSIZE, &usual);
  ::signal(SIGXFSZ, before);
  writer.output("nor is this written later");
  writer.finish();
  ASSERT_TRUE(writer.stopped());
  EXPECT_EQ(shown(), "first");
}

TEST_F(RecordingTest, NothingThatIsThereIsOverwritten) {
  create().finish();
  EXPECT_EQ(CastWriter::create(path(), {}, clock_).error().code, ErrorCode::AlreadyExists);
  ASSERT_EQ(::symlink("/nowhere", (path() + "2").c_str()), 0);
  EXPECT_EQ(CastWriter::create(path() + "2", {}, clock_).error().code, ErrorCode::AlreadyExists);
}

TEST_F(RecordingTest, IsReadBackAsItWasWritten) {
  CastWriter writer = create();
  std::string text;
  for (int i = 0; i < 300; ++i) {
    const std::string piece = cat(i, "\033[0m", std::string(static_cast<std::size_t>(i) * 7, 'x'));
    text += piece;
    clock_.advance(milliseconds(10));
    writer.output(piece);
  }
  writer.output(std::string(300'000, '\x01'));  // six bytes of JSON each
  writer.finish();
  auto reader = read(*sys::readFile(path(), 1U << 30U), 777);
  ASSERT_TRUE(reader);
  EXPECT_EQ(reader->window(), (model::TerminalSize{.rows = 30, .columns = 100}));
  std::string again;
  std::chrono::duration<double> last{};
  for (auto event = reader->next(); event && *event; event = reader->next()) {
    again += (*event)->text;
    EXPECT_GE((*event)->at, last);
    last = (*event)->at;
  }
  EXPECT_EQ(again, text + std::string(300'000, '\x01'));
  EXPECT_NEAR(last.count(), 3.0, 1e-6);
  EXPECT_EQ(reader->skipped(), 0U);
}

TEST_F(RecordingTest, WhatIsNoRecordingIsRefused) {
  for (const char* text : {"", "\n", "hello\n", "[1]\n", "{}\n", "{\"version\":\"2\"}\n",
                           "\x7f"
                           "ELF\n",
                           "[0.1, \"o\", \"x\"]\n"}) {
    EXPECT_EQ(read(text).error().code, ErrorCode::InvalidArgument) << text;
  }
  EXPECT_EQ(read("{\"version\":3}\n").error().code, ErrorCode::Unsupported);
  EXPECT_EQ(read(std::string(CastReader::kMaxLine * 2, '{') + "\n").error().code,
            ErrorCode::InvalidArgument);
}

TEST_F(RecordingTest, LinesThatAreNoEventsAreSkippedAndCounted) {
  const std::string deep = cat("[1, \"o\", ", std::string(100'000, '['), "\n");
  auto reader =
      read(cat("{\"version\": 2}\n[1, \"o\", \"a\"]\n", "[1, \"o\", \"\\u{1b}\"]\n",
               "[1, \"o\"]\n[-1, \"o\", \"x\"]\n",
               "[1e999, \"o\", \"x\"]\n[\"1\", \"o\", \"x\"]\n[NaN, \"o\", \"x\"]\n", deep,
               "[2, \"o\", \"", std::string(CastReader::kMaxLine * 3, 'y'), "\"]\n\n",
               "[0.5, \"o\", \"b\"]\n[3, \"i\", \"typed\"]\n[4, \"o\", \"cut"));
  ASSERT_TRUE(reader);
  std::string text;
  std::chrono::duration<double> last{};
  for (auto event = reader->next(); event && *event; event = reader->next()) {
    text += (*event)->kind == CastEvent::Kind::Output ? (*event)->text : "-";
    EXPECT_GE((*event)->at, last) << "time never goes back";
    last = (*event)->at;
  }
  EXPECT_EQ(text, "ab-");
  EXPECT_EQ(reader->skipped(), 9U);
}

TEST_F(RecordingTest, TheirNamesComeFromTheSandboxAndTheTime) {
  const auto environment = [this](const char* name) -> std::optional<std::string> {
    return std::string_view(name) == "HOME" ? std::optional(directory_.path()) : std::nullopt;
  };
  const WallTime now = *parseTime("2026-01-02T03:04:05.678Z");
  const auto path_of = [&](std::string_view word) {
    return *recordingPath(word, "box", now, environment);
  };
  const std::string file = "box-20260102-030405.cast";
  EXPECT_EQ(path_of("some.cast"), "some.cast");
  EXPECT_EQ(path_of("none/"), "none/" + file);
  EXPECT_EQ(path_of(directory_.path()), cat(directory_.path(), "/", file));
  for (const char* word : {"-", ""}) {
    EXPECT_EQ(path_of(word), cat(directory_.path(), "/.agentkernel/recordings/", file));
  }
  struct stat info{};
  ASSERT_EQ(::stat((directory_.path() + "/.agentkernel/recordings").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0700U);
}

}  // namespace
}  // namespace ak::cli
