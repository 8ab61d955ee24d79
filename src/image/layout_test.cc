// Images in OCI layouts and docker-archives, made by hand and by the usual tools.
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cstdlib>

#include "crypto/sha256.h"
#include "image/oci_json.h"
#include "image/test_support.h"
#include "image/test_tar.h"

namespace ak::image {
namespace {

using testing::exists;
using testing::must;
using testing::openStore;
using testing::readText;
using testing::storeOptions;
using testing::TarWriter;
using testing::TempDirectory;
using testing::writeText;

constexpr const char* kConfigType = "application/vnd.oci.image.config.v1+json";
constexpr const char* kLayerType = "application/vnd.oci.image.layer.v1.tar";

// An OCI layout directory of uncompressed layers.
class Layout {
 public:
  explicit Layout(std::string path) : path_(std::move(path)) {
    writeText(path_ + "/oci-layout", R"({"imageLayoutVersion":"1.0.0"})");
  }

  std::string blob(std::string_view bytes) {
    const std::string hex = crypto::sha256Hex(bytes);
    writeText(path_ + "/blobs/sha256/" + hex, bytes);
    return hex;
  }

  static std::string descriptor(const char* type,
                                std::string_view bytes,
                                std::string_view more = "") {
    return cat(R"({"mediaType":")", type, R"(","digest":"sha256:)", crypto::sha256Hex(bytes),
               R"(","size":)", bytes.size(), more, "}");
  }

  static std::string config(const std::vector<std::string>& layers, std::string_view architecture) {
    std::vector<std::string> ids;
    for (const std::string& layer : layers) {
      ids.push_back(cat("\"sha256:", crypto::sha256Hex(layer), "\""));
    }
    return cat(
        R"({"os":"linux","architecture":")", architecture,
        R"(","config":{"Env":["PATH=/bin","A=b","broken"],"WorkingDir":"/srv","User":"1000",)",
        R"("Entrypoint":["/bin/tool"],"Cmd":null},"rootfs":{"type":"layers","diff_ids":[)",
        join(ids, ","), "]}}");
  }

  // The manifest's text.
  std::string image(const std::vector<std::string>& layers,
                    std::string_view architecture = machineArchitecture()) {
    std::vector<std::string> descriptors;
    for (const std::string& layer : layers) {
      blob(layer);
      descriptors.push_back(descriptor(kLayerType, layer));
    }
    const std::string text = config(layers, architecture);
    blob(text);
    std::string manifest = cat(R"({"schemaVersion":2,"config":)", descriptor(kConfigType, text),
                               R"(,"layers":[)", join(descriptors, ","), "]}");
    blob(manifest);
    return manifest;
  }

  void index(const std::vector<std::string>& entries) {
    writeText(path_ + "/index.json",
              cat(R"({"schemaVersion":2,"manifests":[)", join(entries, ","), "]}"));
  }

  void single(const std::string& manifest) {
    index({descriptor("application/vnd.oci.image.manifest.v1+json", manifest)});
  }

 private:
  std::string path_;
};

class LayoutTest : public ::testing::Test {
 protected:
  LayoutTest() : store_(openStore(storeOptions(directory_ / "store"))) {}

  static int run(const std::string& command) { return std::system(command.c_str()); }

  static bool have(const char* program) {
    return run(cat("command -v ", program, " > /dev/null")) == 0;
  }

  std::size_t layerCount() const {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(directory_ / "store/layers")) {
      (void)entry;
      ++count;
    }
    return count;
  }

  ErrorCode importError(const std::string& path) {
    const auto result = store_->import(path, "bad");
    EXPECT_FALSE(result);
    EXPECT_TRUE(std::filesystem::is_empty(directory_ / "store/staging"));
    return result ? ErrorCode::Internal : result.error().code;
  }

  const std::string base_ = TarWriter()
                                .file("base/kept", "1")
                                .file("base/gone", "1")
                                .file("dir/old", "1")
                                .directory("bin")
                                .finish();
  const std::string upper_ = TarWriter()
                                 .file("base/.wh.gone", "")
                                 .file("dir/.wh..wh..opq", "")
                                 .file("dir/new", "2")
                                 .finish();
  TempDirectory directory_;
  std::unique_ptr<ImageStore> store_;
};

