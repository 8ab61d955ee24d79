#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "manager/snapshots_use.h"
#include "manager/testing/bench.h"
#include "net/task_group.h"

namespace ak::manager {
namespace {

namespace fs = std::filesystem;
using testing::Bench;

std::string contentOf(const fs::path& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

void put(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path) << text;
}

std::set<std::string> namesIn(const fs::path& directory) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(directory)) {
    names.insert(entry.path().filename());
  }
  return names;
}

// What a guest would read, as far as plain files go.
std::string seenBy(const std::string& state,
                   const model::SandboxRecord& record,
                   const std::string& file) {
  const fs::path own = fs::path(state) / "sandboxes" / record.uuid / "layer/root" / file;
  if (fs::exists(own)) {
    return contentOf(own);
  }
  for (const std::string& layer : record.layers) {
    const fs::path frozen = fs::path(state) / "layers" / layer / "root" / file;
    if (fs::exists(frozen)) {
      return contentOf(frozen);
    }
  }
  return "(none)";
}

// Nothing is missing, nothing is left over.
void expectConsistent(Bench& bench) {
  const fs::path state = bench.directory();
  std::set<std::string> named;
  std::set<std::string> uuids;
  for (const SandboxPtr& sandbox : bench.lifecycle().table().all()) {
    uuids.insert(sandbox->record.uuid);
    for (const std::string& layer : layersOf(sandbox->record)) {
      named.insert(layer);
    }
    EXPECT_EQ(namesIn(state / "sandboxes" / sandbox->record.uuid).count("layer"), 1U);
    for (const std::string& name : namesIn(state / "sandboxes" / sandbox->record.uuid)) {
      EXPECT_FALSE(name.starts_with("layer.")) << name;
    }
  }
  for (const auto& [name, snapshot] : bench.lifecycle().layers().snapshots) {
    for (const std::string& layer : layersOf(snapshot.source)) {
      named.insert(layer);
    }
  }
  EXPECT_EQ(namesIn(state / "layers"), named);
  EXPECT_EQ(namesIn(state / "sandboxes"), uuids);
}

class SnapshotsTest : public ::testing::Test {
 protected:
  SandboxPtr stopped(Bench& bench, const std::string& name) {
    const SandboxPtr sandbox = bench.make(name);
    EXPECT_TRUE(bench.wait(bench.lifecycle().stop(sandbox, "test")));
    put(root(bench, sandbox) / "f", "precious");
    return sandbox;
  }

  static fs::path root(Bench& bench, const SandboxPtr& sandbox) {
    return fs::path(bench.directory()) / "sandboxes" / sandbox->record.uuid / "layer/root";
  }
};

TEST_F(SnapshotsTest, ASnapshotIsTheWritableDirectoryItself) {
  Bench bench;
  const SandboxPtr sandbox = stopped(bench, "p");
  struct stat before{};
  ASSERT_EQ(::stat((root(bench, sandbox) / "f").c_str(), &before), 0);
  const auto taken = bench.wait(bench.snapshots().take("p", "s"));
  ASSERT_TRUE(taken) << taken.error().message;
  EXPECT_FALSE(taken->pause);
  ASSERT_EQ(sandbox->record.layers.size(), 1U);
  EXPECT_EQ(taken->snapshot.source.layers, sandbox->record.layers);
  struct stat after{};
  const std::string file = bench.directory() + "/layers/" + sandbox->record.layers[0] + "/root/f";
  ASSERT_EQ(::stat(file.c_str(), &after), 0);
  EXPECT_EQ(after.st_ino, before.st_ino);  // nothing was copied
  EXPECT_TRUE(namesIn(bench.directory() + "/sandboxes/" + sandbox->record.uuid + "/layer").empty());
  expectConsistent(bench);
}

TEST_F(SnapshotsTest, ForksShareOneLayerAndDoNotDeepenTheStack) {
  Bench bench;
  const SandboxPtr parent = stopped(bench, "p");
  for (int i = 0; i < 20; ++i) {
    const auto forked = bench.wait(bench.snapshots().makeFork("p", "c" + std::to_string(i)));
    ASSERT_TRUE(forked) << forked.error().message;
    const SandboxPtr child = bench.find(forked->name);
    ASSERT_TRUE(child);
    EXPECT_EQ(child->record.layers, parent->record.layers);
    EXPECT_EQ(child->status, model::SandboxStatus::Stopped);
    EXPECT_NE(child->record.uuid, parent->record.uuid);
    EXPECT_NE(child->record.ids, parent->record.ids);
    EXPECT_EQ(seenBy(bench.directory(), child->record, "f"), "precious");
  }
  EXPECT_EQ(parent->record.layers.size(), 1U);
  expectConsistent(bench);
}

