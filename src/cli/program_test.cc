// The program `agentkernel` itself, against a scripted daemon on its socket.
#include <nlohmann/json.hpp>

#include "cli/testing/program_fixture.h"
#include "model/run_request_json.h"

namespace ak::cli {
namespace {

using client::testing::Peer;
using client::testing::ScriptedServer;
using model::StreamFrame;
using model::StreamKind;
using testing::ended;
using testing::Finished;
using testing::Program;
using testing::Words;

class ProgramTest : public testing::ProgramFixture {};

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
  EXPECT_EQ(run({"help", "lst"}).status, 2);
  EXPECT_NE(run({"rnu"}).err.find("Did you mean: agentkernel run"), std::string::npos);
  EXPECT_EQ(run({"run"}).status, 125);
  EXPECT_NE(run({"run", "-i", "bash"}).err.find("-i and --image take an image"), std::string::npos);
  const Finished wrong = run({"run", "--profile", "moderat", "true"});
  EXPECT_EQ(wrong.status, 125);
  EXPECT_EQ(wrong.err,
            "agentkernel: unknown profile 'moderat'\n"
            "agentkernel: Did you mean 'moderate'? Accepted: permissive, moderate, restrictive, "
            "custom.\n");
  EXPECT_TRUE(run({"run", "--mount", "/a:/b", "true"}).err.contains("--file SRC:DEST"));
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
  EXPECT_EQ(run({"run", "--verbose", "x"}).err, "agentkernel: a hint\n");
}

TEST_F(ProgramTest, WarningsArePrintedForEverybodyAndDisarmed) {
  const ScriptedServer server(socket(), [](Peer& peer) {
    peer.switchProtocols();
    peer.frame(StreamKind::Started, R"({"sandbox":"s","warnings":["a \u001b[2J",7]})");
    peer.frame(StreamKind::Exit, R"({"exit_code":0})");
  });
  EXPECT_EQ(run({"run", "x"}).err, "agentkernel: a \\x1b[2J\n");
}

TEST_F(ProgramTest, AFailedConnectNamesTheNetworkOption) {
  const ScriptedServer server(socket(), [](Peer& peer) {
    peer.switchProtocols();
    peer.frame(StreamKind::Started, R"({"sandbox":"s"})");
    peer.frame(StreamKind::Stderr, "connect: Network is unreachable\n");
    peer.frame(StreamKind::Exit, R"({"exit_code":1})");
  });
  EXPECT_NE(run({"run", "--verbose", "x"}).err.find("--network full"), std::string::npos);
  EXPECT_EQ(run({"run", "--verbose", "--network", "full", "x"}).err,
            "connect: Network is unreachable\n");
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
      "backend":"native","ports":["49153:80","[::]:53:53/udp"],"created_at":"2026-11-21T15:49:35.069048Z"},{"name":"longer-name","status":"stopped"}]})");
  });
  EXPECT_EQ(
      run({"list"}).out,
      "NAME         STATUS   IMAGE  BACKEND  PORTS                                    CREATED\n"
      "a            running  host   native   127.0.0.1:49153->80/tcp,[::]:53->53/udp  "
      "2026-11-21T15:49:35Z\n"
      "longer-name  stopped  -      -        -                                        -\n");
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

}  // namespace
}  // namespace ak::cli
