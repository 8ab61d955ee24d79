// Files of sandboxes, through the real agent as an ordinary process: its paths are this host's.
#include "manager/files_use.h"

#include <gtest/gtest.h>

#include "crypto/sha256.h"
#include "manager/testing/bench.h"
#include "net/task_group.h"
#include "sys/file.h"

namespace ak::manager {
namespace {

class Collected final : public FileSink {
 public:
  net::Task<Status> opened(const wire::FileInfo& file) override {
    info = file;
    co_return Status();
  }

  net::Task<Status> data(std::string_view piece) override {
    content += piece;
    co_return Status();
  }

  wire::FileInfo info;
  std::string content;
};

// Takes one piece and then none until it is told to.
class Stalled final : public FileSink {
 public:
  explicit Stalled(net::Executor executor) : go_on(executor) {}

  net::Task<Status> opened(const wire::FileInfo&) override { co_return Status(); }

  net::Task<Status> data(std::string_view piece) override {
    size += piece.size();
    while (!released) {
      co_await go_on.wait();
    }
    co_return Status();
  }

  net::Event go_on;
  bool released = false;
  std::size_t size = 0;
};

class FilesUseTest : public ::testing::Test {
 protected:
  FilesUseTest() {
    char name[] = "/tmp/ak-files-test-XXXXXX";
    EXPECT_NE(::mkdtemp(name), nullptr);
    directory_ = name;
  }

  ~FilesUseTest() override { std::filesystem::remove_all(directory_); }

  std::string at(std::string_view name) const { return cat(directory_, "/", name); }

  static FileSource pieces(std::vector<std::string> list) {
    return [list = std::move(list),
            next = std::size_t{0}]() mutable -> net::Task<Result<std::optional<std::string>>> {
      if (next == list.size()) {
        co_return std::nullopt;
      }
      co_return list[next++];
    };
  }

  Result<Transfer> write(const std::string& path, std::vector<std::string> list) {
    return bench_.wait(files_.write("box", {.path = path}, pieces(std::move(list))));
  }

