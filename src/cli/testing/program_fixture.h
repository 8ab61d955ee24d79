#pragma once

#include <gtest/gtest.h>

#include "cli/testing/program.h"
#include "client/testing/scripted_server.h"

// The program `agentkernel` in a directory of its own; what stands for its daemon is the test's.
namespace ak::cli::testing {

using client::testing::Peer;
using client::testing::ScriptedServer;
using Words = std::vector<std::string>;

class ProgramFixture : public ::testing::Test {
 protected:
  ProgramFixture() {
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
  client::testing::TemporaryDirectory directory_;
};

// A daemon whose command has ended at once, with this JSON as its Exit.
inline ScriptedServer::Script ended(std::string_view exit) {
  return [exit = std::string(exit)](Peer& peer) {
    peer.switchProtocols();
    peer.frame(model::StreamKind::Started, R"({"sandbox":"s","hints":["a hint"]})");
    peer.frame(model::StreamKind::Exit, exit);
  };
}

}  // namespace ak::cli::testing
