// The stack of writable layers as we read it, against what the kernel shows of it.
#include "manager/upper_stack.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>

#include <gtest/gtest.h>

#include "base/text.h"
#include "manager/changes.h"
#include "os/layer_merge.h"
#include "os/mount.h"
#include "sys/file.h"

namespace ak::manager {
namespace {

namespace fs = std::filesystem;

using Seen = std::map<std::string, std::string>;

// Every path with its kind and content; with `Attributes` also owner and mode.
enum class Look : bool { Content, Attributes };

Seen lookAtTree(const fs::path& top, Look look) {
  Seen seen;
  for (const auto& entry : fs::recursive_directory_iterator(top)) {
    const std::string path = entry.path().lexically_relative(top);
    struct stat info{};
    EXPECT_EQ(::lstat(entry.path().c_str(), &info), 0);
    std::string text = "special";
    if (S_ISDIR(info.st_mode)) {
      text = "directory";
    } else if (S_ISLNK(info.st_mode)) {
      text = "-> " + fs::read_symlink(entry.path()).string();
    } else if (S_ISREG(info.st_mode)) {
      std::ifstream in(entry.path());
      text = std::string(std::istreambuf_iterator<char>(in), {});
    }
    if (look == Look::Attributes) {
      text += cat(" ", info.st_uid, ":", info.st_gid, " ", info.st_mode & 07777U);
    }
    seen[path] = std::move(text);
  }
  return seen;
}

// Layers that a kernel's overlay filled one after the other, each above those before it.
class LayerStack {
 public:
  LayerStack() {
    char name[] = "/tmp/ak-stack-XXXXXX";
    top_ = ::mkdtemp(name);
    fs::create_directory(top_ / "host");
  }

  ~LayerStack() { fs::remove_all(top_); }

  LayerStack(const LayerStack&) = delete;
  LayerStack& operator=(const LayerStack&) = delete;

  fs::path host() const { return top_ / "host"; }

  fs::path at(const std::string& name) const { return top_ / name; }

  // An overlay of these layers above the host's; a new top layer takes what is written.
  sys::OwnedFd mount(const std::vector<std::string>& lowers, const std::string& upper) {
    std::vector<sys::OwnedFd> mounts;
    os::Overlay overlay;
    for (const std::string& name : lowers) {
      add(top_ / name, mounts, overlay);
    }
    add(host(), mounts, overlay);
    fs::create_directories(top_ / upper);
    fs::create_directories(top_ / (upper + ".work"));
    const sys::OwnedFd whole = *sys::openPath(top_, O_PATH | O_DIRECTORY);
    const sys::OwnedFd writable = *os::cloneTree(whole.get(), os::Access::ReadWrite);
    const sys::OwnedFd upper_fd = *sys::openAt(writable.get(), upper, O_PATH);
    const sys::OwnedFd work_fd = *sys::openAt(writable.get(), upper + ".work", O_PATH);
    overlay.upper = upper_fd.get();
    overlay.work = work_fd.get();
    auto mounted = os::makeOverlay(overlay);
    EXPECT_TRUE(mounted) << mounted.error().message;
    return std::move(*mounted);
  }

  // A new layer above all others, written by `work` through the overlay.
  void layer(const std::function<void(const fs::path&)>& work) {
    const std::string name = cat("layer", layers.size());
    const sys::OwnedFd mounted = mount(layers, name);
    work(cat("/proc/self/fd/", mounted.get()));
    layers.insert(layers.begin(), name);
  }

  Seen shown(const std::vector<std::string>& some, Look look) {
    const sys::OwnedFd mounted = mount(some, cat("look", ++looks_));
    return lookAtTree(cat("/proc/self/fd/", mounted.get()), look);
  }

  std::vector<sys::OwnedFd> open(const std::vector<std::string>& some) const {
    std::vector<sys::OwnedFd> fds;
    for (const std::string& name : some) {
      fds.push_back(*sys::openPath(top_ / name, O_RDONLY | O_DIRECTORY));
    }
    return fds;
  }

  std::vector<std::string> layers;  // top first

 private:
  static void add(const fs::path& path, std::vector<sys::OwnedFd>& mounts, os::Overlay& overlay) {
    const sys::OwnedFd fd = *sys::openPath(path, O_PATH | O_DIRECTORY);
    mounts.push_back(*os::cloneTree(fd.get(), os::Access::ReadOnly));
    overlay.lower.push_back({mounts.back().get(), ""});
  }

