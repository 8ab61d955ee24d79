// The program `agentkernel` itself, against a scripted daemon on its socket.
#include "cli/testing/program.h"

#include <atomic>
#include <future>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "client/testing/scripted_server.h"
#include "model/run_request_json.h"

namespace ak::cli {
namespace {

using client::testing::Peer;
using client::testing::ScriptedServer;
using client::testing::TemporaryDirectory;
using model::StreamFrame;
using model::StreamKind;
using testing::Finished;
using testing::Program;
using Words = std::vector<std::string>;

class ProgramTest : public ::testing::Test {
 protected:
  ProgramTest() {
    EXPECT_TRUE(sys::makePrivateDirectory(runtime()));
    EXPECT_TRUE(sys::makePrivateDirectory(state()));
  }

  std::string runtime() const { return directory_.path() + "/run/agentkernel"; }

  std::string state() const { return directory_.path() + "/state"; }

  std::string socket() const { return runtime() + "/daemon.sock"; }

  Words variables() const {
    return {"HOME=" + directory_.path(), "PATH=/usr/bin:/bin",
            "XDG_RUNTIME_DIR=" + directory_.path() + "/run", "AGENTKERNEL_STATE_DIR=" + state(),
            "AGENTKERNEL_DAEMON=" + daemon_};
  }

  Words words(Words arguments) const {
    arguments.insert(arguments.begin(), AK_BIN_DIR "/agentkernel");
    return arguments;
  }

  Finished run(const Words& arguments, std::string_view input = {}) const {
    Program program(words(arguments), variables());
    if (!input.empty()) {
      EXPECT_TRUE(sys::writeAll(program.input(), input));
    }
    return program.finish();
  }

  std::string fileInState(const std::string& name) const {
    return sys::readFile(state() + "/" + name, 1 << 20).value_or("");
  }