TEST_F(SnapshotsTest, ASnapshotKeepsWhatTheSandboxWasAndARestoredOneHasIt) {
  Bench bench;
  model::Notes notes;
  notes.labels = {{"team", "ml"}};
  notes.description = "d";
  notes.ttl_seconds = 3600;
  const SandboxPtr made = bench.make("p", std::move(notes));
  made->record.permissions.profile = model::Profile::Restrictive;
  made->record.permissions.limits.memory_bytes = 123 << 20;
  made->record.environment = {"A=b"};
  made->record.init_script = "true";
  made->record.workdir = "/srv";
  made->record.user = "app";
  const model::SandboxRecord before = made->record;
  ASSERT_TRUE(bench.wait(bench.lifecycle().stop(made, "test")));
  ASSERT_TRUE(bench.wait(bench.snapshots().take("p", "s")));
  ASSERT_TRUE(bench.wait(bench.lifecycle().remove(made)));
  bench.restartDaemon(Bench::End::Killed);
  const auto restored = bench.wait(bench.snapshots().restore("s", ""));
  ASSERT_TRUE(restored) << restored.error().message;
  const model::SandboxRecord& now = restored->record;
  EXPECT_EQ(now.name, "p-restored");
  EXPECT_EQ(restored->status, model::SandboxStatus::Stopped);
  EXPECT_NE(now.uuid, before.uuid);
  EXPECT_EQ(now.permissions, before.permissions);
  EXPECT_EQ(now.environment, before.environment);
  EXPECT_EQ(now.init_script, before.init_script);
  EXPECT_EQ(now.workdir, before.workdir);
  EXPECT_EQ(now.user, before.user);
  EXPECT_EQ(now.labels, before.labels);
  EXPECT_EQ(now.description, before.description);
  EXPECT_FALSE(now.lifetime.ttl_seconds);
  EXPECT_TRUE(now.lifetime.expires_at.empty());
  EXPECT_EQ(now.image_digest, before.image_digest);
  expectConsistent(bench);
}

TEST_F(SnapshotsTest, NamesAreCheckedAndNeverTakenTwice) {
  Bench bench;
  stopped(bench, "p");
  for (const char* bad : {"../x", "a/b", "-a", "a--b", "", ".", "a\nb"}) {
    const auto taken = bench.wait(bench.snapshots().take("p", bad));
    const auto forked = bench.wait(bench.snapshots().makeFork("p", bad));
    EXPECT_TRUE(std::string_view(bad).empty() || !taken) << bad;
    ASSERT_FALSE(forked) << bad;
    EXPECT_EQ(forked.error().code, ErrorCode::InvalidArgument) << bad;
  }
  ASSERT_TRUE(bench.wait(bench.snapshots().take("p", "s")));
  const auto again = bench.wait(bench.snapshots().take("p", "s"));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::AlreadyExists);
  const auto onto = bench.wait(bench.snapshots().restore("s", "p"));
  ASSERT_FALSE(onto);
  EXPECT_EQ(onto.error().code, ErrorCode::AlreadyExists);
  const auto fork = bench.wait(bench.snapshots().makeFork("p", "p"));
  ASSERT_FALSE(fork);
  EXPECT_EQ(fork.error().code, ErrorCode::AlreadyExists);
  EXPECT_EQ(bench.wait(bench.snapshots().restore("none", "")).error().code, ErrorCode::NotFound);
  EXPECT_EQ(bench.wait(bench.snapshots().remove("none")).error().code, ErrorCode::NotFound);
  EXPECT_EQ(bench.wait(bench.snapshots().take("none", "t")).error().code, ErrorCode::NotFound);
  expectConsistent(bench);
}

// Two who name nothing get two snapshots.
TEST_F(SnapshotsTest, NamesThatWeGiveAreNeverGivenTwice) {
  Bench bench;
  stopped(bench, "p");
  net::TaskGroup group(bench.executor());
  std::vector<Result<Snapshots::Taken>> all;
  const auto take = [&]() -> net::Task<void> {
    all.push_back(co_await bench.snapshots().take("p", ""));
  };
  group.spawn(take());
  group.spawn(take());
  bench.wait(group.join());
  ASSERT_EQ(all.size(), 2U);
  for (const auto& taken : all) {
    EXPECT_TRUE(taken) << taken.error().message;
  }
  EXPECT_EQ(bench.lifecycle().layers().snapshots.size(), 2U);
  expectConsistent(bench);
}

