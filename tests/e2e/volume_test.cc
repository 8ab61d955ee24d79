// Volumes from the command line, through the real programs.
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "scratch_home.h"

namespace ak::e2e {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

class VolumeTest : public ScratchHome {
 protected:
  void TearDown() override {
    for (const char* name : {"it", "kid", "back"}) {
      agentkernel({"rm", name});
    }
    agentkernel({"snapshot", "rm", "snap"});
    ScratchHome::TearDown();
  }

  json inspect(const std::string& slug) const {
    return json::parse(agentkernel({"volume", "inspect", "--json", slug}).out, nullptr, false);
  }

  Finished with(const std::string& volume, const std::string& text) const {
    return agentkernel({"run", "--mount", "none", "-v", volume, "sh", "-c", text});
  }
};

TEST_F(VolumeTest, WhatARunWritesThereIsThereForTheNext) {
  const Finished made = agentkernel({"volume", "create", "data"});
  ASSERT_EQ(made.status, 0) << made.err;
  EXPECT_EQ(made.out, "data\n");
  const Finished wrote = with("data:/data", "echo kept > /data/f");
  ASSERT_EQ(wrote.status, 0) << wrote.err;
  EXPECT_EQ(with("data:/mnt/x:ro", "cat /mnt/x/f").out, "kept\n");
  EXPECT_NE(with("data:/mnt/x:ro", "echo more > /mnt/x/f").status, 0);
  json shown = inspect("data");
  EXPECT_EQ(shown["mount_count"], 3);
  EXPECT_TRUE(shown["last_used"].is_string());
  EXPECT_EQ(agentkernel({"daemon", "restart"}).status, 0);
  shown["used_by"] = json::array();  // the last run's sandbox may still have been ending
  EXPECT_EQ(inspect("data"), shown);
  EXPECT_THAT(agentkernel({"volume", "list"}).out, HasSubstr("data  unlimited  "));
  EXPECT_EQ(agentkernel({"volume", "rm", "data"}).out, "data\n");
  EXPECT_EQ(agentkernel({"volume", "ls", "--json"}).out, "[]\n");
}

TEST_F(VolumeTest, ANamedSandboxKeepsItsVolumesAndIsSeenToUseThem) {
  ASSERT_EQ(agentkernel({"volume", "create", "data"}).status, 0);
  const Finished made = agentkernel({"create", "--mount", "none", "--volume", "data:/data", "it"});
  ASSERT_EQ(made.status, 0) << made.err;
  const auto cat = [this](const std::string& name) {
    return agentkernel({"exec", name, "cat", "/data/f"}).out;
  };
  EXPECT_EQ(agentkernel({"exec", "it", "sh", "-c", "echo kept > /data/f"}).status, 0);
  EXPECT_THAT(agentkernel({"inspect", "it"}).out, HasSubstr("volumes.0: data:/data\n"));
  EXPECT_THAT(agentkernel({"volume", "list"}).out, HasSubstr("  it\n"));
  const Finished refused = agentkernel({"volume", "rm", "-f", "data"});
  EXPECT_EQ(refused.status, 125);
  EXPECT_THAT(refused.err, HasSubstr("in use by sandbox it"));
  EXPECT_EQ(agentkernel({"daemon", "restart"}).status, 0);
  EXPECT_EQ(cat("it"), "kept\n");
  EXPECT_EQ(agentkernel({"resize", "--pids", "300", "it"}).status, 0);
  EXPECT_EQ(cat("it"), "kept\n");
  EXPECT_EQ(agentkernel({"stop", "it"}).status, 0);
  EXPECT_EQ(agentkernel({"volume", "rm", "data"}).status, 125);
  ASSERT_EQ(agentkernel({"fork", "--start", "it", "kid"}).status, 0);
  EXPECT_EQ(cat("kid"), "kept\n");
  ASSERT_EQ(agentkernel({"snapshot", "take", "it", "--name", "snap"}).status, 0);
  ASSERT_EQ(agentkernel({"rm", "it"}).status, 0);
  // Shared, not copied.
  EXPECT_EQ(agentkernel({"exec", "kid", "sh", "-c", "echo new > /data/f"}).status, 0);
  ASSERT_EQ(agentkernel({"snapshot", "restore", "snap", "--as", "back", "--start"}).status, 0);
  EXPECT_EQ(cat("back"), "new\n");
  ASSERT_EQ(agentkernel({"rm", "kid", "back"}).status, 0);
  EXPECT_THAT(agentkernel({"volume", "rm", "data"}).err, HasSubstr("snapshot snap"));
  EXPECT_EQ(agentkernel({"snapshot", "rm", "snap"}).status, 0);
  EXPECT_EQ(agentkernel({"volume", "rm", "data"}).status, 0);
  const std::string log = agentkernel({"audit", "--last", "100", "--json"}).out;
  for (const char* event : {"\"volume_created\"", "\"volume_removed\"", "\"data:/data\""}) {
    EXPECT_TRUE(log.contains(event)) << event;
  }
}

TEST_F(VolumeTest, MistakesAreNamedAndLeaveNothing) {
  ASSERT_EQ(agentkernel({"volume", "create", "data"}).status, 0);
  const auto fails = [&](Words words, int status, std::string_view why) {
    const Finished finished = agentkernel(std::move(words));
    EXPECT_EQ(finished.status, status) << finished.err;
    EXPECT_THAT(finished.err, HasSubstr(why));
  };
  const auto run = [](const std::string& volume) {
    return Words{"run", "--mount", "none", "--volume", volume, "true"};
  };
  fails(run("none:/data"), 125, "Volume 'none' not found");
  fails(run("none:/data"), 125, "Create it with: agentkernel volume create none");
  fails(run("data"), 125, "SLUG:/PATH");
  fails(run("data:/data:rw"), 125, "SLUG:/PATH:ro");
  fails(run("data:/workspace/x"), 125, "/workspace is the sandbox's own");
  fails(run("data:/usr/local/x"), 125, "read-only part of image host");
  fails({"create", "--mount", "none", "-v", "data:/a", "-v", "data:/a/b", "it"}, 125, "same path");
  fails({"create", "--mount", "none", "-v", "gone:/a", "it"}, 125, "Volume 'gone' not found");
  fails({"inspect", "it"}, 125, "no sandbox named 'it'");
  fails({"volume", "create", "data"}, 125, "a volume named 'data' exists");
  fails({"volume", "create", "a/b"}, 125, "cannot be a volume's name");
  fails({"volume", "create", "x", "--size", "-1gb"}, 125, "is not a size");
  fails({"volume", "create", "x", "--size", "nan"}, 125, "is not a size");
  fails({"volume", "rm", "x"}, 125, "Volume 'x' not found");
  EXPECT_EQ(agentkernel({"volume", "rm", "--force", "x"}).status, 0);
  EXPECT_EQ(agentkernel({"volume", "delete", "data"}).status, 0);
}

}  // namespace
}  // namespace ak::e2e
