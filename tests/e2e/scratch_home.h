#pragma once

#include <gtest/gtest.h>

#include "cli/testing/program.h"
#include "client/testing/scripted_server.h"

// The built programs in a home directory of one test's own, with a daemon that starts by itself and
// is stopped at the end.
namespace ak::e2e {

using cli::testing::Finished;
using cli::testing::Program;
using Words = std::vector<std::string>;

class ScratchHome : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::access(AK_BIN_DIR "/agentkerneld", X_OK) != 0) {
      GTEST_SKIP() << "agentkerneld is not built";
    }
    ASSERT_TRUE(sys::makePrivateDirectory(home() + "/run"));
  }

  void TearDown() override {
    if (!IsSkipped()) {
      agentkernel({"daemon", "stop"});
    }
  }

  const std::string& home() const { return directory_.path(); }

  std::string runtime() const { return home() + "/run/agentkernel"; }

  std::string state() const { return home() + "/state"; }

  static Words words(Words list) {
    list.insert(list.begin(), AK_BIN_DIR "/agentkernel");
    return list;
  }

  Words variables() const {
    return {"HOME=" + home(), "PATH=/usr/bin:/bin", "TERM=xterm",
            "XDG_RUNTIME_DIR=" + home() + "/run", "AGENTKERNEL_STATE_DIR=" + state()};
  }

  Program start(Words list) const { return Program(words(std::move(list)), variables()); }

  Finished agentkernel(Words list, std::string_view input = {}) const {
    Program program = start(std::move(list));
    if (!input.empty()) {
      EXPECT_TRUE(sys::writeAll(program.input(), input));
    }
    return program.finish();
  }

  void write(const std::string& path, std::string_view text) const {
    const auto file = sys::openPath(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ASSERT_TRUE(file && sys::writeAll(file->get(), text));
  }

 private:
  client::testing::TemporaryDirectory directory_;
};

// Reads from a pipe until `text` has come; false at its end or after 30 seconds of silence. What
// was read is in `seen`.
inline bool readUntil(int fd, std::string_view text, std::string& seen) {
  std::size_t looked = 0;  // much may come before it
  while (seen.find(text, looked) == std::string::npos) {
    looked = seen.size() - std::min(seen.size(), text.size());
    pollfd slot{fd, POLLIN, 0};
    char buffer[4096];
    if (::poll(&slot, 1, 30'000) != 1) {
      return false;
    }
    const ssize_t size = ::read(fd, buffer, sizeof buffer);
    if (size <= 0) {
      return false;
    }
    seen.append(buffer, static_cast<std::size_t>(size));
  }
  return true;
}

}  // namespace ak::e2e
