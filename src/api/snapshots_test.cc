// Snapshots and forks over a real socket: shapes, statuses, and that images stay that they need.
#include "api/testing/api_fixture.h"

namespace ak::api {
namespace {

using net::testing::RawResponse;
using nlohmann::json;

class SnapshotRoutesTest : public testing::ApiFixture {
 protected:
  RawResponse post(const std::string& path, const std::string& body = {}) {
    return client().call("POST", path, body);
  }

  void SetUp() override {
    testing::ApiFixture::SetUp();
    ASSERT_EQ(post("/sandboxes", R"({"name":"web","memory_mb":512,"vcpus":2})").status, 201);
  }
};

TEST_F(SnapshotRoutesTest, TheShapeIsTheOneOfOtherVersions) {
  const RawResponse taken = post("/snapshots", R"({"sandbox":"web","name":"s"})");
  EXPECT_EQ(taken.status, 200);
  const json snapshot = data(taken);
  EXPECT_EQ(snapshot["name"], "s");
  EXPECT_EQ(snapshot["sandbox"], "web");
  EXPECT_EQ(snapshot["image_tag"], "agentkernel-snap:s");
  EXPECT_EQ(snapshot["backend"], "fake");
  EXPECT_EQ(snapshot["base_image"], "host");
  EXPECT_EQ(snapshot["memory_mb"], 512);
  EXPECT_EQ(snapshot["vcpus"], 2);
  EXPECT_TRUE(snapshot["created_at"].is_string());
  EXPECT_FALSE(snapshot.contains("pause_ms"));
  EXPECT_EQ(data(client().get("/snapshots")), json::array({snapshot}));
  EXPECT_EQ(data(client().get("/snapshots/s")), snapshot);
  EXPECT_EQ(client().call("DELETE", "/snapshots/s", "").status, 200);
  EXPECT_EQ(client().get("/snapshots/s").status, 404);
}

TEST_F(SnapshotRoutesTest, ANameIsOptionalAndTakenOnlyOnce) {
  EXPECT_EQ(data(post("/snapshots", R"({"sandbox":"web"})"))["name"], "web-20260102");
  EXPECT_EQ(post("/snapshots", R"({"sandbox":"web","name":"web-20260102"})").status, 409);
  EXPECT_EQ(post("/snapshots", R"({"sandbox":"none"})").status, 404);
  EXPECT_EQ(post("/snapshots", "{}").status, 400);
  EXPECT_EQ(post("/snapshots", R"({"sandbox":7})").status, 400);
}

TEST_F(SnapshotRoutesTest, RestoreTakesNoBody) {
  post("/snapshots", R"({"sandbox":"web","name":"s"})");
  const RawResponse restored = post("/snapshots/s/restore");
  EXPECT_EQ(restored.status, 200);
  EXPECT_EQ(data(restored)["name"], "s-restored");
  EXPECT_EQ(data(restored)["status"], "stopped");
  const RawResponse named = post("/snapshots/s/restore", R"({"as_name":"b","start":true})");
  EXPECT_EQ(data(named)["name"], "b");
  EXPECT_EQ(data(named)["status"], "running");
  EXPECT_EQ(post("/snapshots/none/restore").status, 404);
  EXPECT_EQ(post("/snapshots/s/restore", "{").status, 400);
}

TEST_F(SnapshotRoutesTest, AForkIsAnotherSandbox) {
  const RawResponse forked = post("/sandboxes/web/fork", R"({"as_name":"kid"})");
  EXPECT_EQ(forked.status, 201);
  EXPECT_EQ(data(forked)["sandbox"]["name"], "kid");
  EXPECT_EQ(data(forked)["sandbox"]["status"], "stopped");
  EXPECT_EQ(post("/sandboxes/web/fork").status, 400);
  EXPECT_EQ(post("/sandboxes/none/fork", R"({"as_name":"kid"})").status, 404);
}

}  // namespace
}  // namespace ak::api
