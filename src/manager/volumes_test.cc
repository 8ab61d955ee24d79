#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "manager/testing/bench.h"
#include "manager/volume_directory.h"
#include "manager/volumes_use.h"

namespace ak::manager {
namespace {

namespace fs = std::filesystem;
using testing::Bench;

std::set<std::string> namesIn(const fs::path& directory) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(directory)) {
    names.insert(entry.path().filename());
  }
  return names;
}

std::set<std::string> slugs(Bench& bench) {
  std::set<std::string> all;
  for (const Volumes::View& view : bench.wait(bench.volumes().list())) {
    all.insert(view.volume.slug);
  }
  return all;
}

fs::path dataOf(Bench& bench, const std::string& slug) {
  const auto volume = bench.wait(bench.volumes().get(slug));
  return volume ? fs::path(bench.directory()) / "volumes" / volume->volume.uuid / "data"
                : fs::path();
}

// One directory for each volume, and nothing else.
void expectConsistent(Bench& bench) {
  std::set<std::string> uuids;
  for (const Volumes::View& view : bench.wait(bench.volumes().list())) {
    uuids.insert(view.volume.uuid);
    EXPECT_TRUE(fs::is_directory(dataOf(bench, view.volume.slug)));
  }
  EXPECT_EQ(namesIn(bench.directory() + "/volumes"), uuids);
}

// The sandbox names the volume, as if it had been made with it.
void give(Bench& bench, const SandboxPtr& sandbox, const std::string& slug) {
  const auto volume = bench.wait(bench.volumes().get(slug));
  ASSERT_TRUE(volume);
  sandbox->record.volumes = {{slug, "/data", false, volume->volume.uuid}};
  ASSERT_TRUE(bench.wait(bench.lifecycle().change(sandbox, [](auto&) { return Status(); })));
}

TEST(VolumesTest, OneThatIsMadeIsThereForTheNextDaemonToo) {
  Bench bench;
  const auto made = bench.wait(bench.volumes().create("cache", 0));
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->volume.limited_by, "none");
  std::ofstream(dataOf(bench, "cache") / "f") << "kept";
  struct stat info{};
  const std::string top = bench.directory() + "/volumes/" + made->volume.uuid;
  ASSERT_EQ(::stat(top.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0700U);
  bench.restartDaemon(Bench::End::Killed);
  const auto found = bench.wait(bench.volumes().get("cache"));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->volume, made->volume);
  EXPECT_TRUE(fs::exists(dataOf(bench, "cache") / "f"));
  expectConsistent(bench);
}

TEST(VolumesTest, WhatCannotBeIsRefusedAndLeavesNothing) {
  Bench bench;
  ASSERT_TRUE(bench.wait(bench.volumes().create("a", 0)));
  EXPECT_EQ(bench.wait(bench.volumes().create("a", 0)).error().code, ErrorCode::AlreadyExists);
  EXPECT_EQ(bench.wait(bench.volumes().create("../a", 0)).error().code, ErrorCode::InvalidArgument);
  EXPECT_EQ(bench.wait(bench.volumes().create("small", 4096)).error().code,
            ErrorCode::InvalidArgument);
  // What nothing here holds is refused, and not promised.
  EXPECT_EQ(bench.wait(bench.volumes().create("limited", std::uint64_t{1} << 30U)).error().code,
            ErrorCode::Unsupported);
  EXPECT_EQ(slugs(bench), std::set<std::string>{"a"});
  expectConsistent(bench);
  EXPECT_TRUE(bench.wait(bench.volumes().create("limited", 0))) << "the slug is free again";
  const auto none = bench.wait(bench.volumes().get("none"));
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().message, "Volume 'none' not found");
  EXPECT_EQ(none.error().remedy, "Create it with: agentkernel volume create none");
  EXPECT_EQ(bench.wait(bench.volumes().remove("none")).error().code, ErrorCode::NotFound);
}

TEST(VolumesTest, ASlugThatIsMadeAgainIsAnotherVolume) {
  Bench bench;
  const auto first = bench.wait(bench.volumes().create("a", 0));
  std::ofstream(dataOf(bench, "a") / "f") << "old";
  ASSERT_TRUE(bench.wait(bench.volumes().remove("a")));
  expectConsistent(bench);
  const auto second = bench.wait(bench.volumes().create("a", 0));
  ASSERT_TRUE(second);
  EXPECT_NE(second->volume.uuid, first->volume.uuid);
  EXPECT_TRUE(fs::is_empty(dataOf(bench, "a")));
}

