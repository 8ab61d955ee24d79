// `agentkernel attach` on real pseudo terminals: sessions are joined, left, recorded, and outlive
// clients and daemons.
#include <chrono>
#include <memory>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "sys/process.h"
#include "user_terminal.h"

namespace ak::e2e {
namespace {

using nlohmann::json;

constexpr std::string_view kLeave = "\x10\x11";  // ctrl-p ctrl-q

class AttachTest : public ScratchHome {
 protected:
  using Terminal = std::unique_ptr<UserTerminal>;

  void SetUp() override {
    ScratchHome::SetUp();
    if (!IsSkipped()) {
      const Finished made =
          agentkernel({"run", "--keep", "--name", "it", "--mount", "none", "true"});
      ASSERT_EQ(made.status, 0) << made.err;
    }
  }

  void TearDown() override {
    if (!IsSkipped()) {
      agentkernel({"rm", "it"});
    }
    ScratchHome::TearDown();
  }

  Terminal attach(Words options, Words command = {}) const {
    Words list = {"attach", "it"};
    list.insert(list.end(), options.begin(), options.end());
    if (!command.empty()) {
      list.emplace_back("--");
      list.insert(list.end(), command.begin(), command.end());
    }
    return std::make_unique<UserTerminal>(words(std::move(list)), variables());
  }

  Terminal attach(Words options, const std::string& script) const {
    return attach(std::move(options), {"sh", "-c", script});
  }

  // The only job of the sandbox.
  json session() const {
    const Finished listed = agentkernel({"job", "list", "--json", "it"});
    const json jobs = json::parse(listed.out, nullptr, false);
    EXPECT_TRUE(jobs.is_array() && jobs.size() == 1) << listed.out << listed.err;
    return jobs.is_array() && jobs.size() == 1 ? jobs[0] : json::object();
  }

  std::string id() const { return session().value("id", ""); }