TEST_F(LayoutTest, ReadsConfigurationAndLayers) {
  Layout layout(directory_ / "oci");
  layout.single(layout.image({base_, upper_}));
  const ImageInfo info = must(store_->import(directory_ / "oci", "example.org:5000/team/app:v1"));
  EXPECT_EQ(info.layers, 2U);
  const ResolvedImage image = must(store_->resolve("example.org:5000/team/app:v1"));
  EXPECT_EQ(image.digest,
            "sha256:" + crypto::sha256Hex(Layout::config({base_, upper_}, machineArchitecture())));
  EXPECT_EQ(image.environment, (std::vector<std::string>{"PATH=/bin", "A=b"}));
  EXPECT_EQ(image.workdir, "/srv");
  EXPECT_EQ(image.user, "1000");
  EXPECT_EQ(image.entrypoint, std::vector<std::string>{"/bin/tool"});
  EXPECT_TRUE(image.command.empty());
  ASSERT_EQ(image.root.layers.size(), 2U);
  EXPECT_TRUE(exists(image.root.layers[0].path + "/dir/new")) << "the lowest layer is last";
  EXPECT_TRUE(exists(image.root.layers[1].path + "/dir/old"));
}

TEST_F(LayoutTest, LayersAreSharedAndPrunedWhenNothingNeedsThem) {
  Layout one(directory_ / "one");
  one.single(one.image({base_}));
  Layout two(directory_ / "two");
  two.single(two.image({base_, upper_}));
  const ImageInfo first = must(store_->import(directory_ / "one", "one"));
  const auto inode = must(store_->resolve("one")).root.layers[0].inode;
  must(store_->import(directory_ / "two", "two"));
  EXPECT_EQ(layerCount(), 2U);
  EXPECT_EQ(must(store_->resolve("two")).root.layers[1].inode, inode);
  must(store_->import(directory_ / "two", "two"));
  EXPECT_EQ(must(store_->list()).size(), 2U);

  const auto refused = store_->remove("one", {first.digest});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::Conflict);
  ASSERT_TRUE(store_->remove("two", {}));
  EXPECT_EQ(layerCount(), 1U);
  ASSERT_TRUE(store_->remove(first.digest.substr(7, 12), {}));
  EXPECT_EQ(layerCount(), 0U);
  EXPECT_EQ(store_->resolve("one").error().code, ErrorCode::NotFound);
}

TEST_F(LayoutTest, AReplacedNameLeavesAnImageForPrune) {
  Layout one(directory_ / "one");
  one.single(one.image({base_}));
  Layout two(directory_ / "two");
  two.single(two.image({upper_}));
  const ImageInfo old = must(store_->import(directory_ / "one", "app"));
  must(store_->import(directory_ / "two", "app"));
  EXPECT_EQ(must(store_->list()).size(), 2U);
  EXPECT_TRUE(must(store_->prune({old.digest})).removed.empty());
  const PruneResult pruned = must(store_->prune({}));
  EXPECT_EQ(pruned.removed, std::vector<std::string>{old.digest});
  EXPECT_EQ(pruned.freed_bytes, 3U);
  EXPECT_EQ(layerCount(), 1U);
}