// A snapshot's layer came from a directory whose renames no power cut has spared yet. Taken back
// here, as by such a cut, they are made again before what is left of the sandbox is removed.
TEST_F(SnapshotsTest, RemovingASandboxFirstSavesWhatItFroze) {
  Bench bench;
  const SandboxPtr parent = stopped(bench, "p");
  ASSERT_TRUE(bench.wait(bench.snapshots().take("p", "s")));
  ASSERT_FALSE(parent->record.freezing.empty());
  const fs::path own = bench.directory() + "/sandboxes/" + parent->record.uuid + "/layer";
  const fs::path frozen = bench.directory() + "/layers/" + parent->record.freezing;
  fs::remove(own);
  fs::rename(frozen, own);
  fs::create_directory(frozen);
  ASSERT_TRUE(bench.wait(bench.lifecycle().remove(parent)));
  const auto restored = bench.wait(bench.snapshots().restore("s", ""));
  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_EQ(seenBy(bench.directory(), restored->record, "f"), "precious");
  expectConsistent(bench);
}

TEST_F(SnapshotsTest, ALayerGoesWithTheLastWhoStandsOnIt) {
  Bench bench;
  const SandboxPtr parent = stopped(bench, "p");
  ASSERT_TRUE(bench.wait(bench.snapshots().take("p", "s")));
  ASSERT_TRUE(bench.wait(bench.snapshots().makeFork("p", "c")));
  const fs::path layers = bench.directory() + "/layers";
  ASSERT_TRUE(bench.wait(bench.lifecycle().remove(parent)));
  EXPECT_EQ(namesIn(layers).size(), 1U);
  ASSERT_TRUE(bench.wait(bench.snapshots().remove("s")));
  EXPECT_EQ(namesIn(layers).size(), 1U);
  EXPECT_EQ(seenBy(bench.directory(), bench.find("c")->record, "f"), "precious");
  ASSERT_TRUE(bench.wait(bench.lifecycle().remove(bench.find("c"))));
  EXPECT_TRUE(namesIn(layers).empty());
}

TEST_F(SnapshotsTest, DeepStacksAreMergedInTheBackground) {
  const std::string directory = Bench::freshDirectory();
  {
    Bench bench({directory, {}});
    const SandboxPtr parent = stopped(bench, "p");
    for (int i = 0; i < 20; ++i) {
      put(root(bench, parent) / ("f" + std::to_string(i)), std::to_string(i));
      put(root(bench, parent) / "last", std::to_string(i));
      ASSERT_TRUE(bench.wait(bench.snapshots().take("p", "s" + std::to_string(i))));
    }
  }
  {
    Bench bench({directory, {}});  // the first has finished what it did in the background
    const model::SandboxRecord& record = bench.find("p")->record;
    EXPECT_LE(record.layers.size(), 16U);
    for (int i = 0; i < 20; ++i) {
      EXPECT_EQ(seenBy(directory, record, "f" + std::to_string(i)), std::to_string(i));
    }
    EXPECT_EQ(seenBy(directory, record, "last"), "19");
    expectConsistent(bench);
  }
  fs::remove_all(directory);
}

// A daemon that ends after any step leaves what the next one finishes or undoes.
class CrashTest : public SnapshotsTest {
 protected:
  using Work = std::function<bool(Bench&)>;

  // Runs `work` in a process that dies at its `step`th step; true when it got to its end.
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

  void everyStep(const Work& prepare,
                 const Work& work,
                 const std::function<void(Bench&, bool)>& check) {
    for (int step = 1;; ++step) {
      ASSERT_LT(step, 20);
      directory_ = Bench::freshDirectory();
      {
        Bench bench({directory_, {}});
        stopped(bench, "p");
        ASSERT_TRUE(prepare(bench));
      }
      const bool acknowledged = workUntil(step, work);
      {
        Bench bench({directory_, {}});
        SCOPED_TRACE(step);
        ASSERT_TRUE(bench.find("p"));
        EXPECT_EQ(seenBy(directory_, bench.find("p")->record, "f"), "precious");
        check(bench, acknowledged);
        expectConsistent(bench);
        // It still does all that it did.
        EXPECT_TRUE(bench.wait(bench.snapshots().makeFork("p", "later")));
        EXPECT_EQ(seenBy(directory_, bench.find("later")->record, "f"), "precious");
      }
      {
        Bench bench({directory_, {}});
        EXPECT_TRUE(bench.find("later"));
        expectConsistent(bench);
      }
      fs::remove_all(directory_);
      if (acknowledged) {
        EXPECT_GT(step, 1) << "no step was met";
        return;
      }
    }
  }

  static bool nothing(Bench&) { return true; }

  std::string directory_;
};

TEST_F(CrashTest, WhileTaking) {
  everyStep(
      nothing,
      [](Bench& bench) { return bench.wait(bench.snapshots().take("p", "s")).has_value(); },
      [](Bench& bench, bool acknowledged) {
        const auto snapshot = bench.wait(bench.snapshots().get("s"));
        EXPECT_TRUE(snapshot || !acknowledged);
        if (snapshot) {
          const auto restored = bench.wait(bench.snapshots().restore("s", "r"));
          ASSERT_TRUE(restored);
          EXPECT_EQ(seenBy(bench.directory(), restored->record, "f"), "precious");
        }
      });
}

