// Sessions with real agents, the real store and real files: who joins, leaves, and does not read.
#include <deque>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "manager/jobs_use.h"
#include "manager/planner.h"
#include "manager/testing/bench.h"
#include "net/event.h"
#include "net/task_group.h"

namespace ak::manager {
namespace {

using ::testing::HasSubstr;
using End = manager::testing::Bench::End;
using Input = ExecSink::Input;

// A client whose keys come from the test.
class Client final : public ExecSink {
 public:
  explicit Client(net::Executor executor) : changed_(std::move(executor)) {}

  net::Task<Status> started(const Started& started) override {
    session = started.session;
    command = started.command;
    changed_.notifyAll();
    co_return Status();
  }

  net::Task<Status> standardOutput(std::string_view data) override {
    while (full) {
      co_await changed_.wait();
    }
    shown += data;
    changed_.notifyAll();
    co_return Status();
  }

  net::Task<Status> standardError(std::string_view) override {
    ADD_FAILURE() << "a terminal has no standard error";
    co_return Status();
  }

  net::Task<Input> nextInput() override {
    while (inputs_.empty()) {
      co_await changed_.wait();
    }
    Input input = std::move(inputs_.front());
    inputs_.pop_front();
    co_return input;
  }

  void type(std::string keys) {
    Input input;
    input.kind = Input::Kind::Stdin;
    input.data = std::move(keys);
    put(std::move(input));
  }

  void resize(model::TerminalSize size) {
    Input input;
    input.kind = Input::Kind::Resize;
    input.window = size;
    put(std::move(input));
  }

  void leave() { put(Input()); }

  void open() {
    full = false;
    changed_.notifyAll();
  }

  net::Task<void> untilShown(std::string text) {
    while (!shown.contains(text)) {
      co_await changed_.wait();
    }
  }

  std::string session;
  std::vector<std::string> command;
  std::string shown;
  bool full = false;  // takes no output

 private:
  void put(Input input) {
    inputs_.push_back(std::move(input));
    changed_.notifyAll();
  }

  std::deque<Input> inputs_;
  net::Event changed_;
};

class SessionUseTest : public ::testing::Test {
 protected:
  // One client in a session, beside the test.
  struct Joined {
    Joined(SessionUseTest& in, model::AttachRequest request, std::string sandbox)
        : test(in), client(in.bench_.executor()), group(in.bench_.executor()) {
      group.spawn(run(std::move(request), std::move(sandbox)));
    }

    ~Joined() {
      group.cancel();
      test.bench_.wait(group.join());
    }

    Joined(const Joined&) = delete;
    Joined& operator=(const Joined&) = delete;

    net::Task<void> run(model::AttachRequest request, std::string sandbox) {
      result = co_await test.jobs().attach({}, std::move(sandbox), std::move(request), client);
    }

    SessionUseTest& test;
    Client client;
    Result<JobView> result = fail(ErrorCode::Internal, "it has not returned");
    net::TaskGroup group;
  };

  SandboxJobs& jobs() { return bench_.jobs(); }

  std::unique_ptr<Joined> start(const std::string& script, const std::string& sandbox = "box") {
    model::AttachRequest request;
    request.start.command = {"/bin/sh", "-c", script};
    return std::make_unique<Joined>(*this, std::move(request), sandbox);
  }

  std::unique_ptr<Joined> join(const std::string& session, const std::string& sandbox = "box") {
    model::AttachRequest request;
    request.session = session;
    return std::make_unique<Joined>(*this, std::move(request), sandbox);
  }

  Result<JobView> ended(Joined& joined) {
    bench_.wait(joined.group.join());
    return joined.result;
  }

  void shows(Joined& joined, const std::string& text) {
    bench_.wait(joined.client.untilShown(text));
  }

