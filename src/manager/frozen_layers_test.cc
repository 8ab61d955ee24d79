#include "manager/frozen_layers.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

namespace ak::manager {
namespace {

namespace fs = std::filesystem;

class FrozenLayersTest : public ::testing::Test {
 protected:
  FrozenLayersTest() {
    char name[] = "/tmp/ak-frozen-XXXXXX";
    state_ = ::mkdtemp(name);
    fs::create_directories(state_ / "sandboxes/u/layer/root");
    fs::create_directories(state_ / "layers");
    std::ofstream(state_ / "sandboxes/u/layer/root/f") << "precious";
    freeze_ = {state_, "u", "l"};
  }

  ~FrozenLayersTest() override { fs::remove_all(state_); }

  void expectFrozen() const {
    EXPECT_TRUE(fs::exists(state_ / "layers/l/root/f"));
    EXPECT_TRUE(fs::is_empty(state_ / "sandboxes/u/layer"));
    EXPECT_FALSE(fs::exists(state_ / "sandboxes/u/layer.l"));
  }

  fs::path state_;
  Freeze freeze_;
};

TEST_F(FrozenLayersTest, FinishingIsOnceAndAsOftenAsOneLikes) {
  ASSERT_TRUE(prepareFreeze(freeze_));
  ASSERT_TRUE(finishFreeze(freeze_));
  expectFrozen();
  std::ofstream(state_ / "sandboxes/u/layer/new") << "of the next one";
  ASSERT_TRUE(finishFreeze(freeze_));
  EXPECT_TRUE(fs::exists(state_ / "sandboxes/u/layer/new"));
  EXPECT_TRUE(fs::exists(state_ / "layers/l/root/f"));
}

TEST_F(FrozenLayersTest, ACrashBetweenTheRenamesIsFinished) {
  ASSERT_TRUE(prepareFreeze(freeze_));
  fs::rename(state_ / "sandboxes/u/layer", state_ / "layers/l");
  ASSERT_TRUE(finishFreeze(freeze_));
  expectFrozen();
}

TEST_F(FrozenLayersTest, AnAbandonedOneLeavesNothing) {
  ASSERT_TRUE(prepareFreeze(freeze_));
  ASSERT_TRUE(prepareFreeze(freeze_));  // tried again
  ASSERT_TRUE(abandonFreeze(freeze_));
  EXPECT_TRUE(fs::exists(state_ / "sandboxes/u/layer/root/f"));
  EXPECT_TRUE(fs::is_empty(state_ / "layers"));
  ASSERT_TRUE(prepareFreeze(freeze_));
  ASSERT_TRUE(removeAbandoned(state_, "u"));
  EXPECT_FALSE(fs::exists(state_ / "sandboxes/u/layer.l"));
}

TEST_F(FrozenLayersTest, NothingIsEverFrozenOntoALayerThatHoldsSomething) {
  ASSERT_TRUE(prepareFreeze(freeze_));
  std::ofstream(state_ / "layers/l/file") << "another's";
  EXPECT_FALSE(finishFreeze(freeze_));
  EXPECT_TRUE(fs::exists(state_ / "sandboxes/u/layer/root/f"));
  EXPECT_TRUE(fs::exists(state_ / "layers/l/file"));
}

TEST_F(FrozenLayersTest, OwnWritesAreFilesOrAnotherRootDirectory) {
  const std::string directory = state_ / "sandboxes/u";
  const std::string below = state_ / "below";
  fs::create_directories(state_ / "below/root");
  EXPECT_TRUE(*hasOwnWrites(directory, below));
  fs::remove(state_ / "sandboxes/u/layer/root/f");
  EXPECT_FALSE(*hasOwnWrites(directory, below));
  EXPECT_TRUE(*hasOwnWrites(directory, ""));  // its mode is not known from anywhere else
  ASSERT_EQ(::chmod((state_ / "sandboxes/u/layer/root").c_str(), 0700), 0);
  EXPECT_TRUE(*hasOwnWrites(directory, below));
  fs::remove(state_ / "sandboxes/u/layer/root");
  EXPECT_FALSE(*hasOwnWrites(directory, below));  // never started
  fs::create_directories(state_ / "sandboxes/u/layer/work");
  EXPECT_FALSE(*hasOwnWrites(directory, below));
  std::ofstream(state_ / "sandboxes/u/layer/work/x") << "1";
  EXPECT_TRUE(*hasOwnWrites(directory, below));
}

TEST_F(FrozenLayersTest, AMissingLayerIsNamed) {
  const auto paths = frozenHostPaths(state_, {"gone"});
  ASSERT_FALSE(paths);
  EXPECT_NE(paths.error().message.find("gone"), std::string::npos) << paths.error().message;
}

}  // namespace
}  // namespace ak::manager
