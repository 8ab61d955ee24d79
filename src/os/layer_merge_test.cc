#include "os/layer_merge.h"

#include <fcntl.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>

#include <gtest/gtest.h>

#include "base/text.h"
#include "sys/file.h"

namespace ak::os {
namespace {

namespace fs = std::filesystem;

class LayerMergeTest : public ::testing::Test {
 protected:
  LayerMergeTest() {
    char name[] = "/tmp/ak-merge-test-XXXXXX";
    if (::mkdtemp(name) == nullptr) {
      throw std::runtime_error("mkdtemp");
    }
    directory_ = name;
    fs::create_directory(from());
  }

  ~LayerMergeTest() override { fs::remove_all(directory_); }

  fs::path from() const { return directory_ / "from"; }

  fs::path to() const { return directory_ / "to"; }

  Status copy(std::size_t memory) const {
    fs::remove_all(to());
    fs::create_directory(to());
    const auto source = sys::openPath(from(), O_RDONLY | O_DIRECTORY);
    const auto target = sys::openPath(to(), O_RDONLY | O_DIRECTORY);
    LayerMerge merge;
    merge.layers = {source->get()};
    merge.target = target->get();
    merge.xattr = Overlay::Xattr::User;
    merge.memory = memory;
    return mergeLayers(merge);
  }

  void expectBounded(std::size_t needed) const {
    const Status small = copy(64 * 1024);
    ASSERT_FALSE(small);
    EXPECT_EQ(small.error().code, ErrorCode::TooLarge);
    EXPECT_FALSE(small.error().remedy.empty());
    const Status enough = copy(needed);
    EXPECT_TRUE(enough) << enough.error().message;
  }

  fs::path directory_;
};

TEST_F(LayerMergeTest, ManyNamesInOneDirectoryHaveABoundedPrice) {
  for (int i = 0; i < 1000; ++i) {
    std::ofstream(from() / cat("a name of a file ", i));
  }
  expectBounded(256 * 1024);
}

TEST_F(LayerMergeTest, ManyLongPathsHaveABoundedPrice) {
  fs::path deep = from();
  for (int i = 0; i < 10; ++i) {
    deep /= std::string(200, 'd');
  }
  for (int i = 0; i < 100; ++i) {
    fs::create_directories(deep / std::to_string(i));
  }
  expectBounded(512 * 1024);
}

TEST_F(LayerMergeTest, ManyHardLinksHaveABoundedPrice) {
  for (int i = 0; i < 20; ++i) {
    const fs::path directory = from() / std::to_string(i);
    fs::create_directory(directory);
    for (int j = 0; j < 40; ++j) {
      const fs::path file = directory / cat(std::string(100, 'f'), j);
      std::ofstream(file.string()) << "x";
      fs::create_hard_link(file, file.string() + "+");
    }
  }
  expectBounded(512 * 1024);
}

// Names are forgotten with their directory.
TEST_F(LayerMergeTest, ManyDirectoriesOfFewFilesNeedLittle) {
  for (int i = 0; i < 100; ++i) {
    const fs::path directory = from() / std::to_string(i);
    fs::create_directory(directory);
    for (int j = 0; j < 50; ++j) {
      std::ofstream(directory / std::to_string(j));
    }
  }
  const Status copied = copy(64 * 1024);
  EXPECT_TRUE(copied) << copied.error().message;
}

}  // namespace
}  // namespace ak::os