TEST(VolumesTest, OneThatASandboxOrSnapshotNamesIsKept) {
  Bench bench;
  ASSERT_TRUE(bench.wait(bench.volumes().create("a", 0)));
  const SandboxPtr sandbox = bench.make("web");
  give(bench, sandbox, "a");
  const auto refused = bench.wait(bench.volumes().remove("a"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::Conflict);
  EXPECT_EQ(refused.error().message, "volume 'a' is in use by sandbox web");
  ASSERT_TRUE(bench.wait(bench.lifecycle().stop(sandbox, "test")));
  EXPECT_EQ(bench.wait(bench.volumes().remove("a")).error().code, ErrorCode::Conflict);
  ASSERT_TRUE(bench.wait(bench.snapshots().take("web", "snap")));
  ASSERT_TRUE(bench.wait(bench.snapshots().makeFork("web", "kid")));
  bench.restartDaemon(Bench::End::Killed);
  const auto users = bench.wait(bench.volumes().get("a"))->users;
  ASSERT_EQ(users.size(), 3U);
  EXPECT_EQ(users[0].name, "kid");
  EXPECT_EQ(users[1].name, "web");
  EXPECT_EQ(users[2].name, "snap");
  EXPECT_EQ(users[2].path, "/data");
  ASSERT_TRUE(bench.wait(bench.lifecycle().remove(bench.find("web"))));
  ASSERT_TRUE(bench.wait(bench.lifecycle().remove(bench.find("kid"))));
  EXPECT_EQ(bench.wait(bench.volumes().remove("a")).error().message,
            "volume 'a' is in use by snapshot snap");
  const auto restored = bench.wait(bench.snapshots().restore("snap", "back"));
  ASSERT_TRUE(restored);
  ASSERT_EQ(restored->record.volumes.size(), 1U);
  EXPECT_EQ(restored->record.volumes[0].slug, "a");
  ASSERT_TRUE(bench.wait(bench.snapshots().remove("snap")));
  ASSERT_TRUE(bench.wait(bench.lifecycle().remove(bench.find("back"))));
  EXPECT_TRUE(bench.wait(bench.volumes().remove("a")));
  expectConsistent(bench);
}

TEST(VolumesTest, ARecordThatCannotBeReadKeepsAllVolumes) {
  Bench bench;
  ASSERT_TRUE(bench.wait(bench.volumes().create("a", 0)));
  bench.alterDatabase("INSERT INTO sandboxes VALUES ('u', 'odd', '{', x'00');");
  bench.restartDaemon(Bench::End::Killed);
  EXPECT_EQ(bench.wait(bench.volumes().remove("a")).error().code, ErrorCode::Conflict);
  bench.alterDatabase("DELETE FROM sandboxes WHERE uuid = 'u';");
  bench.restartDaemon(Bench::End::Killed);
  EXPECT_TRUE(bench.wait(bench.volumes().remove("a")));
}

TEST(VolumesTest, OneThatVanishedIsAnErrorThatLosesNothing) {
  Bench bench;
  ASSERT_TRUE(bench.wait(bench.volumes().create("a", 0)));
  const SandboxPtr sandbox = bench.make("web");
  give(bench, sandbox, "a");
  ASSERT_TRUE(bench.wait(bench.lifecycle().stop(sandbox, "test")));
  const fs::path directory = dataOf(bench, "a").parent_path();
  fs::rename(directory, bench.directory() + "/elsewhere");
  const Status started = bench.wait(bench.lifecycle().restart(sandbox));
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, ErrorCode::Internal);
  EXPECT_FALSE(started.error().remedy.empty());
  EXPECT_FALSE(fs::exists(directory)) << "nothing is made in its place";
  EXPECT_EQ(sandbox->status, model::SandboxStatus::Stopped);
  // Another volume of the same slug is not the one that it was made with.
  sandbox->record.volumes[0].uuid = "0000";
  EXPECT_EQ(bench.wait(bench.lifecycle().restart(sandbox)).error().code, ErrorCode::NotFound);
}

// A database that was lost or put back must not cost what the volumes hold.
TEST(VolumesTest, ADirectoryThatNoRowNamesIsLeftAlone) {
  Bench bench;
  ASSERT_TRUE(bench.wait(bench.volumes().create("a", 0)));
  const fs::path data = dataOf(bench, "a");
  std::ofstream(data / "f") << "precious";
  bench.alterDatabase("DELETE FROM volumes;");
  bench.restartDaemon(Bench::End::Killed);
  EXPECT_TRUE(slugs(bench).empty());
  EXPECT_TRUE(fs::exists(data / "f"));
  EXPECT_TRUE(std::ranges::any_of(
      bench.lines, [](const std::string& line) { return line.contains("no volume has"); }));
}

TEST(VolumesTest, AFullDatabaseLeavesEverythingAsItWas) {
  Bench bench;
  ASSERT_TRUE(bench.wait(bench.volumes().create("a", 0)));
  std::ofstream(dataOf(bench, "a") / "f") << "precious";
  bench.alterDatabase(
      "CREATE TRIGGER full_i BEFORE INSERT ON volumes BEGIN SELECT RAISE(ABORT, 'full'); END;"
      "CREATE TRIGGER full_d BEFORE DELETE ON volumes BEGIN SELECT RAISE(ABORT, 'full'); END;");
  EXPECT_FALSE(bench.wait(bench.volumes().create("b", 0)));
  EXPECT_FALSE(bench.wait(bench.volumes().remove("a")));
  EXPECT_TRUE(fs::exists(dataOf(bench, "a") / "f"));
  expectConsistent(bench);
  bench.alterDatabase("DROP TRIGGER full_i; DROP TRIGGER full_d;");
  EXPECT_TRUE(bench.wait(bench.volumes().create("b", 0)));
  EXPECT_TRUE(bench.wait(bench.volumes().remove("a")));
  expectConsistent(bench);
}

