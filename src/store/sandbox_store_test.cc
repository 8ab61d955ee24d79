#include "store/sandbox_store.h"

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>

namespace ak::store {
namespace {

class SandboxStoreTest : public testing::Test {
 protected:
  SandboxStoreTest() {
    char pattern[] = "/tmp/ak-store-XXXXXX";
    directory_ = ::mkdtemp(pattern);
    path_ = directory_ + "/state.db";
  }

  ~SandboxStoreTest() override { std::filesystem::remove_all(directory_); }

  static model::SandboxRecord record(const std::string& uuid, const std::string& name) {
    model::SandboxRecord made;
    made.uuid = uuid;
    made.name = name;
    made.image = "host";
    made.permissions.profile = model::Profile::Restrictive;
    made.permissions.limits.memory_bytes = 1U << 28U;
    made.permissions.limits.explicit_memory = true;
    made.environment = {"A=1", "B=two words"};
    made.ids = {1879048192, 65536};
    made.agent_key = std::string("\0key\xff", 5);
    made.limits = {{"memory", "cgroup-v1", ""}, {"disk", "unenforced", "do this"}};
    made.labels = {{"env", "prod"}, {"team", "ml"}};
    made.description = "two\nlines";
    made.volumes = {{"cache", "/root/.cache", false, "v1"}, {"data", "/data", true, "v2"}};
    made.ports = {{"127.0.0.1", 49153, true, 80, model::PortProtocol::Tcp},
                  {"::1", 8053, false, 53, model::PortProtocol::Udp}};
    made.init_script = "apk add \"curl\"\n";
    made.lifetime = model::lifetimeFrom(*parseTime("2026-01-02T03:04:05Z"), 3600,
                                        {.auto_stop_after_seconds = 0,
                                         .auto_archive_after_seconds = std::nullopt,
                                         .auto_delete_after_seconds = 60});
    made.lifetime.archived_at = "2026-01-02T03:04:05+01:00";
    made.lifetime.archived_reason = "manual archive";
    made.lifetime.dormant_at = "2026-01-02t03:04:05z";
    made.lifetime.dormant_reason = "idle";
    made.created_at = *parseTime("2026-01-02T03:04:05.678901Z");
    return made;
  }

  std::string directory_;
  std::string path_;
};

TEST_F(SandboxStoreTest, KeepsEveryFieldAcrossReopening) {
  const model::SandboxRecord kept = record("u1", "web");
  {
    auto store = SandboxStore::open(path_);
    ASSERT_TRUE(store) << store.error().message;
    ASSERT_TRUE(store->insert(kept));
  }
  auto store = SandboxStore::open(path_);
  ASSERT_TRUE(store);
  auto loaded = store->load();
  ASSERT_TRUE(loaded);
  ASSERT_EQ(loaded->records.size(), 1U);
  EXPECT_EQ(loaded->records[0], kept);
  EXPECT_TRUE(loaded->unreadable.empty());
}

TEST_F(SandboxStoreTest, FileIsPrivate) {
  auto store = SandboxStore::open(path_);
  ASSERT_TRUE(store);
  struct stat info{};
  ASSERT_EQ(::stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
}

TEST_F(SandboxStoreTest, ASecondSandboxOfTheSameNameIsRefusedWithARemedy) {
  auto store = SandboxStore::open(path_);
  ASSERT_TRUE(store);
  ASSERT_TRUE(store->insert(record("u1", "web")));
  const Status second = store->insert(record("u2", "web"));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::AlreadyExists);
  EXPECT_NE(second.error().remedy.find("agentkernel rm web"), std::string::npos);
}

TEST_F(SandboxStoreTest, UpdateOfARemovedSandboxIsNotFound) {
  auto store = SandboxStore::open(path_);
  ASSERT_TRUE(store);
  model::SandboxRecord kept = record("u1", "web");
  ASSERT_TRUE(store->insert(kept));
  kept.pid = 42;
  ASSERT_TRUE(store->update(kept));
  ASSERT_TRUE(store->remove("u1"));
  const Status gone = store->update(kept);
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, ErrorCode::NotFound);
}

TEST_F(SandboxStoreTest, AnUnreadableRowIsReportedAndKept) {
  {
    auto store = SandboxStore::open(path_);
    ASSERT_TRUE(store);
    ASSERT_TRUE(store->insert(record("u1", "web")));
  }
  {
    auto database = Database::open(path_);
    ASSERT_TRUE(database);
    ASSERT_TRUE(
        database->execute("INSERT INTO sandboxes VALUES ('u2', 'odd', '{\"uuid\": 7}', x'')"));
    ASSERT_TRUE(database->execute("INSERT INTO sandboxes VALUES ('u3', 'bad', 'not json', x'')"));
  }
  auto store = SandboxStore::open(path_);
  ASSERT_TRUE(store);
  auto loaded = store->load();
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->records.size(), 1U);
  ASSERT_EQ(loaded->unreadable.size(), 2U);
  EXPECT_EQ(loaded->unreadable[0].first, "u2");
}