  testing::Bench bench_;
  SandboxPtr box_ = bench_.make("box");
  SandboxFiles files_{bench_.lifecycle().table(), bench_.lifetimes()};
  std::string directory_;
};

TEST_F(FilesUseTest, BytesComeBackAsTheyWere) {
  std::string content(3'000'001, '\0');
  for (std::size_t i = 0; i < content.size(); ++i) {
    content[i] = static_cast<char>(i * 31 + i / 7);
  }
  const auto written =
      write(at("deep/er/file"), {content.substr(0, 1'000'000), "", content.substr(1'000'000)});
  ASSERT_TRUE(written) << written.error().message;
  EXPECT_EQ(written->digest.sha256, crypto::sha256Hex(content));
  EXPECT_EQ(written->info.mode, 0644U);
  Collected sink;
  const auto read = bench_.wait(files_.read("box", at("deep//er/./file"), sink));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_TRUE(sink.content == content);
  EXPECT_EQ(sink.info.size, content.size());
  EXPECT_EQ(read->digest.sha256, crypto::sha256Hex(content));
}

TEST_F(FilesUseTest, ASourceThatFailsLeavesTheOldContent) {
  ASSERT_TRUE(write(at("file"), {"old"}));
  const FileSource broken = [first =
                                 true]() mutable -> net::Task<Result<std::optional<std::string>>> {
    if (std::exchange(first, false)) {
      co_return "half";
    }
    co_return fail(ErrorCode::Cancelled, "the client left");
  };
  const auto written = bench_.wait(files_.write("box", {.path = at("file")}, broken));
  EXPECT_EQ(written.error().code, ErrorCode::Cancelled);
  // The agent is told in order: what is asked next finds the write gone.
  const auto listed = bench_.wait(files_.list("box", directory_));
  ASSERT_TRUE(listed);
  EXPECT_EQ(listed->size(), 1U);
  EXPECT_EQ(sys::readFile(at("file"), 100), "old");
}

TEST_F(FilesUseTest, UnknownStoppedAndMissingAreThreeErrors) {
  Collected sink;
  EXPECT_EQ(bench_.wait(files_.read("none", at("x"), sink)).error().code, ErrorCode::NotFound);
  EXPECT_EQ(bench_.wait(files_.read("box", at("x"), sink)).error().code, ErrorCode::NotFound);
  EXPECT_EQ(bench_.wait(files_.remove("box", at("x"), Recursively::No)).error().code,
            ErrorCode::NotFound);
  ASSERT_TRUE(bench_.wait(bench_.lifecycle().stop(box_, "for this test")));
  EXPECT_EQ(bench_.wait(files_.read("box", at("x"), sink)).error().code, ErrorCode::Conflict);
  EXPECT_EQ(write(at("x"), {"1"}).error().code, ErrorCode::Conflict);
}

TEST_F(FilesUseTest, EveryPathOfABatchIsJudgedBeforeAnythingIsWritten) {
  const auto refused =
      bench_.wait(files_.writeAll("box", {{at("a"), "1"}, {"/proc/self/comm", "2"}}));
  EXPECT_EQ(refused.error().code, ErrorCode::InvalidArgument);
  EXPECT_FALSE(std::filesystem::exists(at("a")));
  const auto written = bench_.wait(files_.writeAll("box", {{at("a"), "1"}, {at("b/c"), "2"}}));
  ASSERT_TRUE(written) << written.error().message;
  EXPECT_EQ(*written, 2U);
  EXPECT_EQ(sys::readFile(at("b/c"), 100), "2");
}

TEST_F(FilesUseTest, NoOperationTakesAForbiddenPath) {
  Collected sink;
  for (const char* path : {"/proc/self/mem", "//dev/null", "/./sys/x", "/tmp/../etc/x", "x", ""}) {
    const auto refused = [&](auto task) {
      const auto result = bench_.wait(std::move(task));
      return !result && result.error().code == ErrorCode::InvalidArgument;
    };
    EXPECT_TRUE(refused(files_.stat("box", path, FinalLink::Keep))) << path;
    EXPECT_TRUE(refused(files_.list("box", path))) << path;
    EXPECT_TRUE(refused(files_.read("box", path, sink))) << path;
    EXPECT_TRUE(refused(files_.write("box", {.path = path}, pieces({"x"})))) << path;
    EXPECT_TRUE(refused(files_.makeDirectory("box", {.path = path}))) << path;
    EXPECT_TRUE(refused(files_.makeLink("box", {.path = path}, "x"))) << path;
    EXPECT_TRUE(refused(files_.remove("box", path, Recursively::Yes))) << path;
  }
}

TEST_F(FilesUseTest, DirectoriesAndLinksAreMadeListedAndRemoved) {
  ASSERT_TRUE(bench_.wait(files_.makeDirectory("box", {.path = at("a/b"), .mode = 0700})));
  ASSERT_TRUE(bench_.wait(files_.makeLink("box", {.path = at("a/l")}, "../b")));
  EXPECT_FALSE(bench_.wait(
      files_.makeDirectory("box", {.path = at("x/y"), .parents = MissingParents::Refuse})));
  const auto listed = bench_.wait(files_.list("box", at("a")));
  ASSERT_TRUE(listed);
  EXPECT_EQ(listed->size(), 2U);
  EXPECT_EQ(bench_.wait(files_.remove("box", at("a"), Recursively::No)).error().code,
            ErrorCode::Conflict);
  ASSERT_TRUE(bench_.wait(files_.remove("box", at("a"), Recursively::Yes)));
  EXPECT_FALSE(std::filesystem::exists(at("a")));
}

// G4: a file operation is a use, and the sandbox is not idle while one is under way.
TEST_F(FilesUseTest, AFileOperationIsAUseOfTheSandbox) {
  ASSERT_TRUE(write(at("large"), {std::string(2'000'000, 'x')}));
  net::TaskGroup tasks(bench_.executor());
  Stalled slow(bench_.executor());
  const SteadyTime before = box_->last_used;
  bench_.clock.advance(std::chrono::hours(1));
  tasks.spawn([](SandboxFiles& files, std::string path, Stalled& sink) -> net::Task<void> {
    EXPECT_TRUE(co_await files.read("box", std::move(path), sink));
  }(files_, at("large"), slow));
  // Others at speed while that reader stands still.
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(write(at("other"), {std::string(500'000, 'y')}));
    Collected sink;
    ASSERT_TRUE(bench_.wait(files_.read("box", at("other"), sink)));
    ASSERT_EQ(sink.content.size(), 500'000U);
  }
  EXPECT_EQ(box_->in_use, 1U);
  EXPECT_GT(slow.size, 0U);
  EXPECT_LE(slow.size, 64U * 1024) << "it has taken one piece";
  slow.released = true;
  slow.go_on.notifyAll();
  bench_.wait(tasks.join());
  EXPECT_EQ(slow.size, 2'000'000U);
  EXPECT_EQ(box_->in_use, 0U);
  EXPECT_GT(box_->last_used, before);
}

}  // namespace
}  // namespace ak::manager