TEST_F(LayoutTest, WrongDigestsAndSizesAreRefused) {
  for (const char* victim : {"layer", "config", "manifest"}) {
    const std::string path = directory_ / cat("oci-", victim);
    Layout layout(path);
    const std::string manifest = layout.image({base_});
    layout.single(manifest);
    const std::string text = std::string_view(victim) == "layer" ? base_
                             : std::string_view(victim) == "config"
                                 ? Layout::config({base_}, machineArchitecture())
                                 : manifest;
    // Still well-formed, one byte more.
    const std::string changed = std::string_view(victim) == "layer" ? text + '\0' : text + " ";
    writeText(cat(path, "/blobs/sha256/", crypto::sha256Hex(text)), changed);
    EXPECT_EQ(importError(path), ErrorCode::Protocol) << victim;
  }
  // The configuration names another content than the manifest's layer.
  Layout layout(directory_ / "mixed");
  layout.image({base_});
  layout.blob(upper_);
  const std::string config = Layout::config({base_}, machineArchitecture());
  const std::string manifest = cat(R"({"config":)", Layout::descriptor(kConfigType, config),
                                   R"(,"layers":[)", Layout::descriptor(kLayerType, upper_), "]}");
  layout.blob(manifest);
  layout.single(manifest);
  EXPECT_EQ(importError(directory_ / "mixed"), ErrorCode::Protocol);
  EXPECT_EQ(layerCount(), 0U);
}

TEST_F(LayoutTest, ChoosesThisMachinesPlatform) {
  Layout layout(directory_ / "oci");
  constexpr const char* kType = "application/vnd.oci.image.manifest.v1+json";
  const std::string other = layout.image({upper_}, "s390x");
  const std::string ours = layout.image({base_});
  const std::string index = cat(
      R"({"manifests":[)",
      Layout::descriptor(kType, other, R"(,"platform":{"os":"linux","architecture":"s390x"})"), ",",
      Layout::descriptor(
          kType, ours,
          cat(R"(,"platform":{"os":"linux","architecture":")", machineArchitecture(), R"("})")),
      "]}");
  layout.blob(index);
  layout.index({Layout::descriptor("application/vnd.oci.image.index.v1+json", index)});
  must(store_->import(directory_ / "oci", "multi"));
  EXPECT_TRUE(exists(must(store_->resolve("multi")).root.layers[0].path + "/base/kept"));

  layout.single(other);
  EXPECT_EQ(importError(directory_ / "oci"), ErrorCode::Unsupported);
  layout.index({Layout::descriptor(kType, ours), Layout::descriptor(kType, other)});
  EXPECT_EQ(importError(directory_ / "oci"), ErrorCode::InvalidArgument);
}

TEST_F(LayoutTest, HostileDocumentsAreErrors) {
  for (const char* text :
       {"", "{", "[]", "{\"manifests\":{}}", "{\"manifests\":[{}]}",
        "{\"manifests\":[{\"digest\":\"sha256:../../../etc/passwd\",\"size\":1}]}",
        "{\"manifests\":[{\"digest\":\"md5:00\",\"size\":1}]}",
        "{\"manifests\":[{\"digest\":7,\"size\":-1}]}"}) {
    writeText(directory_ / "oci/oci-layout", "{}");
    writeText(directory_ / "oci/index.json", text);
    EXPECT_NE(importError(directory_ / "oci"), ErrorCode::Internal) << text;
  }
}

TEST_F(LayoutTest, BlobsThatAreLinksToOutsideAreNotRead) {
  Layout layout(directory_ / "oci");
  const std::string manifest = layout.image({base_});
  layout.single(manifest);
  const std::string blob = directory_ / cat("oci/blobs/sha256/", crypto::sha256Hex(base_));
  std::filesystem::rename(blob, directory_ / "outside");
  std::filesystem::create_symlink(directory_ / "outside", blob);
  EXPECT_NE(importError(directory_ / "oci"), ErrorCode::Internal);
}

