// `cp` against a daemon that gives it whatever a guest might wish to give.
#include <sys/stat.h>

#include <filesystem>

#include <nlohmann/json.hpp>

#include "cli/testing/program_fixture.h"
#include "model/base64.h"

namespace ak::cli {
namespace {

using client::testing::Peer;
using client::testing::ScriptedServer;
using model::StreamKind;
using nlohmann::json;
using testing::Finished;

json entry(std::string_view kind, std::string_view name, json more = {}) {
  json object = {{"kind", kind}, {"name", name}, {"size", 0}, {"mode", 0644}};
  object.update(more.is_null() ? json::object() : more);
  return object;
}

class ProgramCopyTest : public testing::ProgramFixture {
 protected:
  ProgramCopyTest() {
    EXPECT_TRUE(sys::makePrivateDirectory(top()));
    EXPECT_TRUE(sys::makePrivateDirectory(top() + "/dst"));
    write(top() + "/victim", "mine");
  }

  std::string top() const { return state() + "/top"; }

  // A sandbox whose /t is a directory with `entries`, as is every directory below it; every file
  // holds "theirs".
  static ScriptedServer::Script tree(json entries) {
    return [entries = std::move(entries)](Peer& peer) {
      const auto data = [&](const json& value) {
        peer.answer(json{{"success", true}, {"data", value}}.dump());
      };
      if (peer.request().contains("stat=true")) {
        data(entry("directory", ""));
      } else if (peer.request().contains("list=true")) {
        const bool top = peer.request().contains("/files/t?");
        data({{"entries", top ? entries : json::array({entry("file", "below")})}});
      } else {
        peer.switchProtocols();
        peer.frame(StreamKind::Stdout, "theirs");
        peer.frame(StreamKind::Exit, entry("file", "", {{"size", 6}}).dump());
      }
    };
  }

  Finished copy() const { return run({"cp", "box:/t", top() + "/dst"}); }

  std::string read(std::string_view name) const {
    return sys::readFile(cat(top(), "/", name), 1000).value_or("(none)");
  }