TEST_F(CrashTest, WhileForking) {
  everyStep(
      nothing,
      [](Bench& bench) { return bench.wait(bench.snapshots().makeFork("p", "c")).has_value(); },
      [](Bench& bench, bool acknowledged) {
        const SandboxPtr child = bench.find("c");
        EXPECT_TRUE(child || !acknowledged);
        if (child) {
          EXPECT_EQ(seenBy(bench.directory(), child->record, "f"), "precious");
        }
      });
}

TEST_F(CrashTest, WhileForkingASecondTime) {
  everyStep(
      [](Bench& bench) {
        const bool forked = bench.wait(bench.snapshots().makeFork("p", "first")).has_value();
        put(root(bench, bench.find("p")) / "g", "new");
        return forked;
      },
      [](Bench& bench) { return bench.wait(bench.snapshots().makeFork("p", "c")).has_value(); },
      [](Bench& bench, bool acknowledged) {
        EXPECT_EQ(seenBy(bench.directory(), bench.find("p")->record, "g"), "new");
        EXPECT_EQ(seenBy(bench.directory(), bench.find("first")->record, "g"), "(none)");
        EXPECT_TRUE(bench.find("c") || !acknowledged);
      });
}

TEST_F(CrashTest, WhileRestoring) {
  everyStep(
      [](Bench& bench) { return bench.wait(bench.snapshots().take("p", "s")).has_value(); },
      [](Bench& bench) { return bench.wait(bench.snapshots().restore("s", "r")).has_value(); },
      [](Bench& bench, bool acknowledged) {
        EXPECT_TRUE(bench.find("r") || !acknowledged);
        if (bench.find("r")) {
          EXPECT_EQ(seenBy(bench.directory(), bench.find("r")->record, "f"), "precious");
        }
      });
}

TEST_F(CrashTest, WhileRemovingASnapshot) {
  everyStep([](Bench& bench) { return bench.wait(bench.snapshots().take("p", "s")).has_value(); },
            [](Bench& bench) { return bench.wait(bench.snapshots().remove("s")).has_value(); },
            [](Bench& bench, bool acknowledged) {
              EXPECT_TRUE(!acknowledged || !bench.wait(bench.snapshots().get("s")));
            });
}

TEST_F(CrashTest, WhileLeavingOutInheritedPaths) {
  everyStep(
      [](Bench& bench) {
        const SandboxPtr sandbox = bench.find("p");
        sandbox->record.permissions.workspace = model::WorkspaceMode::Cow;
        sandbox->record.workspace_path = bench.directory();
        put(root(bench, sandbox) / "../work/a", "1");
        put(root(bench, sandbox) / "../work/b", "2");
        return bench.wait(bench.snapshots().take("p", "s")).has_value();
      },
      [](Bench& bench) {
        bench.find("p")->record.workspace_path = fs::canonical(bench.directory());
        return bench.wait(bench.snapshots().leaveOut(bench.find("p"), {"a"})).has_value();
      },
      [](Bench& bench, bool acknowledged) {
        const model::SandboxRecord& record = bench.find("p")->record;
        ASSERT_EQ(record.workspace_layers.size(), 1U);
        const fs::path work =
            fs::path(bench.directory()) / "layers" / record.workspace_layers[0] / "work";
        EXPECT_EQ(contentOf(work / "b"), "2");
        EXPECT_TRUE(!acknowledged || !fs::exists(work / "a"));
      });
}

TEST_F(SnapshotsTest, AFullDatabaseLeavesEverythingAsItWas) {
  Bench bench;
  const SandboxPtr parent = stopped(bench, "p");
  bench.alterDatabase(
      "CREATE TRIGGER full_s BEFORE INSERT ON snapshots BEGIN SELECT RAISE(ABORT, 'full'); END;"
      "CREATE TRIGGER full_b BEFORE INSERT ON sandboxes BEGIN SELECT RAISE(ABORT, 'full'); END;");
  EXPECT_FALSE(bench.wait(bench.snapshots().take("p", "s")));
  EXPECT_FALSE(bench.wait(bench.snapshots().makeFork("p", "c")));
  EXPECT_FALSE(bench.find("c"));
  EXPECT_TRUE(parent->record.layers.empty());
  EXPECT_EQ(contentOf(root(bench, parent) / "f"), "precious");
  expectConsistent(bench);
  bench.alterDatabase("DROP TRIGGER full_s; DROP TRIGGER full_b;");
  EXPECT_TRUE(bench.wait(bench.snapshots().take("p", "s")));
  EXPECT_TRUE(bench.wait(bench.snapshots().makeFork("p", "c")));
  expectConsistent(bench);
}

}  // namespace
}  // namespace ak::manager