TEST_F(SandboxStoreTest, SnapshotsComeBackAsTheyWere) {
  model::SnapshotRecord snapshot;
  snapshot.name = "s";
  snapshot.created_at = *parseTime("2026-01-02T03:04:05Z");
  snapshot.source = record("u1", "web");
  snapshot.source.agent_key.clear();  // no key is ever a snapshot's
  snapshot.source.layers = {"l2", "l1"};
  snapshot.source.workspace_layers = {"l2"};
  {
    auto store = SandboxStore::open(path_);
    ASSERT_TRUE(store);
    SandboxStore::LayerStep step;
    step.taken.push_back(snapshot);
    ASSERT_TRUE(store->commit(step));
    const Status twice = store->commit(step);
    ASSERT_FALSE(twice);
    EXPECT_EQ(twice.error().code, ErrorCode::AlreadyExists);
    EXPECT_NE(twice.error().remedy.find("agentkernel snapshot rm s"), std::string::npos);
  }
  auto store = SandboxStore::open(path_);
  ASSERT_TRUE(store);
  const auto loaded = store->loadSnapshots();
  ASSERT_TRUE(loaded);
  ASSERT_EQ(loaded->records.size(), 1U);
  EXPECT_EQ(loaded->records[0], snapshot);
  ASSERT_TRUE(store->removeSnapshot("s"));
  EXPECT_TRUE(store->loadSnapshots()->records.empty());
}

TEST_F(SandboxStoreTest, AStepOfLayersIsDoneWholeOrNotAtAll) {
  auto store = SandboxStore::open(path_);
  ASSERT_TRUE(store);
  model::SandboxRecord parent = record("u1", "web");
  ASSERT_TRUE(store->insert(parent));
  parent.layers = {"l"};
  parent.freezing = "l";
  SandboxStore::LayerStep step;
  step.updated.push_back(parent);
  step.made.push_back(record("u2", "child"));
  step.made.push_back(record("u3", "web"));  // taken
  EXPECT_FALSE(store->commit(step));
  auto loaded = store->load();
  ASSERT_TRUE(loaded);
  ASSERT_EQ(loaded->records.size(), 1U);
  EXPECT_TRUE(loaded->records[0].layers.empty());
  step.made.pop_back();
  ASSERT_TRUE(store->commit(step));
  loaded = store->load();
  ASSERT_EQ(loaded->records.size(), 2U);
  EXPECT_EQ(loaded->records[0], parent);
}

TEST_F(SandboxStoreTest, AnUnreadableSnapshotIsReportedAndKept) {
  {
    auto database = Database::open(path_);
    ASSERT_TRUE(database);
    ASSERT_TRUE(
        database->execute("INSERT INTO snapshots VALUES ('odd', '{\"name\": 7}'), "
                          "('bad', 'not json'), ('half', '{\"name\": \"half\"}')"));
  }
  auto store = SandboxStore::open(path_);
  ASSERT_TRUE(store);
  const auto loaded = store->loadSnapshots();
  ASSERT_TRUE(loaded);
  EXPECT_TRUE(loaded->records.empty());
  EXPECT_EQ(loaded->unreadable.size(), 3U);
}

TEST_F(SandboxStoreTest, ADatabaseFromTheFutureIsLeftAlone) {
  {
    auto database = Database::open(path_);
    ASSERT_TRUE(database);
    ASSERT_TRUE(database->execute("PRAGMA user_version=999"));
  }
  const auto store = SandboxStore::open(path_);
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, ErrorCode::Conflict);
}

}  // namespace
}  // namespace ak::store
