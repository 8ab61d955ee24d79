#include "base/text.h"
#include "fixture.h"

namespace ak::conformance {
namespace {

using channel::ExecStream;

class ExecTest : public BackendTest {};

TEST_P(ExecTest, OutputAndExitCodeComeBackApart) {
  auto box = bench().startOk(kBox);
  const Outcome outcome = bench().sh(*box.agent, "echo out; echo err >&2; exit 7");
  EXPECT_EQ(outcome.output, "out\n");
  EXPECT_EQ(outcome.errors, "err\n");
  EXPECT_EQ(outcome.exit.code, 7);
  EXPECT_EQ(outcome.exit.signal, 0);
}

TEST_P(ExecTest, ASignalIsReportedAsOne) {
  auto box = bench().startOk(kBox);
  EXPECT_EQ(bench().sh(*box.agent, "kill -SEGV $$").exit.signal, SIGSEGV);
}

TEST_P(ExecTest, MissingAndUnrunnableProgramsAreTypedErrors) {
  auto box = bench().startOk(kBox);
  wire::ExecRequest missing;
  missing.argv = {"no-such-program-here"};
  const auto first = bench().wait(box.agent->exec(missing));
  ASSERT_FALSE(first);
  EXPECT_EQ(first.error().code, ErrorCode::CommandNotFound) << first.error().message;
  wire::ExecRequest not_runnable;
  not_runnable.argv = {"/etc/passwd"};
  const auto second = bench().wait(box.agent->exec(not_runnable));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::CommandNotRunnable) << second.error().message;
}

TEST_P(ExecTest, StandardInputReachesTheCommandToItsEnd) {
  auto box = bench().startOk(kBox);
  wire::ExecRequest request;
  request.argv = {"cat"};
  std::string input;
  for (int i = 0; i < 300'000; ++i) {
    input += static_cast<char>(i * 7);
  }
  auto both = [&]() -> net::Task<Outcome> {
    auto exec = co_await box.agent->exec(request);
    net::TaskGroup group(bench().loop().executor());
    auto write = [&]() -> net::Task<void> {
      const Status written = co_await (*exec)->writeStdin(input);
      EXPECT_TRUE(written);
      const Status closed = co_await (*exec)->closeStdin();
      EXPECT_TRUE(closed);
    };
    group.spawn(write());
    Outcome outcome = co_await collect(**exec);
    co_await group.join();
    co_return outcome;
  };
  const Outcome outcome = bench().wait(both());
  EXPECT_TRUE(outcome.output == input);  // binary, every byte value
  EXPECT_EQ(outcome.exit.code, 0);
}

TEST_P(ExecTest, ATerminalIsOneAndFollowsResizing) {
  auto box = bench().startOk(kBox);
  wire::ExecRequest request;
  request.argv = {"/bin/sh", "-c", "test -t 0 && echo tty; stty size; read line; stty size"};
  request.terminal = true;
  request.window = {10, 20};
  auto both = [&]() -> net::Task<std::string> {
    auto exec = co_await box.agent->exec(request);
    std::string output;
    bool resized = false;
    for (;;) {
      auto event = co_await (*exec)->next();
      if (!event || event->kind == ExecStream::Event::Kind::Exit) {
        co_return output;
      }
      output += event->data;
      if (!resized && output.find("10 20") != std::string::npos) {
        resized = true;
        wire::ExecControl control;
        control.kind = wire::ExecControl::Kind::Resize;
        control.window = {30, 40};
        (void)co_await (*exec)->control(control);
        (void)co_await (*exec)->writeStdin("\n");
      }
    }
  };
  const std::string output = bench().wait(both());
  EXPECT_NE(output.find("tty"), std::string::npos) << printable(output);
  EXPECT_NE(output.find("30 40"), std::string::npos) << printable(output);
}

TEST_P(ExecTest, TheAgentKeepsTheTimeout) {
  auto box = bench().startOk(kBox);
  wire::ExecRequest request = shell("trap '' TERM; echo begun; while :; do sleep 1000; done");
  // Twice as long each time, until the shell of a slow machine has come as far as its echo.
  Outcome outcome;
  for (request.timeout_ms = 100; outcome.output.empty() && request.timeout_ms <= 25'600;
       request.timeout_ms *= 2) {
    outcome = bench().run(*box.agent, request);
    EXPECT_TRUE(outcome.exit.timed_out);
  }
  EXPECT_EQ(outcome.output, "begun\n");
}

TEST_P(ExecTest, KillEndsEverythingThatWasStarted) {
  auto box = bench().startOk(kBox);
  // A daemonised grandchild in a session of its own holds a pipe: it ends when the last holder
  // does.
  const std::string fifo = GetParam() == "fake" ? bench().directory() + "/fifo" : "/tmp/fifo";
  wire::ExecRequest request = shell(cat("mkfifo ", fifo, "; (setsid sh -c 'exec 3<>", fifo,
                                        "; sleep 1000' &) ; ", "echo ready; sleep 1000"));
  if (GetParam() == "native") {
    request.argv = {"/bin/sh", "-c", "(setsid sleep 1000 &); echo ready; sleep 1000"};
  } else {
    request.argv = {"/bin/sh", "-c", "(setsid sleep 1000 & echo $!); echo ready; sleep 1000"};
  }
  auto both = [&]() -> net::Task<Outcome> {
    auto exec = co_await box.agent->exec(request);
    Outcome outcome;
    while (outcome.output.find("ready") == std::string::npos) {
      auto event = co_await (*exec)->next();
      if (!event) {
        co_return outcome;
      }
      outcome.output += event->data;
    }
    wire::ExecControl control;
    control.kind = wire::ExecControl::Kind::Kill;
    (void)co_await (*exec)->control(control);
    Outcome rest = co_await collect(**exec);
    rest.output = outcome.output + rest.output;
    co_return rest;
  };
  const Outcome outcome = bench().wait(both());
  EXPECT_TRUE(outcome.exit.killed);
  // All were killed at once, but the one that was waited for may be gone before the others are.
  const std::string lives = GetParam() == "native"
                                ? std::string("ps | grep -q '[s]leep 1000'")
                                : cat("kill -0 ", split(outcome.output, '\n').at(0), " 2>&-");
  wire::ExecRequest look = shell(cat("while ", lives, "; do :; done; echo gone"));
  look.timeout_ms = 10'000;
  EXPECT_EQ(bench().run(*box.agent, look).output, "gone\n");
}

TEST_P(ExecTest, ABackgroundChildDoesNotHoldTheExecOpen) {
  auto box = bench().startOk(kBox);
  const Outcome outcome = bench().sh(*box.agent, "sleep 1000 & echo done");
  EXPECT_EQ(outcome.output, "done\n");
  EXPECT_EQ(outcome.exit.code, 0);
}

TEST_P(ExecTest, ASlowReaderStopsItsWriterAndNobodyElse) {
  auto box = bench().startOk(kBox);
  wire::ExecRequest flood;
  flood.argv = {"/bin/sh", "-c", "head -c 33554432 /dev/zero"};
  auto both = [&]() -> net::Task<std::size_t> {
    auto exec = co_await box.agent->exec(flood);
    for (int i = 0; i < 20; ++i) {  // nobody reads the flood meanwhile
      auto other = co_await box.agent->exec(shell("echo hi"));
      const Outcome outcome = co_await collect(**other);
      EXPECT_EQ(outcome.output, "hi\n");
    }
    const Outcome outcome = co_await collect(**exec);
    co_return outcome.output.size();
  };
  EXPECT_EQ(bench().wait(both()), 33'554'432U);
}

TEST_P(ExecTest, ManyRunAtOnce) {
  auto box = bench().startOk(kBox);
  constexpr int kCount = 50;
  auto all = [&]() -> net::Task<int> {
    net::TaskGroup group(bench().loop().executor());
    int good = 0;
    auto one = [&](int number) -> net::Task<void> {
      auto request = shell(cat("echo ", number, "; exit ", number));
      auto exec = co_await box.agent->exec(request);
      if (exec) {
        const Outcome outcome = co_await collect(**exec);
        good += outcome.output == cat(number, "\n") && outcome.exit.code == number ? 1 : 0;
      }
    };
    for (int i = 0; i < kCount; ++i) {
      group.spawn(one(i));
    }
    co_await group.join();
    co_return good;
  };
  EXPECT_EQ(bench().wait(all()), kCount);
}

TEST_P(ExecTest, GivingUpTheStreamEndsTheCommand) {
  auto box = bench().startOk(kBox);
  auto both = [&]() -> net::Task<std::string> {
    std::string pid;
    {
      auto exec = co_await box.agent->exec(shell("echo $$; exec sleep 1000"));
      auto event = co_await (*exec)->next();
      pid = std::string(trim(event->data));
    }
    // Ordered behind the reset on the same channel; the kill itself takes a moment.
    for (;;) {
      auto probe = co_await box.agent->exec(shell("kill -0 " + pid + " 2>/dev/null"));
      const Outcome outcome = co_await collect(**probe);
      if (outcome.exit.code != 0) {
        co_return pid;
      }
    }
  };
  EXPECT_FALSE(bench().wait(both()).empty());
}

INSTANTIATE_TEST_SUITE_P(Backends,
                         ExecTest,
                         testing::Values("fake", "native"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace ak::conformance
