#include "store/job_store.h"

#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>

#include "store/sandbox_store.h"

namespace ak::store {
namespace {

class JobStoreTest : public testing::Test {
 protected:
  JobStoreTest() {
    char pattern[] = "/tmp/ak-store-XXXXXX";
    directory_ = ::mkdtemp(pattern);
    open();
    for (const char* uuid : {"u1", "u2"}) {
      model::SandboxRecord sandbox;
      sandbox.uuid = uuid;
      sandbox.name = uuid;
      EXPECT_TRUE(store_->insert(sandbox));
    }
  }

  ~JobStoreTest() override { std::filesystem::remove_all(directory_); }

  void open() {
    store_.reset();
    auto opened = SandboxStore::open(directory_ + "/state.db");
    EXPECT_TRUE(opened) << opened.error().message;
    store_.emplace(*std::move(opened));
  }

  JobStore& jobs() { return store_->jobs(); }

  static model::JobRecord job(const std::string& sandbox, const std::string& id) {
    model::JobRecord made;
    made.sandbox = sandbox;
    made.id = id;
    made.command = {"sh", "-c", "echo 'a  b'"};
    made.started_at = *parseTime("2026-01-02T03:04:05.678901Z");
    return made;
  }

  std::string directory_;
  std::optional<SandboxStore> store_;
};

TEST_F(JobStoreTest, KeepsEveryFieldInTheOrderOfTheStarts) {
  model::JobRecord first = job("u1", "ffffffff");
  const model::JobRecord second = job("u1", "00000000");
  ASSERT_TRUE(jobs().insert(first));
  ASSERT_TRUE(jobs().insert(second));
  model::finish(first, {.exit_code = 143, .signal = 15, .killed = true});
  first.stdout_bytes = 12;
  first.ended_at = first.started_at;
  ASSERT_TRUE(jobs().update(first));
  open();
  EXPECT_EQ(jobs().list("u1")->records, (std::vector<model::JobRecord>{first, second}));
  EXPECT_EQ(jobs().running()->records, std::vector<model::JobRecord>{second});
  EXPECT_EQ(**jobs().find("u1", "ffffffff"), first);
  ASSERT_TRUE(jobs().remove("u1", "ffffffff"));
  ASSERT_TRUE(jobs().remove("u1", "ffffffff"));
  EXPECT_FALSE(*jobs().find("u1", "ffffffff"));
}

TEST_F(JobStoreTest, IdsAreOfTheirSandboxAndGoWithIt) {
  ASSERT_TRUE(jobs().insert(job("u1", "0123abcd")));
  ASSERT_TRUE(jobs().insert(job("u2", "0123abcd")));
  EXPECT_EQ(jobs().insert(job("u1", "0123abcd")).error().code, ErrorCode::AlreadyExists);
  ASSERT_TRUE(store_->remove("u1"));
  EXPECT_TRUE(jobs().list("u1")->records.empty());
  EXPECT_EQ(jobs().list("u2")->records.size(), 1U);
  EXPECT_EQ(jobs().insert(job("u1", "0123abcd")).error().code, ErrorCode::NotFound)
      << "its sandbox was removed meanwhile";
  EXPECT_EQ(jobs().update(job("u1", "0123abcd")).error().code, ErrorCode::NotFound);
}

TEST_F(JobStoreTest, AnUnreadableRowIsReportedAndKept) {
  ASSERT_TRUE(jobs().insert(job("u1", "0123abcd")));
  auto database = Database::open(directory_ + "/state.db");
  ASSERT_TRUE(database);
  ASSERT_TRUE(
      database->execute("INSERT INTO jobs (sandbox, id, running, body) "
                        "VALUES ('u1', 'odd', 1, '{}')"));
  const auto loaded = jobs().list("u1");
  EXPECT_EQ(loaded->records.size(), 1U);
  ASSERT_EQ(loaded->unreadable.size(), 1U);
  EXPECT_EQ(loaded->unreadable[0].first, "odd");
  EXPECT_EQ(jobs().find("u1", "odd").error().code, ErrorCode::Internal);
}

// A state directory of a release before jobs.
TEST_F(JobStoreTest, AnOlderDatabaseGainsTheTable) {
  store_.reset();
  {
    auto database = Database::open(directory_ + "/state.db");
    ASSERT_TRUE(
        database->execute("DROP TABLE jobs; DROP TABLE snapshots; "
                          "DROP TABLE volumes; PRAGMA user_version=2;"));
  }
  open();
  EXPECT_TRUE(jobs().insert(job("u1", "0123abcd")));
}

}  // namespace
}  // namespace ak::store
