#include "policy/language.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "policy/language_table.h"

namespace ak::policy {
namespace {

std::string imageFor(ImageQuestion question) {
  return chooseImage(question)->image;
}

std::string byFiles(std::vector<std::string> names) {
  return imageFor({.file_names = std::move(names)});
}

std::string byCommand(std::string word) {
  return imageFor({.command = {std::move(word)}});
}

TEST(LanguageTest, RulesApplyInOrder) {
  ImageQuestion question{.flag = "mine:1",
                         .config_image = "base:2",
                         .config_runtime = "ruby",
                         .command = {"cargo", "build"},
                         .file_names = {"package.json"},
                         .procfile = "web: python app.py"};
  const auto next = [&](ImageRule rule, std::string_view image) {
    const auto answer = chooseImage(question);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->rule, rule);
    EXPECT_EQ(answer->image, image);
    EXPECT_FALSE(answer->because.empty());
  };
  next(ImageRule::Flag, "mine:1");
  question.flag.clear();
  next(ImageRule::Config, "base:2");
  question.config_image.clear();
  next(ImageRule::Config, "ruby:3.3-alpine");
  question.config_runtime.clear();
  next(ImageRule::Command, "rust:1.85-alpine");
  question.command = {"unknown-tool"};
  next(ImageRule::ProjectFile, "node:22-alpine");
  question.file_names.clear();
  next(ImageRule::Procfile, "python:3.12-alpine");
  question.procfile.clear();
  next(ImageRule::Default, "alpine:3.24");
}

TEST(LanguageTest, EveryCommandOfTheTableFindsItsImage) {
  std::set<std::string_view> seen;
  for (const Language& language : languages()) {
    for (const std::string_view word : language.commands) {
      EXPECT_EQ(byCommand(std::string(word)), language.image) << word;
      EXPECT_TRUE(seen.insert(word).second) << word << " stands twice";
    }
  }
}

TEST(LanguageTest, EveryFileOfTheTableFindsItsImage) {
  for (const Language& language : languages()) {
    for (const FilePattern& file : language.files) {
      const std::string name =
          (file.pattern.starts_with('*') ? "x" : "") +
          std::string(file.pattern.substr(file.pattern.starts_with('*') ? 1 : 0));
      EXPECT_EQ(byFiles({name}), language.image) << name;
    }
  }
}

TEST(LanguageTest, CommandsAreFoundByPathAndByVersion) {
  EXPECT_EQ(byCommand("/usr/bin/python3"), "python:3.12-alpine");
  EXPECT_EQ(byCommand("python3.11"), "python:3.12-alpine");
  EXPECT_EQ(byCommand("./gradlew"), "eclipse-temurin:21-alpine");
  EXPECT_EQ(byCommand("gcc-14"), "gcc:14-bookworm");
  EXPECT_EQ(byCommand("pythonic"), "alpine:3.24");
  EXPECT_EQ(byCommand("123"), "alpine:3.24");
}

TEST(LanguageTest, IncidentalFilesOnlySpeakWhenNothingElseDoes) {
  EXPECT_EQ(byFiles({"Makefile", "util.h", "index.php"}), "php:8.3-alpine");
  EXPECT_EQ(byFiles({"Makefile", "deploy.sh"}), "alpine:3.24");
  EXPECT_EQ(byFiles({"a.h", "go.mod"}), "golang:1.23-alpine");
  EXPECT_EQ(byFiles({"Makefile"}), "gcc:14-bookworm");
  EXPECT_EQ(byFiles({"helper.lua", "mix.exs"}), "elixir:1.16-alpine");
  EXPECT_EQ(byFiles({"main.c", "run.sh", "Makefile"}), "gcc:14-bookworm");
}

TEST(LanguageTest, ExtensionsNeedAStem) {
  EXPECT_EQ(byFiles({".php", ".c", "php", "c"}), "alpine:3.24");
}

TEST(LanguageTest, BlankProcfileCommandsAndCommentsAreSkipped) {
  EXPECT_EQ(
      imageFor({.procfile = "web:\n\n# worker: node x\nno colon\nrelease:   \njob: ruby a.rb\r\n"}),
      "ruby:3.3-alpine");
  EXPECT_EQ(imageFor({.procfile = "web: PORT=1 MODE=x node server.js"}), "node:22-alpine");
  EXPECT_EQ(imageFor({.procfile = "web: ./start\nworker: python3 w.py"}), "python:3.12-alpine");
  EXPECT_EQ(imageFor({.procfile = ":::\n:"}), "alpine:3.24");
}

TEST(LanguageTest, UnknownRuntimesAreErrorsWithTheNearestWord) {
  const auto answer = chooseImage({.config_runtime = "pyton"});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::InvalidArgument);
  EXPECT_THAT(answer.error().remedy, testing::HasSubstr("'python'"));
  for (const char* word : {"base", "python", "node", "go", "rust", "ruby", "java", "c", "dotnet"}) {
    EXPECT_TRUE(imageOfRuntime(word)) << word;
  }
  EXPECT_FALSE(imageOfRuntime(""));
}

}  // namespace
}  // namespace ak::policy
