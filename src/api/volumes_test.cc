// Volumes over a real socket: shapes and statuses.
#include "api/testing/api_fixture.h"

namespace ak::api {
namespace {

using net::testing::RawResponse;
using nlohmann::json;

class VolumeRoutesTest : public testing::ApiFixture {
 protected:
  RawResponse post(const std::string& path, const std::string& body) {
    return client().call("POST", path, body);
  }
};

TEST_F(VolumeRoutesTest, OneIsMadeListedShownAndRemoved) {
  const RawResponse made = post("/volumes", R"({"slug":"data","size_bytes":1073741824})");
  EXPECT_EQ(made.status, 201);
  const json volume = data(made);
  EXPECT_EQ(volume["slug"], "data");
  EXPECT_EQ(volume["size_bytes"], 1073741824);
  EXPECT_EQ(volume["limited_by"], "loop");
  EXPECT_EQ(volume["used_bytes"], 0);
  EXPECT_EQ(volume["mount_count"], 0);
  EXPECT_TRUE(volume["last_used"].is_null());
  EXPECT_EQ(volume["used_by"], json::array());
  EXPECT_EQ(data(client().get("/volumes")), json::array({volume}));
  EXPECT_EQ(data(client().get("/volumes/data")), volume);
  EXPECT_EQ(client().call("DELETE", "/volumes/data", "").status, 200);
  EXPECT_EQ(client().get("/volumes/data").status, 404);
  EXPECT_EQ(client().call("DELETE", "/volumes/data", "").status, 404);
}

TEST_F(VolumeRoutesTest, WhoUsesItIsShownAndKeepsIt) {
  ASSERT_EQ(post("/volumes", R"({"slug":"data"})").status, 201);
  manager::Volumes::View& view = manager_.fake_volumes.made.at("data");
  using Kind = manager::Volumes::User::Kind;
  view.users = {{Kind::Sandbox, "web", model::SandboxStatus::Running, "/data", true},
                {Kind::Snapshot, "snap", {}, "/srv", false}};
  view.usage = manager::VolumeUsage{7, false};
  const json shown = data(client().get("/volumes/data"));
  EXPECT_EQ(shown["used_by"][0],
            json::parse(R"({"kind":"sandbox","name":"web","status":"running","path":"/data",
                            "read_only":true})"));
  EXPECT_EQ(shown["used_by"][1],
            json::parse(R"({"kind":"snapshot","name":"snap","path":"/srv","read_only":false})"));
  EXPECT_EQ(shown["used_bytes"], 7);
  EXPECT_EQ(shown["used_at_least"], true);
  EXPECT_EQ(client().call("DELETE", "/volumes/data", "").status, 409);
}

TEST_F(VolumeRoutesTest, WrongRequestsAreRefused) {
  for (const char* body : {"", "{", "[]", R"({"slug":7})", R"({"slug":"a b"})", R"({"slug":""})",
                           R"({"slug":"a","size_bytes":-1})", R"({"slug":"a","size_bytes":1.5})",
                           R"({"slug":"a","size_bytes":"1gb"})", R"({"slug":"\u00e9"})",
                           R"({"slug":"a","size_bytes":18446744073709551615})"}) {
    EXPECT_EQ(post("/volumes", body).status, 400) << body;
  }
  ASSERT_EQ(post("/volumes", R"({"slug":"a"})").status, 201);
  EXPECT_EQ(post("/volumes", R"({"slug":"a"})").status, 409);
}

TEST_F(VolumeRoutesTest, ASandboxAsksForVolumesByText) {
  EXPECT_EQ(post("/sandboxes", R"({"name":"web","volumes":["data:/data:ro","x:/x"]})").status, 201);
  for (const char* list : {R"(["data"])", R"(["data:/data:rw"])", R"(["data:rel"])", R"([7])",
                           R"("data:/data")", R"(["data:/proc/x"])", "null"}) {
    EXPECT_EQ(post("/sandboxes", std::string(R"({"name":"w","volumes":)") + list + "}").status, 400)
        << list;
  }
}

}  // namespace
}  // namespace ak::api