  void write(const std::string& path, std::string_view text) const {
    const auto fd = sys::openPath(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ASSERT_TRUE(fd && sys::writeAll(fd->get(), text));
  }

  std::string daemon_ = "/nonexistent/agentkerneld";

 private:
  TemporaryDirectory directory_;
};

ScriptedServer::Script ended(std::string_view exit) {
  return [exit = std::string(exit)](Peer& peer) {
    peer.switchProtocols();
    peer.frame(StreamKind::Started, R"({"sandbox":"s","hints":["a hint"]})");
    peer.frame(StreamKind::Exit, exit);
  };
}

TEST_F(ProgramTest, VersionAndHelpNeedNoDaemon) {
  EXPECT_EQ(run({"--version"}).out, "agentkernel " AK_VERSION "\n");
  EXPECT_EQ(run({"version"}).out, "agentkernel " AK_VERSION "\n");
  EXPECT_TRUE(run({"--help"}).out.contains("Usage: agentkernel COMMAND"));
  EXPECT_TRUE(run({"run", "--help"}).out.contains("--image IMAGE"));
  EXPECT_EQ(run({"help", "run"}).out, run({"run", "-h"}).out);
}

TEST_F(ProgramTest, WrongCommandLinesAreToldApartFromTheGuest) {
  EXPECT_EQ(run({}).status, 2);
  EXPECT_EQ(run({"lst"}).status, 2);
  EXPECT_EQ(run({"list", "--jsn"}).status, 2);
  EXPECT_EQ(run({"run"}).status, 125);
  EXPECT_NE(run({"run", "-i", "bash"}).err.find("-i and --image take an image"), std::string::npos);
  const Finished wrong = run({"run", "--profile", "moderat", "true"});
  EXPECT_EQ(wrong.status, 125);
  EXPECT_EQ(wrong.err,
            "agentkernel: unknown profile 'moderat'\n"
            "agentkernel: Did you mean 'moderate'? Accepted: permissive, moderate, restrictive, "
            "custom.\n");
  EXPECT_EQ(run({"run", "--memory", "lots", "true"}).status, 125);
  EXPECT_EQ(run({"run", "--network", "full", "--no-network", "true"}).status, 125);
  EXPECT_EQ(run({"run", "--name", "a/b", "true"}).status, 125);
  EXPECT_EQ(run({"run", "--config", "/nonexistent.toml", "true"}).status, 125);
}

TEST_F(ProgramTest, ExitStatusesAreTheGuestsOwnAndTheErrorTables) {
  const std::pair<const char*, int> exits[] = {{R"({"exit_code":0})", 0},
                                               {R"({"exit_code":42})", 42},
                                               {R"({"exit_code":137,"signal":9})", 137},
                                               {R"({"exit_code":124,"timed_out":true})", 124}};
  for (const auto& [exit, status] : exits) {
    const ScriptedServer server(socket(), ended(exit));
    EXPECT_EQ(run({"run", "x"}).status, status) << exit;
  }
  const std::pair<const char*, int> failures[] = {{"command_not_found", 127},
                                                  {"command_not_runnable", 126},
                                                  {"capacity", 125},
                                                  {"from_the_future", 125}};
  for (const auto& [code, status] : failures) {
    const ScriptedServer server(socket(), [code](Peer& peer) {
      peer.switchProtocols();
      peer.frame(StreamKind::Failed,
                 cat(R"({"code":")", code, R"(","message":"no \u001b[2J","remedy":"Do."})"));
    });
    const Finished finished = run({"exec", "web", "x"});
    EXPECT_EQ(finished.status, status) << code;
    EXPECT_EQ(finished.err, "agentkernel: no \\x1b[2J\nagentkernel: Do.\n");
  }
}

TEST_F(ProgramTest, TheRequestSaysWhatTheCommandLineSays) {
  std::string seen;
  const ScriptedServer server(socket(), [&](Peer& peer) {
    seen = peer.request();
    ended(R"({"exit_code":0})")(peer);
  });
  ASSERT_EQ(run({"run",    "--image", "host",       "-p", "restrictive", "--memory",  "512mb",
                 "--cpus", "0.5",     "--mount=ro", "-e", "A=1",         "--timeout", "2s",
                 "--name", "n-1",     "-k",         "--", "ls",          "-l"})
                .status,
            0);
  EXPECT_TRUE(seen.starts_with("POST /run HTTP/1.1\r\n"));
  EXPECT_TRUE(seen.contains("Upgrade: agentkernel\r\n"));
  const auto request =
      model::runRequestFromJson(nlohmann::json::parse(seen.substr(seen.find("\r\n\r\n") + 4)));
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->command, (Words{"ls", "-l"}));
  EXPECT_EQ(request->profile, model::Profile::Restrictive);
  EXPECT_EQ(request->memory_bytes, 512ULL << 20U);
  EXPECT_EQ(request->cpu_percent, 50U);
  EXPECT_EQ(request->workspace.mode, model::WorkspaceMode::ReadOnly);
  EXPECT_EQ(request->workspace.path, std::filesystem::current_path().string());
  EXPECT_NE(request->workspace.inode, 0U);
  EXPECT_EQ(request->environment, Words{"A=1"});
  EXPECT_EQ(request->timeout, std::chrono::milliseconds(2000));
  EXPECT_TRUE(request->host_environment.empty());
  EXPECT_TRUE(request->keep);
  EXPECT_TRUE(request->stdin_open);
}

TEST_F(ProgramTest, BinaryInputComesBackUnmangledAndToItsEnd) {
  const ScriptedServer server(socket(), [](Peer& peer) {
    peer.switchProtocols();
    StreamFrame frame;
    while (peer.next(frame) && frame.kind == StreamKind::Stdin) {
      peer.frame(StreamKind::Stdout, frame.payload);
    }
    peer.frame(StreamKind::Stderr, "end");
    peer.frame(StreamKind::Exit, frame.kind == StreamKind::StdinEnd ? R"({"exit_code":3})" : "{}");
  });
  std::string bytes;
  for (int i = 0; i < 50000; ++i) {
    bytes += static_cast<char>(i * 7);
  }
  const Finished finished = run({"run", "cat"}, bytes);
  EXPECT_EQ(finished.out, bytes);
  EXPECT_EQ(finished.err, "end");
  EXPECT_EQ(finished.status, 3);
}

TEST_F(ProgramTest, OutputSplitIntoSingleBytesIsWhole) {
  const ScriptedServer server(socket(), [](Peer& peer) {
    std::string bytes = "HTTP/1.1 101 Go\r\nUpgrade: agentkernel\r\n\r\n";
    model::appendStreamFrame(bytes, StreamKind::Stdout, "hel");
    model::appendStreamFrame(bytes, StreamKind::Stdout, "");
    model::appendStreamFrame(bytes, StreamKind::Stdout, "lo\n");
    model::appendStreamFrame(bytes, StreamKind::Exit, R"({"exit_code":0})");
    peer.sayByteByByte(bytes);
  });
  EXPECT_EQ(run({"run", "x"}).out, "hello\n");
}

TEST_F(ProgramTest, ADaemonThatDiesInTheMiddleIsOurFailure) {
  const ScriptedServer server(socket(), [](Peer& peer) {
    peer.switchProtocols();
    peer.frame(StreamKind::Stdout, "half");
  });
  const Finished finished = run({"run", "x"});
  EXPECT_EQ(finished.status, 125);
  EXPECT_EQ(finished.out, "half");
  EXPECT_TRUE(finished.err.contains("went away")) << finished.err;
}

TEST_F(ProgramTest, AMalformedFrameIsOurFailure) {
  for (const char* exit : {"{", "[]", R"({"exit_code":"0"})", R"({"exit_code":999})"}) {
    const ScriptedServer server(socket(), ended(exit));
    EXPECT_EQ(run({"run", "x"}).status, 125) << exit;
  }
  const ScriptedServer server(socket(), [](Peer& peer) {
    peer.switchProtocols();
    peer.say("\xff garbage that is longer than a header");
  });
  EXPECT_EQ(run({"run", "x"}).status, 125);
}

TEST_F(ProgramTest, SignalsAreForwardedAndTheSecondLeavesAtOnce) {
  const ScriptedServer server(socket(), [](Peer& peer) {
    peer.switchProtocols();
    peer.frame(StreamKind::Stdout, "up\n");
    StreamFrame frame;
    while (peer.next(frame)) {
      if (frame.kind == StreamKind::Signal) {
        peer.frame(StreamKind::Stdout, frame.payload);
      }
    }
  });
  Program program(words({"run", "x"}), variables());
  char buffer[16];
  ASSERT_EQ(::read(program.output(), buffer, sizeof buffer), 3);
  program.signal(SIGTERM);
  ASSERT_EQ(::read(program.output(), buffer, sizeof buffer), 1);
  EXPECT_EQ(buffer[0], SIGTERM);
  program.signal(SIGINT);
  ASSERT_EQ(::read(program.output(), buffer, sizeof buffer), 1);
  EXPECT_EQ(buffer[0], SIGINT);
  program.signal(SIGINT);
  EXPECT_EQ(program.finish().status, 128 + SIGINT);
}

TEST_F(ProgramTest, AReaderThatLeavesEndsTheRun) {
  const ScriptedServer server(socket(), [](Peer& peer) {
    peer.switchProtocols();
    while (peer.frame(StreamKind::Stdout, std::string(32768, 'y'))) {
    }
  });
  Program program(words({"run", "yes"}), variables());
  char buffer[16];
  ASSERT_GT(::read(program.output(), buffer, sizeof buffer), 0);
  program.closeOutput();
  EXPECT_EQ(program.finish().status, 128 + SIGPIPE);
}

TEST_F(ProgramTest, ASlowReaderStopsTheDaemonNotOurMemory) {
  std::atomic<std::size_t> sent = 0;
  std::promise<void> given_up;
  const ScriptedServer server(socket(), [&](Peer& peer) {
    peer.switchProtocols();
    // Blocks once the socket, one frame and the pipe are full; far below what is offered.
    ::timeval patience{.tv_sec = 0, .tv_usec = 300000};
    ::setsockopt(peer.fd(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    while (sent < (64U << 20U) && peer.frame(StreamKind::Stdout, std::string(32768, 'y'))) {
      sent += 32768;
    }
    given_up.set_value();
  });
  Program program(words({"run", "yes"}), variables());
  // Nobody reads until the daemon has given up and closed.
  given_up.get_future().wait();
  const Finished finished = program.finish();
  EXPECT_EQ(finished.status, 125);
  EXPECT_LT(sent, 64U << 20U);
}

TEST_F(ProgramTest, JsonHoldsOutputOutcomeAndPhases) {
  const ScriptedServer server(socket(), [](Peer& peer) {
    peer.switchProtocols();
    peer.frame(StreamKind::Started, R"({"sandbox":"s","image":"host"})");
    peer.frame(StreamKind::Stdout, "out");
    peer.frame(StreamKind::Stderr, "\xff");
    peer.frame(StreamKind::Exit, R"({"exit_code":5,"phases":{"claimed_us":7}})");
  });
  const Finished finished = run({"run", "--json", "x"});
  EXPECT_EQ(finished.status, 5);
  const auto object = nlohmann::json::parse(finished.out);
  EXPECT_EQ(object["stdout"], "out");
  EXPECT_EQ(object["stderr_base64"], "/w==");
  EXPECT_EQ(object["image"], "host");
  EXPECT_EQ(object["phases"]["claimed_us"], 7);
}

TEST_F(ProgramTest, HintsArePrintedForPeopleOnly) {
  const ScriptedServer server(socket(), ended(R"({"exit_code":0})"));
  EXPECT_EQ(run({"run", "x"}).err, "");
  EXPECT_EQ(run({"run", "-v", "x"}).err, "agentkernel: a hint\n");
}

TEST_F(ProgramTest, AFailedConnectNamesTheNetworkOption) {
  const ScriptedServer server(socket(), [](Peer& peer) {
    peer.switchProtocols();
    peer.frame(StreamKind::Started, R"({"sandbox":"s"})");
    peer.frame(StreamKind::Stderr, "connect: Network is unreachable\n");
    peer.frame(StreamKind::Exit, R"({"exit_code":1})");
  });
  EXPECT_NE(run({"run", "-v", "x"}).err.find("--network full"), std::string::npos);
  EXPECT_EQ(run({"run", "-v", "--network", "full", "x"}).err, "connect: Network is unreachable\n");
  EXPECT_EQ(run({"run", "x"}).err, "connect: Network is unreachable\n");
}

TEST_F(ProgramTest, ChangesAreListedAndHostileNamesAreShownSafely) {
  const ScriptedServer server(
      socket(),
      ended(
          R"({"exit_code":0,"changes":[{"kind":"added","path":"a\u001b[2J","size":1,"mode":420}]})"));
  const Finished finished = run({"run", "--diff", "x"});
  EXPECT_EQ(finished.out, "A a\\x1b[2J\n");
  EXPECT_TRUE(finished.err.contains("agentkernel apply s")) << finished.err;
}

TEST_F(ProgramTest, TablesAreAlignedAndPathsEscaped) {
  std::string seen;
  const ScriptedServer server(socket(), [&](Peer& peer) {
    seen = peer.request();
    peer.answer(R"({"success":true,"data":[{"name":"a","status":"running","image":"host",
      "backend":"native","created_at":"t"},{"name":"longer-name","status":"stopped"}]})");
  });
  EXPECT_EQ(run({"list"}).out,
            "NAME         STATUS   IMAGE  BACKEND  CREATED\n"
            "a            running  host   native   t\n"
            "longer-name  stopped  -      -        -\n");
  run({"inspect", "a/../b?c"});
  EXPECT_TRUE(seen.starts_with("GET /sandboxes/a%2f..%2fb%3fc HTTP/1.1\r\n")) << seen;
}

TEST_F(ProgramTest, OneFailureDoesNotKeepTheOthersFromBeingDone) {
  const ScriptedServer server(socket(), [](Peer& peer) {
    if (peer.request().starts_with("DELETE /sandboxes/b ")) {
      const std::string body = R"({"success":false,"error":"no b","code":"not_found"})";
      peer.say(cat("HTTP/1.1 404 No\r\nContent-Length: ", body.size(), "\r\n\r\n", body));
    } else {
      peer.answer(R"({"success":true,"data":"Sandbox removed"})");
    }
  });
  const Finished finished = run({"rm", "a", "b", "c"});
  EXPECT_EQ(finished.status, 125);
  EXPECT_EQ(finished.out, "a\nc\n");
  EXPECT_EQ(finished.err, "agentkernel: no b\n");
}

TEST_F(ProgramTest, AMissingDaemonProgramIsToldWithItsRemedy) {
  const Finished finished = run({"list"});
  EXPECT_EQ(finished.status, 125);
  EXPECT_TRUE(finished.err.contains("/nonexistent/agentkerneld")) << finished.err;
  EXPECT_TRUE(finished.err.contains("AGENTKERNEL_DAEMON")) << finished.err;
  EXPECT_EQ(run({"daemon", "status"}).status, 3);
  EXPECT_EQ(run({"daemon", "stop"}).status, 0);
}

class DaemonStartTest : public ProgramTest {
 protected:
  DaemonStartTest() { daemon_ = AK_BIN_DIR "/../tests/fake_daemon"; }

