// tools/install.sh: what it installs works from there, and uninstalling leaves nothing of it.
#include <filesystem>
#include <set>

#include "base/text.h"
#include "scratch_home.h"

namespace ak::e2e {
namespace {

namespace fs = std::filesystem;

class InstallTest : public ScratchHome {
 protected:
  void SetUp() override {
    ScratchHome::SetUp();
    if (!IsSkipped() && ::access(AK_SOURCE_DIR "/tools/install.sh", R_OK) != 0) {
      GTEST_SKIP() << "the sources are not on this machine";
    }
  }

  Finished script(const std::string& action) const {
    Words environment = variables();
    environment.push_back("AK_BUILD_DIR=" + fs::path(AK_BIN_DIR).parent_path().string());
    return Program({"/bin/bash", AK_SOURCE_DIR "/tools/install.sh", action, "--prefix", prefix()},
                   environment)
        .finish();
  }

  Finished command(Words list) const { return Program(std::move(list), variables()).finish(); }

  std::string prefix() const { return home() + "/prefix"; }

  std::set<std::string> files() const {
    std::set<std::string> all;
    std::error_code none;
    for (const auto& entry : fs::recursive_directory_iterator(prefix(), none)) {
      if (!entry.is_directory()) {
        all.insert(fs::relative(entry.path(), prefix()));
      }
    }
    return all;
  }
};

TEST_F(InstallTest, InstallsWhatWorksAndTakesExactlyThatAway) {
  ASSERT_TRUE(sys::makePrivateDirectory(prefix() + "/share/man/man1"));
  write(prefix() + "/share/man/man1/other.1", "somebody else's");
  const Finished installed = script("install");
  ASSERT_EQ(installed.status, 0) << installed.err;
  const std::set<std::string> there = files();
  for (const char* file :
       {"bin/agentkernel", "bin/ak-agent", "share/man/man1/agentkernel.1",
        "share/man/man1/agentkernel-run.1", "share/man/man1/agentkernel-images-list.1",
        "share/man/man5/agentkernel.toml.5", "share/bash-completion/completions/agentkernel",
        "share/zsh/site-functions/_agentkernel",
        "share/fish/vendor_completions.d/agentkernel.fish"}) {
    EXPECT_TRUE(there.contains(file)) << file;
  }
  EXPECT_EQ(command({prefix() + "/bin/agentkernel", "run", "--mount", "none", "echo", "up"}).out,
            "up\n");
  EXPECT_EQ(command({prefix() + "/bin/agentkernel", "daemon", "stop"}).status, 0);
  const Finished removed = script("uninstall");
  EXPECT_EQ(removed.status, 0) << removed.err;
  EXPECT_EQ(files(), std::set<std::string>{"share/man/man1/other.1"});
  EXPECT_NE(script("uninstall").status, 0);
}

TEST_F(InstallTest, TheManualIsWithoutFault) {
  ASSERT_EQ(script("install").status, 0);
  const bool groff = ::access("/usr/bin/groff", X_OK) == 0;
  int pages = 0;
  for (const std::string& file : files()) {
    if (!file.starts_with("share/man/")) {
      continue;
    }
    ++pages;
    const std::string path = prefix() + "/" + file;
    const std::string text = sys::readFile(path, 1 << 20).value_or("");
    for (const char* title : {".SH NAME\n", ".SH DESCRIPTION\n", ".SH SEE ALSO\n"}) {
      EXPECT_NE(text.find(title), std::string::npos) << file;
    }
    if (groff) {
      const Finished formatted = command({"/usr/bin/groff", "-man", "-Tutf8", "-ww", path});
      EXPECT_EQ(formatted.err, "") << file;
      EXPECT_EQ(formatted.status, 0) << file;
    }
  }
  EXPECT_GT(pages, 25);
  if (!groff) {
    GTEST_SKIP() << "groff is not installed: only the structure of the pages was looked at";
  }
}

TEST_F(InstallTest, CompletionScriptsAreUnderstoodByTheirShells) {
  int skipped = 0;
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const std::string path = home() + "/completion";
    write(path, agentkernel({"completion", shell}).out);
    const std::string program = cat("/usr/bin/", shell);
    if (::access(program.c_str(), X_OK) != 0) {
      ++skipped;
      continue;
    }
    const Finished read = command({program, "-n", path});
    EXPECT_EQ(read.status, 0) << shell << ": " << read.err;
    EXPECT_EQ(read.err, "") << shell;
  }
  if (skipped != 0) {
    GTEST_SKIP() << skipped << " of the three shells are not installed";
  }
}

}  // namespace
}  // namespace ak::e2e