  void expectNothingOutside() const {
    EXPECT_EQ(read("victim"), "mine");
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& item : std::filesystem::directory_iterator(top())) {
      ++count;
    }
    EXPECT_EQ(count, 2U) << "dst and victim";
    EXPECT_FALSE(std::filesystem::exists(top() + "/../planted"));
  }
};

TEST_F(ProgramCopyTest, NamesThatAreNoNamesEndTheCopy) {
  for (const std::string& name :
       {std::string("../planted"), std::string("a/b"), std::string("/x"), std::string(".."),
        std::string("."), std::string(), std::string("a\0b", 3), std::string(256, 'n')}) {
    json hostile = entry("file", "fine");
    hostile["name_base64"] = model::toBase64(name);
    if (name.empty()) {
      hostile = entry("file", "");
    }
    const ScriptedServer server(socket(), tree(json::array({hostile})));
    const Finished finished = copy();
    EXPECT_EQ(finished.status, 125) << name;
    expectNothingOutside();
  }
}

TEST_F(ProgramCopyTest, AFileBehindALinkOfTheSameNameReplacesTheLink) {
  const json link = entry("symlink", "x", {{"target", "../../victim"}});
  const ScriptedServer server(socket(), tree(json::array({link, entry("file", "x")})));
  const Finished finished = run({"cp", "--outside-links", "box:/t", top() + "/dst"});
  EXPECT_EQ(finished.status, 0) << finished.err;
  EXPECT_EQ(read("dst/t/x"), "theirs");
  expectNothingOutside();
}

TEST_F(ProgramCopyTest, ADirectoryBehindALinkOfTheSameNameIsNotEntered) {
  ASSERT_TRUE(sys::makePrivateDirectory(top() + "/dst/other"));
  const json link = entry("symlink", "d", {{"target", "../other"}});
  const ScriptedServer server(socket(), tree(json::array({link, entry("directory", "d")})));
  const Finished finished = run({"cp", "--outside-links", "box:/t", top() + "/dst"});
  EXPECT_EQ(finished.status, 125) << finished.err;
  EXPECT_FALSE(std::filesystem::exists(top() + "/dst/other/below"));
  expectNothingOutside();
}

TEST_F(ProgramCopyTest, LinksThatLeadOutAreLeftOutUnlessAskedFor) {
  const json links = json::array({entry("symlink", "a", {{"target", "/etc/passwd"}}),
                                  entry("symlink", "b", {{"target", "../../victim"}}),
                                  entry("symlink", "c", {{"target", "in"}})});
  {
    const ScriptedServer server(socket(), tree(links));
    const Finished finished = copy();
    EXPECT_EQ(finished.status, 1);
    EXPECT_TRUE(finished.err.contains("left out /t/a")) << finished.err;
    EXPECT_FALSE(std::filesystem::is_symlink(top() + "/dst/t/a"));
    EXPECT_FALSE(std::filesystem::is_symlink(top() + "/dst/t/b"));
    EXPECT_TRUE(std::filesystem::is_symlink(top() + "/dst/t/c"));
  }
  const ScriptedServer server(socket(), tree(links));
  EXPECT_EQ(run({"cp", "--outside-links", "box:/t", top() + "/dst"}).status, 0);
  EXPECT_EQ(std::filesystem::read_symlink(top() + "/dst/t/b"), "../../victim");
}

// Every directory holds a directory.
TEST_F(ProgramCopyTest, ATreeWithoutAnEndEnds) {
  const ScriptedServer server(socket(), [](Peer& peer) {
    const json one = peer.request().contains("stat=true")
                         ? entry("directory", "")
                         : json{{"entries", {entry("directory", "d")}}};
    peer.answer(json{{"success", true}, {"data", one}}.dump());
  });
  const Finished finished = copy();
  EXPECT_EQ(finished.status, 125);
  EXPECT_TRUE(finished.err.contains("too deep")) << finished.err;
}

TEST_F(ProgramCopyTest, ManyEntriesInEveryDirectoryEnd) {
  json many = json::array();
  for (int i = 0; i < 60'000; ++i) {
    many.push_back(entry("other", cat("n", i)));
  }
  many.push_back(entry("directory", "z"));
  const std::string listing = json{{"success", true}, {"data", {{"entries", many}}}}.dump();
  const ScriptedServer server(socket(), [&listing](Peer& peer) {
    peer.answer(peer.request().contains("stat=true")
                    ? json{{"success", true}, {"data", entry("directory", "")}}.dump()
                    : listing);
  });
  const Finished finished = copy();
  EXPECT_EQ(finished.status, 125);
  EXPECT_TRUE(finished.err.contains("more than 250000 entries")) << finished.err.substr(0, 2000);
  EXPECT_LT(finished.err.size(), 5000U) << "only the first are told";
}

TEST_F(ProgramCopyTest, WhatBreaksOffLeavesNoFile) {
  for (const int kind : {0, 1, 2}) {
    const ScriptedServer server(socket(), [kind](Peer& peer) {
      if (peer.request().contains("stat=true")) {
        peer.answer(json{{"success", true}, {"data", entry("file", "")}}.dump());
        return;
      }
      peer.switchProtocols();
      peer.frame(StreamKind::Stdout, "half");
      if (kind == 1) {
        peer.frame(StreamKind::Exit, entry("file", "", {{"size", 99}}).dump());
      } else if (kind == 2) {
        peer.frame(StreamKind::Failed, R"({"code":"unavailable","message":"the sandbox ended"})");
      }
    });
    const Finished finished = copy();
    EXPECT_EQ(finished.status, 125) << kind;
    EXPECT_TRUE(std::filesystem::is_empty(top() + "/dst")) << kind;
  }
}

TEST_F(ProgramCopyTest, MoreThanAllowedIsTooLargeAndLeavesNoFile) {
  const ScriptedServer server(socket(), [](Peer& peer) {
    if (peer.request().contains("stat=true")) {
      peer.answer(json{{"success", true}, {"data", entry("file", "")}}.dump());
      return;
    }
    peer.switchProtocols();
    const std::string piece(60'000, '\0');
    while (peer.frame(StreamKind::Stdout, piece)) {
    }
  });
  const Finished finished = run({"cp", "--max-size", "1mb", "box:/t", top() + "/dst"});
  EXPECT_EQ(finished.status, 125);
  EXPECT_TRUE(finished.err.contains("--max-size")) << finished.err;
  EXPECT_TRUE(std::filesystem::is_empty(top() + "/dst"));
}

TEST_F(ProgramCopyTest, ALinkOrDeviceOfThisHostIsNotWrittenThrough) {
  std::filesystem::create_symlink("victim", top() + "/link");
  const auto script = [](Peer& peer) {
    if (peer.request().contains("stat=true")) {
      peer.answer(json{{"success", true}, {"data", entry("file", "")}}.dump());
      return;
    }
    peer.switchProtocols();
    peer.frame(StreamKind::Exit, entry("file", "").dump());
  };
  for (const std::string& destination : {top() + "/link", std::string("/dev/null")}) {
    const ScriptedServer server(socket(), script);
    const Finished finished = run({"cp", "box:/t", destination});
    EXPECT_EQ(finished.status, 125) << destination;
  }
  EXPECT_EQ(read("victim"), "mine");
  EXPECT_TRUE(std::filesystem::is_symlink(top() + "/link"));
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
}

TEST_F(ProgramCopyTest, WrongLinesAreTold) {
  const auto fails = [&](const testing::Words& words, std::string_view why) {
    const Finished finished = run(words);
    EXPECT_NE(finished.status, 0);
    EXPECT_TRUE(finished.err.contains(why)) << finished.err;
  };
  fails({"cp", "a"}, "SRC DST");
  fails({"cp", "a", "b"}, "NAME:/path");
  fails({"cp", "a:/x", "b:/y"}, "one side");
  fails({"cp", "box:x", "y"}, "absolute path");
  fails({"cp", "--max-size", "much", "box:/x", "y"}, "much");
}

}  // namespace
}  // namespace ak::cli