  ~DaemonStartTest() override { run({"daemon", "stop"}); }
};

TEST_F(DaemonStartTest, FiftyAtOnceStartOneDaemon) {
  std::vector<std::unique_ptr<Program>> programs;
  for (int i = 0; i < 50; ++i) {
    programs.push_back(std::make_unique<Program>(words({"run", "true"}), variables()));
  }
  for (const auto& program : programs) {
    const Finished finished = program->finish();
    EXPECT_EQ(finished.status, 0) << finished.err;
    EXPECT_EQ(finished.out, "hello\n");
  }
  EXPECT_EQ(fileInState("starts"), "x");
}

TEST_F(DaemonStartTest, AnotherRuntimeDirectoryFindsTheSameDaemon) {
  ASSERT_EQ(run({"run", "true"}).status, 0);
  Words elsewhere = variables();
  elsewhere[2] = "XDG_RUNTIME_DIR=" + state() + "/elsewhere";
  const Finished finished = Program(words({"run", "true"}), elsewhere).finish();
  EXPECT_EQ(finished.status, 0) << finished.err;
  EXPECT_EQ(fileInState("starts"), "x");
}

TEST_F(DaemonStartTest, RestartEndsTheOldOneAndStopIsIdempotent) {
  ASSERT_EQ(run({"daemon", "start"}).status, 0);
  const Finished restarted = run({"daemon", "restart"});
  EXPECT_EQ(restarted.status, 0) << restarted.err;
  EXPECT_EQ(fileInState("starts"), "xx");
  EXPECT_TRUE(run({"daemon", "status"}).out.starts_with("daemon      running (process "));
  EXPECT_EQ(run({"daemon", "stop"}).out, "the daemon has ended\n");
  EXPECT_EQ(run({"daemon", "stop"}).out, "the daemon was not running\n");
  EXPECT_EQ(run({"daemon", "status"}).status, 3);
}

TEST_F(DaemonStartTest, WhyItCannotStartIsSaidInItsOwnWords) {
  write(state() + "/mode", "fail");
  const Finished finished = run({"run", "true"});
  EXPECT_EQ(finished.status, 125);
  EXPECT_TRUE(finished.err.contains("the state is from the future")) << finished.err;
  write(state() + "/mode", "silent");
  EXPECT_TRUE(run({"run", "true"}).err.contains("ended with status 3"));
}

}  // namespace
}  // namespace ak::cli
