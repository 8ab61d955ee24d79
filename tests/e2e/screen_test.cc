// Full-screen programs behind `agentkernel run -t`, in a real terminal emulator (tmux): they draw,
// take keys, and follow the window.
#include "base/text.h"
#include "scratch_home.h"

namespace ak::e2e {
namespace {

class ScreenTest : public ScratchHome {
 protected:
  void SetUp() override {
    ScratchHome::SetUp();
    if (!IsSkipped() && ::access("/usr/bin/tmux", X_OK) != 0) {
      GTEST_SKIP() << "tmux is not installed";
    }
  }

  void TearDown() override {
    if (!IsSkipped()) {
      tmux({"kill-server"});
    }
    ScratchHome::TearDown();
  }

  // A server of the test's own.
  Finished tmux(Words list) const {
    Words all = {"/usr/bin/tmux", "-S", home() + "/tmux", "-f", "/dev/null"};
    all.insert(all.end(), list.begin(), list.end());
    return Program(all, variables()).finish();
  }

  // Below a shell that says how it ended: tmux at times does not notice the end of its child.
  void begin(Words command) const {
    Words all = {"new-session", "-d", "-x",
                 "100",         "-y", "30",
                 "sh",          "-c", "\"$@\"; echo ended with $?; exec sleep 1000",
                 "sh"};
    for (std::string& word : words(std::move(command))) {
      all.push_back(std::move(word));
    }
    const Finished finished = tmux(all);
    ASSERT_EQ(finished.status, 0) << finished.err;
  }

  std::string screen() const { return tmux({"capture-pane", "-p"}).out; }

  // Nothing tells when a terminal has drawn: look until it has.
  void expectShown(std::string_view text) const {
    std::string seen;
    for (int turns = 0; turns < 1500; ++turns) {
      seen = screen();
      if (seen.find(text) != std::string::npos) {
        return;
      }
      ::poll(nullptr, 0, 20);
    }
    ADD_FAILURE() << "'" << text << "' does not come; the screen is:\n" << seen;
  }

  void keys(Words list) const {
    list.insert(list.begin(), "send-keys");
    ASSERT_EQ(tmux(list).status, 0);
  }

  static bool missing(const char* program) { return ::access(program, X_OK) != 0; }
};

TEST_F(ScreenTest, LessPagesAndFollowsTheWindow) {
  if (missing("/usr/bin/less")) {
    GTEST_SKIP() << "less is not installed";
  }
  std::string lines;
  for (int i = 1; i <= 500; ++i) {
    lines += cat("line ", i, " end\n");
  }
  write(home() + "/text", lines);
  begin(
      {"run", "--mount", "none", "--file", home() + "/text:/tmp/text", "-t", "less", "/tmp/text"});
  expectShown("line 29 end");
  EXPECT_EQ(screen().find("line 30 end"), std::string::npos);
  keys({"Space"});
  expectShown("line 58 end");
  ASSERT_EQ(tmux({"resize-window", "-x", "60", "-y", "12"}).status, 0);
  // The size reaches less by a signal, which may cost it the key that comes at that moment.
  for (int turns = 0; turns < 200 && screen().find("line 11 end") == std::string::npos; ++turns) {
    keys({"g"});
    ::poll(nullptr, 0, 50);
  }
  expectShown("line 11 end");
  EXPECT_EQ(screen().find("line 12 end"), std::string::npos) << screen();
  keys({"q"});
  expectShown("ended with 0");
}

TEST_F(ScreenTest, VimEditsAndFollowsTheWindow) {
  if (missing("/usr/bin/vim")) {
    GTEST_SKIP() << "vim is not installed";
  }
  begin({"run", "--mount", "none", "-t", "sh", "-c",
         "vim -u NONE -N /tmp/note; echo saved: $(cat /tmp/note); read line"});
  expectShown("~");
  keys({"i", "from inside", "Escape"});
  expectShown("from inside");
  ASSERT_EQ(tmux({"resize-window", "-x", "70", "-y", "20"}).status, 0);
  // The size reaches vim by a signal: ask until it has.
  for (int turns = 0; turns < 200 && screen().find("rows 20 columns 70") == std::string::npos;
       ++turns) {
    keys({":echo 'rows' &lines 'columns' &columns", "Enter"});
    ::poll(nullptr, 0, 50);
  }
  expectShown("rows 20 columns 70");
  keys({":wq", "Enter"});
  expectShown("saved: from inside");
  keys({"Enter"});
  expectShown("ended with 0");
}

}  // namespace
}  // namespace ak::e2e