  fs::path top_;
  int looks_ = 0;
};

void put(const fs::path& path, const std::string& text) {
  std::error_code ignored;
  fs::create_directories(path.parent_path(), ignored);
  std::ofstream(path) << text;
}

class UpperStackTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0 || !os::overlayTakesDetachedLayers(os::Overlay::Xattr::Trusted)) {
      GTEST_SKIP() << "mounting overlays of detached layers needs root and Linux 6.15";
    }
  }

  // What we list as changed, taken into the host's directory, makes it what the guest sees.
  static void expectAsTheKernelShows(LayerStack& stack) {
    const Seen expected = stack.shown(stack.layers, Look::Content);
    const std::vector<sys::OwnedFd> uppers = stack.open(stack.layers);
    const sys::OwnedFd host = *sys::openPath(stack.host(), O_RDONLY | O_DIRECTORY);
    ChangeTrees trees{{}, {host.get()}};
    for (const sys::OwnedFd& upper : uppers) {
      trees.uppers.push_back({upper.get()});
    }
    const auto changes = listChanges(trees);
    ASSERT_TRUE(changes) << changes.error().message;
    ApplyOptions options;
    options.is_protected = [](const std::string&) { return false; };
    options.take_protected = true;
    const auto applied = applyChanges(trees, *changes, options);
    ASSERT_TRUE(applied) << applied.error().message;
    EXPECT_EQ(lookAtTree(stack.host(), Look::Content), expected);
  }

  // One layer made of all of them shows the same, owners and modes included.
  static void expectOneLayerShowsTheSame(LayerStack& stack, os::LayerMerge::Content content) {
    const std::vector<sys::OwnedFd> opened = stack.open(stack.layers);
    fs::create_directory(stack.at("merged"));
    const sys::OwnedFd target = *sys::openPath(stack.at("merged"), O_RDONLY | O_DIRECTORY);
    os::LayerMerge merge;
    for (const sys::OwnedFd& layer : opened) {
      merge.layers.push_back(layer.get());
    }
    const sys::OwnedFd host = *sys::openPath(stack.host(), O_RDONLY | O_DIRECTORY);
    merge.base = {host.get()};
    merge.target = target.get();
    merge.content = content;
    const Status merged = os::mergeLayers(merge);
    ASSERT_TRUE(merged) << merged.error().message;
    EXPECT_EQ(stack.shown({"merged"}, Look::Attributes),
              stack.shown(stack.layers, Look::Attributes));
    fs::remove_all(stack.at("merged"));
  }

  static void expectAll(LayerStack& stack) {
    expectOneLayerShowsTheSame(stack, os::LayerMerge::Content::Copy);
    expectOneLayerShowsTheSame(stack, os::LayerMerge::Content::Link);
    expectAsTheKernelShows(stack);
  }
};

TEST_F(UpperStackTest, AWhiteoutHidesWhatLayersBelowHave) {
  LayerStack stack;
  put(stack.host() / "d/host", "h");
  stack.layer([](const fs::path& top) { put(top / "d/first", "1"); });
  stack.layer([](const fs::path& top) { fs::remove_all(top / "d"); });
  stack.layer([](const fs::path& top) { put(top / "d/third", "3"); });
  expectAll(stack);
}

TEST_F(UpperStackTest, AnOpaqueDirectoryInTheMiddleHidesAllBelowIt) {
  LayerStack stack;
  put(stack.host() / "d/sub/host", "h");
  put(stack.host() / "d/host", "h");
  stack.layer([](const fs::path& top) { put(top / "d/first", "1"); });
  stack.layer([](const fs::path& top) {
    fs::remove_all(top / "d");
    put(top / "d/sub/second", "2");
  });
  stack.layer([](const fs::path& top) { put(top / "d/sub/third", "3"); });
  expectAll(stack);
}

TEST_F(UpperStackTest, WhatIsBelowADirectoryThatWasMadeAnewIsHiddenAtAnyDepth) {
  LayerStack stack;
  put(stack.host() / "d/e/f/host", "h");
  stack.layer([](const fs::path& top) {
    fs::remove_all(top / "d");
    put(top / "d/e/f/guest", "g");  // only d is marked opaque
  });
  expectAll(stack);
}

TEST_F(UpperStackTest, AFileReplacedByADirectoryAndBack) {
  LayerStack stack;
  put(stack.host() / "a", "host");
  put(stack.host() / "b/x", "host");
  stack.layer([](const fs::path& top) {
    fs::remove(top / "a");
    put(top / "a/in", "1");
    fs::remove_all(top / "b");
    put(top / "b", "1");
  });
  stack.layer([](const fs::path& top) {
    fs::remove_all(top / "a");
    put(top / "a", "2");
    fs::remove(top / "b");
    put(top / "b/y", "2");
  });
  expectAll(stack);
}

