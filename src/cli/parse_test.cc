#include <gtest/gtest.h>

#include "cli/command.h"
#include "cli/completion.h"
#include "cli/help.h"
#include "sys/file.h"

namespace ak::cli {
namespace {

const CommandSpec& command(std::vector<const char*> words) {
  return *findCommand(words).value().command;
}

Result<Arguments> parse(const char* name, std::vector<const char*> words) {
  return parseArguments(command({name}), words);
}

using Words = std::vector<std::string>;

TEST(ParseTest, TheFirstWordOfTheGuestCommandEndsOurOptions) {
  const auto run = parse("run", {"--keep", "-m", "1g", "ls", "-l", "--keep", "--", "x"});
  ASSERT_TRUE(run) << run.error().message;
  EXPECT_EQ(run->guestCommand(), (Words{"ls", "-l", "--keep", "--", "x"}));
  EXPECT_EQ(run->value("memory"), "1g");
  const auto exec = parse("exec", {"web", "-t", "--", "-x"});
  ASSERT_TRUE(exec);
  EXPECT_EQ(exec->first(), "web");
  EXPECT_TRUE(exec->has("tty"));
  EXPECT_EQ(exec->guestCommand(), Words{"-x"});
}

TEST(ParseTest, AllSpellingsOfAnOptionMeanTheSame) {
  for (const std::vector<const char*>& words :
       std::vector<std::vector<const char*>>{{"--image", "a:b", "x"},
                                             {"--image=a:b", "x"},
                                             {"-i", "a:b", "x"},
                                             {"-ia:b", "x"},
                                             {"-kia:b", "x"},
                                             {"--image=z", "-i", "a:b", "x"}}) {
    const auto run = parse("run", words);
    ASSERT_TRUE(run) << run.error().message;
    EXPECT_EQ(run->value("image"), "a:b");
    EXPECT_EQ(run->guestCommand(), Words{"x"});
  }
  EXPECT_EQ(parse("run", {"-eA=1", "--env", "B=", "x"})->values("env"), (Words{"A=1", "B="}));
}

TEST(ParseTest, TheDockerHabitMeansATerminal) {
  for (const char* word : {"-it", "-ti"}) {
    const auto run = parse("run", {word, "bash"});
    ASSERT_TRUE(run);
    EXPECT_TRUE(run->has("tty"));
    EXPECT_TRUE(run->has("interactive"));
    EXPECT_FALSE(run->has("image"));
    EXPECT_EQ(run->guestCommand(), Words{"bash"});
    EXPECT_TRUE(parse("exec", {word, "web", "bash"})->has("interactive"));
  }
}

TEST(ParseTest, MistakesNameTheNearestOption) {
  const auto unknown = parse("run", {"--memry", "1g", "x"});
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().message, "unknown option '--memry' of run");
  EXPECT_NE(unknown.error().remedy.find("'--memory'"), std::string::npos);
  EXPECT_EQ(parse("run", {"-Z", "x"}).error().message, "unknown option '-Z' of run");
  EXPECT_FALSE(parse("run", {"---", "x"}));
  EXPECT_FALSE(parse("run", {"--=x", "x"}));
  EXPECT_FALSE(parse("run", {"--keep=yes", "x"}));
  EXPECT_FALSE(parse("run", {"--image"}));
  EXPECT_EQ(parse("run", {"--\x1b[2J", "x"}).error().message.find('\x1b'), std::string::npos);
}

TEST(ParseTest, ArgumentsAreCounted) {
  EXPECT_NE(parse("exec", {"box"}).error().message.find("no command"), std::string::npos);
  EXPECT_TRUE(parse("run", {}));  // the project file may name the command
  EXPECT_FALSE(parse("exec", {"web", "--"}));
  EXPECT_FALSE(parse("exec", {"web"}));
  EXPECT_FALSE(parse("inspect", {}));
  EXPECT_FALSE(parse("inspect", {"a", "b"}));
  EXPECT_EQ(parse("inspect", {"--", "-a"})->first(), "-a");
  EXPECT_TRUE(parse("inspect", {"--help"}));
}

TEST(FindCommandTest, UpstreamsGroupsAndSpellingsAreUnderstood) {
  EXPECT_EQ(command({"sandbox", "list"}).name, "list");
  EXPECT_EQ(command({"sb", "remove", "x"}).name, "rm");
  EXPECT_EQ(command({"images", "list"}).name, "images list");
  EXPECT_EQ(command({"images"}).name, "images list");
  EXPECT_EQ(command({"images", "--json"}).name, "images list");
  EXPECT_EQ(command({"ps"}).name, "list");
  EXPECT_EQ(command({"completions", "bash"}).name, "completion");
}

TEST(FindCommandTest, MistakesNameTheNearestCommand) {
  const auto remedy = [](std::vector<const char*> words) {
    return findCommand(words).error().remedy;
  };
  EXPECT_EQ(remedy({"inspct"}), "Did you mean: agentkernel inspect");
  EXPECT_EQ(remedy({"images", "lst"}), "Did you mean: agentkernel images list");
  EXPECT_EQ(remedy({"daemon", "restrt"}), "Did you mean: agentkernel daemon restart");
  EXPECT_EQ(remedy({"zzzzzz"}), "List all commands with: agentkernel --help");
  EXPECT_FALSE(findCommand(std::vector<const char*>{""}));
}

TEST(CommandTableTest, IsSortedAndWhole) {
  std::string_view previous;
  for (const CommandSpec* spec : allCommands()) {
    EXPECT_LT(previous, spec->name);
    previous = spec->name;
    EXPECT_NE(spec->run, nullptr) << spec->name;
    EXPECT_FALSE(spec->summary.empty()) << spec->name;
    EXPECT_FALSE(spec->examples.empty()) << spec->name;
    std::string letters;
    for (const OptionSpec& option : spec->options) {
      EXPECT_FALSE(option.help.empty()) << spec->name << " --" << option.name;
      EXPECT_EQ(option.takes == Takes::Nothing, option.value.empty()) << option.name;
      if (option.letter != 0) {
        EXPECT_FALSE(letters.contains(option.letter)) << spec->name << " -" << option.letter;
        letters += option.letter;
      }
    }
    for (const std::string_view example : spec->examples) {
      EXPECT_TRUE(example.contains("agentkernel")) << example;
    }
  }
}

TEST(HelpTest, DocumentationIsWhatTheTablesSay) {
  const auto written = sys::readFile(AK_SOURCE_DIR "/docs/cli.md", 1 << 20);
  ASSERT_TRUE(written) << written.error().message;
  EXPECT_EQ(*written, commandsMarkdown())
      << "write it anew: build/bin/agentkernel help --markdown > docs/cli.md";
}

TEST(HelpTest, EveryCommandAndOptionIsInItsHelp) {
  const std::string root = rootHelp();
  for (const CommandSpec* spec : allCommands()) {
    EXPECT_TRUE(root.contains(spec->name));
    const std::string help = commandHelp(*spec);
    for (const OptionSpec& option : spec->options) {
      EXPECT_TRUE(help.contains(option.name));
    }
  }
}

TEST(CompletionTest, EveryShellKnowsEveryOption) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const auto script = completionScript(shell);
    ASSERT_TRUE(script);
    for (const CommandSpec* spec : allCommands()) {
      for (const OptionSpec& option : spec->options) {
        EXPECT_TRUE(script->contains(option.name));
      }
    }
  }
  EXPECT_FALSE(completionScript("tcsh"));
}

}  // namespace
}  // namespace ak::cli