TEST_F(LayoutTest, DockerArchiveWithLinkedLayers) {
  const std::string config = Layout::config({base_, upper_}, machineArchitecture());
  const std::string archive =
      TarWriter()
          .file("config.json", config)
          .file("a/layer.tar", base_)
          .file("store/b.tar", upper_)
          .symlink("b/layer.tar", "../store/b.tar")
          .file(
              "manifest.json",
              R"([{"Config":"config.json","RepoTags":["x:1"],"Layers":["a/layer.tar","b/layer.tar"]}])")
          .finish();
  writeText(directory_ / "docker.tar", archive);
  must(store_->import(directory_ / "docker.tar", "docker"));
  const ResolvedImage image = must(store_->resolve("docker:latest"));
  EXPECT_EQ(image.digest, "sha256:" + crypto::sha256Hex(config));
  EXPECT_EQ(image.root.layers.size(), 2U);
  EXPECT_EQ(layerCount(), 2U) << "the archive itself is no layer";

  const std::string hostile =
      TarWriter()
          .file("config.json", config)
          .symlink("a", "/etc/passwd")
          .file("manifest.json", R"([{"Config":"config.json","Layers":["a","../../b"]}])")
          .finish();
  writeText(directory_ / "hostile.tar", hostile);
  ASSERT_TRUE(store_->remove("docker", {}));
  EXPECT_NE(importError(directory_ / "hostile.tar"), ErrorCode::Internal);
}

// What overlayfs makes of our whiteouts and marks, in a mount namespace of its own.
TEST_F(LayoutTest, OverlayHonoursWhiteoutsAndOpaqueDirectories) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "mounting overlayfs here needs root";
  }
  Layout layout(directory_ / "oci");
  layout.single(layout.image({base_, upper_}));
  must(store_->import(directory_ / "oci", "app"));
  const ResolvedImage image = must(store_->resolve("app"));
  const std::string merged = directory_ / "merged";
  std::filesystem::create_directory(merged);
  const pid_t child = ::fork();
  if (child == 0) {
    const std::string options =
        cat("lowerdir=", image.root.layers[0].path, ":", image.root.layers[1].path);
    if (::unshare(CLONE_NEWNS) != 0 ||
        ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("overlay", merged.c_str(), "overlay", MS_RDONLY, options.c_str()) != 0) {
      ::_exit(100);
    }
    const bool right = exists(merged + "/base/kept") && !exists(merged + "/base/gone") &&
                       exists(merged + "/dir/new") && !exists(merged + "/dir/old");
    ::_exit(right ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  if (WEXITSTATUS(status) == 100) {
    GTEST_SKIP() << "no overlayfs here";
  }
  EXPECT_EQ(status, 0);
}

TEST_F(LayoutTest, ReadsWhatUmociAndSkopeoWrite) {
  if (!have("umoci") || !have("skopeo") || !have("busybox")) {
    GTEST_SKIP() << "needs umoci, skopeo and busybox";
  }
  const std::string script =
      cat("exec >log 2>&1; cd ", directory_.path(),
          " && mkdir -p rootfs/bin && cp $(command -v busybox) rootfs/bin/busybox"
          " && ln -s busybox rootfs/bin/sh"
          " && umoci init --layout made && umoci new --image made:v1"
          " && umoci insert --image made:v1 rootfs/bin /bin"
          " && umoci config --image made:v1 --config.workingdir /bin"
          " && skopeo copy --insecure-policy oci:made:v1 docker-archive:docker.tar:made:v1"
          " && skopeo copy --insecure-policy oci:made:v1 oci-archive:oci.tar");
  ASSERT_EQ(run(cat("cd ", directory_.path(), " && sh -c '", script, "'")), 0)
      << readText(directory_ / "log");
  const ImageInfo layout = must(store_->import(directory_ / "made", "layout"));
  for (const char* archive : {"docker.tar", "oci.tar"}) {
    EXPECT_EQ(must(store_->import(directory_ / archive, "archive")).layers, layout.layers)
        << archive;
  }
  EXPECT_EQ(layerCount(), layout.layers) << "all three share their layers";
  const ResolvedImage image = must(store_->resolve("archive"));
  EXPECT_EQ(image.workdir, "/bin");
  bool found = false;
  for (const model::HostPath& layer : image.root.layers) {
    found = found || exists(layer.path + "/bin/busybox");
  }
  EXPECT_TRUE(found);
}

}  // namespace
}  // namespace ak::image
