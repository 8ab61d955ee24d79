// Configuration that is broken, unreadable or no file at all: `run` says so, with a remedy, and
// never goes on as if there were none.
#include <sys/stat.h>

#include <filesystem>

#include "base/text.h"
#include "scratch_home.h"

namespace ak::e2e {
namespace {

namespace fs = std::filesystem;

class ConfigurationTest : public ScratchHome {
 protected:
  void SetUp() override {
    ScratchHome::SetUp();
    if (IsSkipped()) {
      return;
    }
    ASSERT_TRUE(sys::makePrivateDirectory(home() + "/.config/agentkernel"));
    ASSERT_TRUE(sys::makePrivateDirectory(home() + "/project"));
  }

  std::string user() const { return home() + "/.config/agentkernel/config.toml"; }

  std::string project() const { return home() + "/project/agentkernel.toml"; }

  // In the project directory.
  Finished there(Words list) const {
    Words all = {"/usr/bin/env", "-C", home() + "/project"};
    for (std::string& word : words(std::move(list))) {
      all.push_back(std::move(word));
    }
    return Program(all, variables()).finish();
  }

  // Each of these fails with `status`, its message has `what`, and a second line a remedy.
  void refuses(Words list, int status, std::string_view what) const {
    const std::string line = join(list, " ");
    const Finished finished = there(std::move(list));
    EXPECT_EQ(finished.status, status) << line << ": " << finished.err;
    EXPECT_EQ(finished.out, "") << line;
    const auto lines = split(trim(finished.err), '\n');
    ASSERT_EQ(lines.size(), 2U) << line << ": " << finished.err;
    EXPECT_NE(lines[0].find(what), std::string_view::npos) << line << ": " << finished.err;
    EXPECT_TRUE(lines[1].starts_with("agentkernel: ")) << line << ": " << finished.err;
  }
};

TEST_F(ConfigurationTest, ABrokenUserFileStopsEveryRunAndNamesThePlace) {
  write(user(), "[limits");
  refuses({"run", "true"}, 125, user() + ":1:8");
  refuses({"config", "show"}, 125, user() + ":1:8");
  write(user(), "[limits]\nmemory_mb = \"much\"\n");
  refuses({"run", "true"}, 125, user() + ":2:13: limits.memory_mb is a string");
  write(user(), "[limts]\n");
  refuses({"run", "true"}, 125, user() + ":1");
  const Finished doctor = there({"doctor", "--json"});
  EXPECT_EQ(doctor.status, 1);
  EXPECT_NE(doctor.out.find(user() + ":1"), std::string::npos) << doctor.out;
  // What runs nothing still works: the daemon is there to say it.
  EXPECT_EQ(there({"list"}).status, 0);
  fs::remove(user());
  EXPECT_EQ(there({"run", "--mount", "none", "echo", "mended"}).out, "mended\n");
}

TEST_F(ConfigurationTest, AUserFileThatIsNoneStopsEveryRun) {
  fs::create_directory(user());
  refuses({"run", "true"}, 125, "cannot read " + user());
  fs::remove(user());
  write(user(), std::string((1 << 20) + 1, '#'));
  refuses({"run", "true"}, 125, "more than 1048576 bytes");
}

TEST_F(ConfigurationTest, AnUnreadableFileIsNoEmptyOne) {
  if (::geteuid() == 0) {
    GTEST_SKIP() << "root reads every file";
  }
  write(user(), "");
  ASSERT_EQ(::chmod(user().c_str(), 0), 0);
  refuses({"run", "true"}, 125, "cannot read " + user());
  ASSERT_EQ(::chmod(user().c_str(), 0600), 0);
  write(project(), "");
  ASSERT_EQ(::chmod(project().c_str(), 0), 0);
  refuses({"run", "true"}, 125, project());
}

TEST_F(ConfigurationTest, ABrokenProjectFileStopsItsRuns) {
  write(project(), "x = = 1");
  refuses({"run", "true"}, 125, project() + ":1:5");
  refuses({"config", "show"}, 125, project() + ":1:5");
  refuses({"trust"}, 125, project() + ":1:5");
  write(project(), "[sandbox]\nruntme = \"python\"\n");
  refuses({"run", "true"}, 125, "unknown key 'runtme' in [sandbox]");
  write(project(), "[limits]\nmemory_mb = 1\n");
  refuses({"run", "true"}, 125, project() + ":2:1: a project may not set limits.memory_mb");
}

// Attack: a checkout in which agentkernel.toml is no file must neither hang `run` nor be passed
// over.
TEST_F(ConfigurationTest, AProjectFileThatIsNoneNeitherHangsNorIsPassedOver) {
  ASSERT_EQ(::mkfifo(project().c_str(), 0600), 0);
  refuses({"run", "true"}, 125, project() + " is not a regular file");
  refuses({"trust"}, 125, project() + " is not a regular file");
  refuses({"config", "show"}, 125, "not a regular file");
  fs::remove(project());
  fs::create_symlink("agentkernel.toml", project());
  refuses({"run", "true"}, 125, "Too many levels of symbolic links");
  refuses({"config", "show"}, 125, "Too many levels of symbolic links");
  fs::remove(project());
  write(project(), std::string((1 << 20) + 1, '#'));
  refuses({"run", "true"}, 125, "more than 1048576 bytes");
  refuses({"trust"}, 125, "more than 1048576 bytes");
  fs::remove(project());
  refuses({"trust"}, 125, "No such file");
  refuses({"run", "--config", "none.toml", "true"}, 125, "No such file");
}

}  // namespace
}  // namespace ak::e2e