  testing::Bench bench_;
};

TEST_F(SessionUseTest, IsTypedInLeftAndJoinedAgain) {
  bench_.make("box");
  const auto first = start("stty -echo; echo up; read x; echo got-$x; read x; exit 3");
  shows(*first, "up");
  first->client.type("one\r");
  shows(*first, "got-one");
  first->client.leave();
  EXPECT_EQ(ended(*first).error().code, ErrorCode::Cancelled);
  const auto again = join(first->client.session.substr(0, 3));
  shows(*again, "got-one");
  EXPECT_EQ(again->client.session, first->client.session);
  again->client.type("two\r");
  const auto view = ended(*again);
  ASSERT_TRUE(view) << view.error().message;
  EXPECT_EQ(view->record.outcome->exit_code, 3);
  EXPECT_TRUE(view->record.terminal);
  EXPECT_EQ(ended(*join(first->client.session)).error().code, ErrorCode::Conflict);
}

TEST_F(SessionUseTest, OutlivesTheDaemon) {
  bench_.make("box");
  auto first = start("stty -echo; echo up; read x; echo got-$x; exit 4");
  shows(*first, "up");
  const std::string id = first->client.session;
  first->group.cancel();
  bench_.wait(first->group.join());
  first.reset();
  bench_.restartDaemon(End::Killed);
  const auto again = join(id);
  shows(*again, "up");
  again->client.type("on\r");
  const auto view = ended(*again);
  ASSERT_TRUE(view) << view.error().message;
  EXPECT_EQ(view->record.outcome->exit_code, 4);
  EXPECT_THAT(again->client.shown, HasSubstr("got-on"));
}

TEST_F(SessionUseTest, TwoSeeTheSame) {
  bench_.make("box");
  const auto first = start("stty -echo; echo up; read x; echo got-$x");
  shows(*first, "up");
  const auto second = join(first->client.session);
  shows(*second, "up");
  second->client.type("x\r");
  ASSERT_TRUE(ended(*first));
  ASSERT_TRUE(ended(*second));
  EXPECT_EQ(first->client.shown, second->client.shown);
}

TEST_F(SessionUseTest, WhoTakesNothingIsWaitedForOnceAndThenLetGo) {
  bench_.make("box");
  const auto first = start(
      "stty -echo; echo up; read x; head -c 20000000 /dev/zero | tr '\\0' x; echo; echo over; "
      "read x; exit 5");
  shows(*first, "up");
  const auto stuck = join(first->client.session);
  shows(*stuck, "up");
  stuck->client.full = true;
  first->client.type("go\r");
  shows(*first, "over");
  EXPECT_GE(first->client.shown.size(), 20'000'000U) << "the quick one misses nothing";
  stuck->client.open();
  const auto told = ended(*stuck);
  EXPECT_EQ(told.error().code, ErrorCode::Conflict);
  EXPECT_THAT(told.error().remedy, HasSubstr("--session"));
  first->client.type("end\r");
  EXPECT_EQ(ended(*first)->record.outcome->exit_code, 5);
}

TEST_F(SessionUseTest, WhoJoinsSeesTheEndFromASafePlace) {
  bench_.make("box");
  const auto first = start(
      "stty -echo -onlcr; i=0; while [ $i -lt 9000 ]; do echo line-$i-xxxxxxxx; "
      "i=$((i+1)); done; echo over; read x");
  shows(*first, "over");
  const auto second = join(first->client.session);
  shows(*second, "over");
  EXPECT_LE(second->client.shown.size(), 64U * 1024);
  EXPECT_GT(second->client.shown.size(), 60U * 1024);
  EXPECT_TRUE(second->client.shown.starts_with("line-")) << second->client.shown.substr(0, 50);
  first->client.type("\r");
  EXPECT_TRUE(ended(*first));
  EXPECT_TRUE(ended(*second));
}

TEST_F(SessionUseTest, ASessionIsOfItsSandbox) {
  bench_.make("box");
  bench_.make("other");
  const auto first = start("echo up; read x");
  shows(*first, "up");
  EXPECT_EQ(ended(*join(first->client.session, "other")).error().code, ErrorCode::NotFound);
  EXPECT_EQ(ended(*join("ffffffff")).error().code, ErrorCode::NotFound);
  EXPECT_EQ(ended(*join("ffffffff", "nobody")).error().code, ErrorCode::NotFound);
  const auto job = bench_.wait(jobs().start({}, "box", {.command = {"/bin/sleep", "99"}}));
  ASSERT_TRUE(job);
  EXPECT_EQ(ended(*join(job->record.id)).error().code, ErrorCode::Conflict);
  first->client.type("\r");
  EXPECT_TRUE(ended(*first));
  ASSERT_TRUE(bench_.wait(bench_.lifecycle().stop(bench_.find("box"), "stopped by request")));
  EXPECT_EQ(ended(*start("true")).error().code, ErrorCode::Conflict);
}

TEST_F(SessionUseTest, OneThatEndsAtOnceIsToldAllTheSame) {
  bench_.make("box");
  for (int i = 0; i < 10; ++i) {
    const auto quick = start("echo shown; exit 9");
    const auto view = ended(*quick);
    ASSERT_TRUE(view) << view.error().message;
    EXPECT_EQ(view->record.outcome->exit_code, 9);
    EXPECT_EQ(quick->client.shown, "shown\r\n");
  }
}

TEST_F(SessionUseTest, WithoutACommandItIsTheUsersShell) {
  bench_.make("box");
  Joined joined(*this, {}, "box");
  bench_.wait([](Client& client) -> net::Task<void> {
    while (client.session.empty()) {
      co_await net::yield();
    }
  }(joined.client));
  joined.client.type("echo is-$SHELL-; exit 6\r");
  const auto view = ended(joined);
  ASSERT_TRUE(view) << view.error().message;
  EXPECT_EQ(view->record.outcome->exit_code, 6);
  ASSERT_EQ(view->record.command.size(), 1U);
  EXPECT_THAT(joined.client.shown, HasSubstr(cat("is-", view->record.command[0], "-")));
}

// A job is a use of its sandbox; a session that was left and is silent is none.
TEST_F(SessionUseTest, AForgottenShellKeepsNoSandboxInUse) {
  const SandboxPtr box = bench_.make("box");
  const auto first = start("stty -echo; echo up; read x; echo more; read x");
  shows(*first, "up");
  EXPECT_EQ(box->in_use, 1U);
  first->client.leave();
  (void)ended(*first);
  EXPECT_EQ(box->in_use, 0U);
  const SteadyTime before = box->last_used;
  bench_.clock.advance(std::chrono::minutes(5));
  const auto again = join(first->client.session);
  shows(*again, "up");
  EXPECT_EQ(box->in_use, 1U);
  again->client.type("\r");
  shows(*again, "more");
  EXPECT_GT(box->last_used, before);
  again->client.leave();
  (void)ended(*again);
  EXPECT_EQ(box->in_use, 0U);
}

}  // namespace
}  // namespace ak::manager