TEST(VolumesTest, WhenItWasUsedIsSavedAtAnOrderlyEnd) {
  Bench bench;
  ASSERT_TRUE(bench.wait(bench.volumes().create("a", 0)));
  bench.lifecycle().volumes().used({{"a", "/data", false, ""}});
  bench.restartDaemon(Bench::End::Orderly);
  const auto volume = bench.wait(bench.volumes().get("a"));
  EXPECT_EQ(volume->volume.mount_count, 1U);
  EXPECT_NE(volume->volume.last_used, WallTime{});
}

TEST(VolumesTest, UsageFollowsNothingAndHasBounds) {
  Bench bench;
  ASSERT_TRUE(bench.wait(bench.volumes().create("a", 0)));
  const fs::path data = dataOf(bench, "a");
  EXPECT_EQ(bench.wait(bench.volumes().get("a"))->usage->bytes, 0U);
  fs::create_directories(data / "d/e");
  fs::create_directory_symlink("/usr", data / "outside");
  fs::create_directory_symlink("..", data / "d/loop");
  const std::uint64_t before = bench.wait(bench.volumes().get("a"))->usage->bytes;
  std::ofstream(data / "d/e/f") << std::string(1 << 20U, 'x');
  fs::create_hard_link(data / "d/e/f", data / "again");
  const auto usage = bench.wait(bench.volumes().get("a"))->usage;
  ASSERT_TRUE(usage);
  EXPECT_TRUE(usage->whole);
  EXPECT_GE(usage->bytes, before + (1U << 20U));
  EXPECT_LT(usage->bytes, before + (1U << 20U) + 65536) << "/usr, or a file twice";
  // A directory too deep to be counted to its ground.
  fs::path deep = data;
  for (int i = 0; i < 100; ++i) {
    deep /= "d";
    fs::create_directory(deep);
  }
  EXPECT_FALSE(bench.wait(bench.volumes().get("a"))->usage->whole);
  UsageBudget small{.entries = 3};
  const auto cut = usageOf(data.parent_path(), {}, nullptr, small);
  ASSERT_TRUE(cut);
  EXPECT_FALSE(cut->whole);
}

// A daemon that ends after any step leaves what the next one finishes or undoes.
class VolumeCrashTest : public ::testing::Test {
 protected:
  using Work = std::function<bool(Bench&)>;

  bool workUntil(int step, const Work& work) const {
    const pid_t child = ::fork();
    if (child == 0) {
      int left = step;
      Bench bench({directory_, [&left](std::string_view) {
                     if (--left == 0) {
                       ::_exit(7);
                     }
                   }});
      ::_exit(work(bench) ? 0 : 1);
    }
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status));
    EXPECT_NE(WEXITSTATUS(status), 1);
    return WEXITSTATUS(status) == 0;
  }

  void everyStep(const Work& work, const std::function<void(Bench&, bool)>& check) {
    for (int step = 1;; ++step) {
      SCOPED_TRACE(step);
      ASSERT_LT(step, 20);
      directory_ = Bench::freshDirectory();
      {
        Bench bench({directory_, {}});
        ASSERT_TRUE(bench.wait(bench.volumes().create("old", 0)));
        std::ofstream(dataOf(bench, "old") / "f") << "precious";
      }
      const bool acknowledged = workUntil(step, work);
      {
        Bench bench({directory_, {}});
        check(bench, acknowledged);
        expectConsistent(bench);
        EXPECT_TRUE(bench.wait(bench.volumes().create("later", 0)));
      }
      {
        Bench bench({directory_, {}});
        EXPECT_TRUE(slugs(bench).contains("later"));
        expectConsistent(bench);
      }
      fs::remove_all(directory_);
      if (acknowledged) {
        EXPECT_GT(step, 1) << "no step was met";
        return;
      }
    }
  }

  std::string directory_;
};

TEST_F(VolumeCrashTest, WhileMaking) {
  everyStep([](Bench& bench) { return bench.wait(bench.volumes().create("new", 0)).has_value(); },
            [](Bench& bench, bool acknowledged) {
              EXPECT_TRUE(slugs(bench).contains("new") || !acknowledged);
              EXPECT_TRUE(fs::exists(dataOf(bench, "old") / "f"));
            });
}

TEST_F(VolumeCrashTest, WhileRemoving) {
  everyStep([](Bench& bench) { return bench.wait(bench.volumes().remove("old")).has_value(); },
            [](Bench& bench, bool acknowledged) {
              const bool there = slugs(bench).contains("old");
              EXPECT_FALSE(there && acknowledged);
              // All of it or nothing.
              EXPECT_TRUE(!there || fs::exists(dataOf(bench, "old") / "f"));
            });
}

}  // namespace
}  // namespace ak::manager