  void killDaemon() const {
    const Finished asked = agentkernel({"daemon", "status", "--json"});
    const pid_t pid = json::parse(asked.out, nullptr, false).value("pid", 0);
    ASSERT_GT(pid, 1);
    const auto pidfd = sys::openPidFd(pid);
    ASSERT_TRUE(pidfd);
    ASSERT_EQ(::kill(pid, SIGKILL), 0);
    pollfd slot{pidfd->get(), POLLIN, 0};
    ASSERT_EQ(::poll(&slot, 1, 30'000), 1);
  }

  json auditOf(const std::string& type) const {
    const Finished asked = agentkernel({"audit", "--json", "--type", type, "--sandbox", "it"});
    return json::parse(asked.out, nullptr, false);
  }
};

TEST_F(AttachTest, AShellHasATerminalAndItsStatusIsOurs) {
  const Terminal it = attach({"-e", "WHO=me"});
  it->type("stty size; echo is-$WHO-$SHELL-$TERM\r");
  ASSERT_TRUE(it->shows("30 100")) << it->seen();
  ASSERT_TRUE(it->shows("is-me-/bin/sh-xterm")) << it->seen();
  EXPECT_TRUE(it->isRaw());
  it->type("exit 5\r");
  EXPECT_EQ(it->status(), 5) << it->seen();
  it->expectRestored();
  const json job = session();
  EXPECT_EQ(job["terminal"], true);
  EXPECT_EQ(job["exit_code"], 5);
}

TEST_F(AttachTest, IsLeftByItsKeysAndJoinedAgain) {
  Terminal it = attach({},
                       "echo first; trap 'echo size-$(stty size)' WINCH; "
                       "while :; do read x && echo got-$x && [ $x = end ] && exit 7; done");
  ASSERT_TRUE(it->shows("first")) << it->seen();
  it->type("before\r");
  ASSERT_TRUE(it->shows("got-before")) << it->seen();
  it->type("\x10");  // alone it is a key of the guest's
  it->type("\x15");
  it->type(kLeave);
  EXPECT_EQ(it->status(), 0);
  EXPECT_NE(it->seen().find("agentkernel attach it --session "), std::string::npos) << it->seen();
  it->expectRestored();
  EXPECT_EQ(session()["status"], "running");
  it = attach({"--session", id().substr(0, 5)});
  ASSERT_TRUE(it->shows("first")) << it->seen();
  ASSERT_TRUE(it->shows("got-before")) << it->seen();
  ASSERT_TRUE(it->shows("size-30 100")) << "told to draw anew: " << it->seen();
  it->resize(20, 80);
  ASSERT_TRUE(it->shows("size-20 80")) << it->seen();
  it->type("end\r");
  EXPECT_EQ(it->status(), 7) << it->seen();
  it->expectRestored();
  const json attached = auditOf("session_attached");
  ASSERT_EQ(attached.size(), 2U) << attached;
  const json detached = auditOf("session_detached");
  ASSERT_EQ(detached.size(), 2U) << detached;
  EXPECT_TRUE(detached.dump().contains("\"left\"")) << detached;
  EXPECT_TRUE(detached.dump().contains("\"ended\"")) << detached;
}

TEST_F(AttachTest, OtherKeysLeaveWhenToldSo) {
  const Terminal it =
      attach({"--detach-keys", "ctrl-a,d"}, "echo up; read x; echo got-$x; sleep 99");
  ASSERT_TRUE(it->shows("up")) << it->seen();
  it->type("x\r");
  ASSERT_TRUE(it->shows("got-x")) << it->seen();
  it->type("\x01");
  it->type("d");
  EXPECT_EQ(it->status(), 0);
}

TEST_F(AttachTest, AClientThatDiesLeavesTheSession) {
  for (const int number : {SIGKILL, SIGHUP, SIGTERM}) {
    const Terminal it = attach({}, "echo up; read x; echo got-$x");
    ASSERT_TRUE(it->shows("up")) << it->seen();
    it->signal(number);
    EXPECT_EQ(it->status(), 128 + number);
    if (number != SIGKILL) {
      it->expectRestored();
    }
  }
  const Finished listed = agentkernel({"job", "list", "--json", "it"});
  for (const json& job : json::parse(listed.out)) {
    EXPECT_EQ(job["status"], "running");
    const Terminal again = attach({"--session", job.value("id", "")});
    ASSERT_TRUE(again->shows("up")) << again->seen();
    again->type("on\r");
    EXPECT_TRUE(again->shows("got-on")) << again->seen();
    EXPECT_EQ(again->status(), 0);
  }
}

TEST_F(AttachTest, OutlivesADaemonThatIsKilled) {
  Terminal it = attach({}, "echo up; while read x; do echo got-$x; done");
  ASSERT_TRUE(it->shows("up")) << it->seen();
  it->type("one\r");
  ASSERT_TRUE(it->shows("got-one")) << it->seen();
  killDaemon();
  EXPECT_EQ(it->status(), 125);
  EXPECT_NE(it->seen().find("--session"), std::string::npos) << it->seen();
  it->expectRestored();
  const std::string session = id();
  it = attach({"--session", session});
  ASSERT_TRUE(it->shows("got-one")) << it->seen();
  it->type("two\r");
  ASSERT_TRUE(it->shows("got-two")) << it->seen();
  EXPECT_EQ(agentkernel({"job", "kill", "it", session}).status, 0);
  EXPECT_EQ(it->status(), 137) << it->seen();
  it->expectRestored();
}

TEST_F(AttachTest, TwoSeeAndTypeInOneSession) {
  const Terminal first = attach({}, "echo up; while read x; do echo got-$x; done");
  ASSERT_TRUE(first->shows("up")) << first->seen();
  const Terminal second = attach({"--session", id()});
  ASSERT_TRUE(second->shows("up")) << second->seen();
  first->type("one\r");
  EXPECT_TRUE(first->shows("got-one")) << first->seen();
  EXPECT_TRUE(second->shows("got-one")) << second->seen();
  second->type("two\r");
  EXPECT_TRUE(first->shows("got-two")) << first->seen();
  EXPECT_TRUE(second->shows("got-two")) << second->seen();
  second->type(kLeave);
  EXPECT_EQ(second->status(), 0);
  first->type("three\r\x04");
  EXPECT_TRUE(first->shows("got-three")) << first->seen();
  EXPECT_EQ(first->status(), 0);
}

// One that does not read is a terminal that is full: nobody else waits for it.
TEST_F(AttachTest, WhoDoesNotReadHoldsUpNobody) {
  const Terminal first = attach({},
                                "echo up; read x; head -c 12000000 /dev/zero | tr '\\0' x; "
                                "echo; echo over; read x");
  ASSERT_TRUE(first->shows("up")) << first->seen();
  const Terminal stuck = attach({"--session", id()});
  ASSERT_TRUE(stuck->shows("up")) << stuck->seen();
  first->type("go\r");
  EXPECT_TRUE(first->shows("over"));
  first->type("\r");
  EXPECT_EQ(first->status(), 0);
}

TEST_F(AttachTest, RefusalsSayWhatToDo) {
  const Finished piped = agentkernel({"attach", "it"});
  EXPECT_EQ(piped.status, 125);
  EXPECT_NE(piped.err.find("needs a terminal"), std::string::npos) << piped.err;
  EXPECT_NE(piped.err.find("agentkernel exec"), std::string::npos) << piped.err;
  const auto refused = [&](Words options, std::string_view text) {
    const Terminal it = attach(std::move(options));
    EXPECT_EQ(it->status(), 125);
    EXPECT_NE(it->seen().find(text), std::string::npos) << it->seen();
    it->expectRestored();
  };
  refused({"--session", "ffffffff"}, "has no session");
  refused({"--session", "ffffffff", "-e", "A=b"}, "is for a new session");
  refused({"--detach-keys", "ctrl-1"}, "ctrl-p,ctrl-q");
  refused({"--record", home() + "/none/x.cast"}, "none/x.cast");
  const std::string job(trim(agentkernel({"exec", "-d", "it", "sleep", "99"}).out));
  refused({"--session", job}, "has no terminal");
  UserTerminal unknown(words({"attach", "nobody"}), variables());
  EXPECT_EQ(unknown.status(), 125);
  EXPECT_NE(unknown.seen().find("nobody"), std::string::npos);
  ASSERT_EQ(agentkernel({"stop", "it"}).status, 0);
  refused({}, "agentkernel start it");
}

TEST_F(AttachTest, ARecordingHasWhatWasShownAndWhenAndNotWhatWasTyped) {
  const std::string file = home() + "/x.cast";
  Terminal it =
      attach({"--record", file},
             "printf 'caf\\303'; sleep 0.5; printf '\\251\\033[1m\\377\\r\\n'; stty -echo; "
             "echo ready; read x; echo over");
  ASSERT_TRUE(it->shows("ready")) << it->seen();
  it->resize(20, 80);
  it->type("secret\r");
  ASSERT_TRUE(it->shows("over")) << it->seen();
  EXPECT_EQ(it->status(), 0);
  EXPECT_NE(it->seen().find("agentkernel replay"), std::string::npos) << it->seen();
  const std::string text = sys::readFile(file, 1 << 20).value();
  std::string shown;
  double cafe_at = -1;
  double ready_at = -1;
  bool resized = false;
  const auto lines = split(trim(text), '\n');
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const json line = json::parse(lines[i], nullptr, false);
    ASSERT_FALSE(line.is_discarded()) << lines[i];
    if (i == 0) {
      EXPECT_EQ(line["version"], 2);
      EXPECT_EQ(line["width"], 100);
      EXPECT_EQ(line["height"], 30);
      EXPECT_EQ(line["title"], "agentkernel attach it");
    } else if (line[1] == "r") {
      resized |= line[2] == "80x20";
    } else {
      EXPECT_EQ(line[1], "o");
      shown += line[2].get<std::string>();
      cafe_at = cafe_at < 0 && shown.contains("caf") ? line[0].get<double>() : cafe_at;
      ready_at = ready_at < 0 && shown.contains("ready") ? line[0].get<double>() : ready_at;
    }
  }
  EXPECT_TRUE(shown.starts_with("caf\xc3\xa9\033[1m\xef\xbf\xbd\r\r\nready\r\n")) << shown;
  EXPECT_TRUE(resized);
  EXPECT_EQ(text.find("secret"), std::string::npos);
  EXPECT_GE(ready_at - cafe_at, 0.4);
  // Played, and not overwritten.
  it = attach({"--record", file});
  EXPECT_EQ(it->status(), 125);
  EXPECT_NE(it->seen().find("not overwritten"), std::string::npos) << it->seen();
  const auto begun = std::chrono::steady_clock::now();
  const Finished played = agentkernel({"replay", "--speed", "0.5", "--max-idle", "0.6", file});
  EXPECT_EQ(played.status, 0) << played.err;
  EXPECT_EQ(played.out, shown);
  EXPECT_GE(std::chrono::steady_clock::now() - begun, std::chrono::milliseconds(600));
}

TEST_F(AttachTest, ReplayRefusesWhatItCannotPlay) {
  write(home() + "/plain", "hello\n");
  for (const Words& words :
       std::initializer_list<Words>{{"replay", home() + "/plain"},
                                    {"replay", home() + "/none"},
                                    {"replay", home()},
                                    {"replay", "--speed", "0", home() + "/plain"},
                                    {"replay", "--speed", "nan", home() + "/plain"},
                                    {"replay", "--speed", "-1", home() + "/plain"},
                                    {"replay", "--max-idle", "x", home() + "/plain"}}) {
    const Finished refused = agentkernel(words);
    EXPECT_NE(refused.status, 0);
    EXPECT_EQ(refused.out, "");
    EXPECT_NE(refused.err, "");
  }
}

TEST_F(AttachTest, ReplayIsEndedByControlC) {
  write(home() + "/x.cast",
        "{\"version\": 2, \"width\": 80, \"height\": 24}\n[0, \"o\", \"begun\"]\nbad\n"
        "[1000, \"o\", \"never\"]\n");
  UserTerminal it(words({"replay", "--max-idle", "1000", home() + "/x.cast"}), variables());
  ASSERT_TRUE(it.shows("begun"));
  it.type("\x03");
  EXPECT_EQ(it.status(), 128 + SIGINT);
  EXPECT_NE(it.seen().find("\033[?25h"), std::string::npos);
  it.expectRestored();
}

}  // namespace
}  // namespace ak::e2e