TEST_F(UpperStackTest, OwnersModesLinksAndSpecialFilesAreKept) {
  LayerStack stack;
  put(stack.host() / "d/x", "host");
  stack.layer([](const fs::path& top) {
    put(top / "d/own", "1");
    ASSERT_EQ(::chown((top / "d/own").c_str(), 34, 35), 0);
    ASSERT_EQ(::chmod((top / "d/own").c_str(), 04751), 0);
    ASSERT_EQ(::chown((top / "d").c_str(), 36, 37), 0);
    ASSERT_EQ(::chmod((top / "d").c_str(), 01770), 0);
    fs::create_symlink("own", top / "d/link");
    ASSERT_EQ(::lchown((top / "d/link").c_str(), 38, 39), 0);
    ASSERT_EQ(::mkfifo((top / "d/pipe").c_str(), 0640), 0);
  });
  stack.layer([](const fs::path& top) {
    put(top / "d/more", "2");
    fs::create_hard_link(top / "d/more", top / "d/same");
    ASSERT_EQ(::setxattr((top / "d/more").c_str(), "user.mark", "kept", 4, 0), 0);
  });
  expectOneLayerShowsTheSame(stack, os::LayerMerge::Content::Link);
  const std::vector<sys::OwnedFd> one = stack.open({stack.layers.front()});
  fs::create_directory(stack.at("copy"));
  const sys::OwnedFd target = *sys::openPath(stack.at("copy"), O_RDONLY | O_DIRECTORY);
  os::LayerMerge merge;
  merge.layers = {one[0].get()};
  merge.target = target.get();
  ASSERT_TRUE(os::mergeLayers(merge));
  struct stat first{};
  struct stat second{};
  ASSERT_EQ(::stat((stack.at("copy") / "d/more").c_str(), &first), 0);
  ASSERT_EQ(::stat((stack.at("copy") / "d/same").c_str(), &second), 0);
  EXPECT_EQ(first.st_ino, second.st_ino);
  char value[8];
  EXPECT_EQ(::getxattr((stack.at("copy") / "d/more").c_str(), "user.mark", value, 8), 4);
}

// A guest's own attributes with the kernel's names are data in a privileged mount, and stay that.
TEST_F(UpperStackTest, AttributesThatAGuestSetMeanNothing) {
  LayerStack stack;
  put(stack.host() / "d/host", "h");
  put(stack.host() / "secret/key", "k");
  stack.layer([](const fs::path& top) {
    put(top / "d/guest", "g");
    for (const char* name : {"user.overlay.opaque", "user.overlay.redirect",
                             "user.overlay.metacopy", "user.overlay.whiteout"}) {
      (void)::setxattr((top / "d").c_str(), name, "y", 1, 0);
      (void)::setxattr((top / "d/guest").c_str(), name, "/secret/key", 11, 0);
    }
    (void)::setxattr((top / "d").c_str(), "user.overlay.redirect", "/secret", 7, 0);
  });
  const Seen seen = stack.shown(stack.layers, Look::Content);
  EXPECT_EQ(seen.at("d/host"), "h");
  EXPECT_EQ(seen.at("d/guest"), "g");
  EXPECT_FALSE(seen.contains("d/key"));
  expectAll(stack);
}

// Whatever a guest does in whatever order.
TEST_F(UpperStackTest, RandomHistoriesAreSeenAsTheKernelShowsThem) {
  for (unsigned seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    const auto pick = [&](unsigned most) { return static_cast<unsigned>(random() % most); };
    const auto somewhere = [&] {
      std::string path = cat("n", pick(3));
      for (unsigned depth = pick(4); depth > 0; --depth) {
        path += cat("/n", pick(3));
      }
      return path;
    };
    const auto act = [&](const fs::path& top) {
      std::error_code ignored;  // many wishes make no sense where they meet
      const fs::path path = top / somewhere();
      switch (pick(8)) {
        case 0:
        case 1:
        case 2:
          put(path, cat(random()));
          break;
        case 3:
          fs::create_directories(path, ignored);
          break;
        case 4:
        case 5:
          fs::remove_all(path, ignored);
          break;
        case 6:
          fs::create_symlink(somewhere(), path, ignored);
          break;
        default:
          fs::rename(path, top / somewhere(), ignored);
      }
    };
    LayerStack stack;
    for (int i = 0; i < 30; ++i) {
      act(stack.host());
    }
    for (int layer = 0; layer < 4; ++layer) {
      stack.layer([&](const fs::path& top) {
        for (int i = 0; i < 12; ++i) {
          act(top);
        }
      });
    }
    expectAll(stack);
    if (HasFailure()) {
      break;
    }
  }
}

}  // namespace
}  // namespace ak::manager
