#include "model/box_codec.h"

#include <gtest/gtest.h>

namespace ak::model {
namespace {

LauncherRequest fullStart() {
  LauncherRequest request;
  request.op = LauncherOp::Start;
  request.serial = 77;
  request.spec.id = "box-0001";
  request.spec.ids = {1'000'000, 65536};
  request.spec.root.layers = {{"/store/a", 1, 2}, {"/store/b", 3, 4}};
  request.spec.root.binds = {{{"/usr", 5, 6}, "/usr"}};
  request.spec.root.writable = {"/named/x", 7, 8};
  request.spec.root.read_only = true;
  request.spec.network = NetworkMode::Full;
  request.spec.limits = {1 << 20, 50, 64, 1 << 22, true, false, true, true};
  request.spec.base_filter = std::string(64, '\0');
  request.spec.agent_capabilities = 0x1ff;
  request.spec.one_shot = false;
  request.identity.hostname = "web";
  request.identity.workspace = {WorkspaceMode::ReadWrite, {"/p", 9, 10}, "/w", 1000, 1001,
                                {".git/hooks", ".envrc"}, {".aws"},      true};
  request.spec.root.frozen = {{"/frozen/a", 11, 12}, {"/frozen/b", 13, 14}};
  request.identity.workspace.frozen = {{"/frozen/c", 15, 16}};
  request.identity.volumes = {{{"/volumes/a", 17, 18}, "/data", true},
                              {{"/volumes/b", 19, 20}, "/srv/b", false}};
  return request;
}

TEST(BoxCodecTest, StartComesBackAsItWas) {
  const LauncherRequest request = fullStart();
  const auto back = decodeLauncherRequest(encode(request));
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(*back, request);
}

TEST(BoxCodecTest, DefaultsThatAreNotZeroSurvive) {
  LauncherRequest request;
  request.op = LauncherOp::Park;
  const auto back = decodeLauncherRequest(encode(request));
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(*back, request);
}

TEST(BoxCodecTest, ARequestWithoutAnythingComesBack) {
  LauncherRequest request;
  request.op = LauncherOp::Try;
  request.serial = 7;
  const auto back = decodeLauncherRequest(encode(request));
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(*back, request);
}

TEST(BoxCodecTest, RepliesComeBackAsTheyWere) {
  LauncherReply reply;
  reply.op = LauncherOp::Hello;
  reply.serial = 3;
  reply.version = kLauncherVersion;
  reply.launcher_pid = 42;
  reply.live = {"box-0001"};
  reply.parked = {"box-0002", "box-0003"};
  reply.started = {
      9, 10, {{"memory", "cgroup-v1", ""}, {"disk", "unenforced", "Do this."}}, {1, 2, 3, 4}};
  reply.stats = {5, 6, 7};
  reply.ids = {1000, 1};
  reply.removed = {"box-0009"};
  reply.default_limits = {{"cpu", "unenforced", "Do that."}};
  auto back = decodeLauncherReply(encode(reply));
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(*back, reply);

  LauncherReply exited;
  exited.op = LauncherOp::Exited;
  exited.exited = {"box-0001", 0, 9, true};
  back = decodeLauncherReply(encode(exited));
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(*back, exited);

  LauncherReply failed;
  failed.op = LauncherOp::Failed;
  failed.error = {ErrorCode::Unsupported, "workspace: no", "Use cow.", 22};
  back = decodeLauncherReply(encode(failed));
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(*back, failed);
}

TEST(BoxCodecTest, EveryTruncationIsRefusedOrReadsLess) {
  const LauncherRequest request = fullStart();
  const std::string packet = encode(request);
  for (std::size_t size = 0; size < packet.size(); ++size) {
    const auto back = decodeLauncherRequest(std::string_view(packet).substr(0, size));
    EXPECT_FALSE(back.has_value() && *back == request) << size;
  }
}

TEST(BoxCodecTest, UnknownOpsAndEnumsAreRefused) {
  EXPECT_FALSE(decodeLauncherRequest(std::string(1, '\x7f')).has_value());
  EXPECT_FALSE(decodeLauncherReply(std::string(1, '\x02')).has_value());
  LauncherRequest request = fullStart();
  request.spec.network = static_cast<NetworkMode>(9);
  EXPECT_FALSE(decodeLauncherRequest(encode(request)).has_value());
}

TEST(BoxCodecTest, BoxIdsAreDirectoryNamesAndNothingElse) {
  EXPECT_TRUE(validateBoxId("0192-abcd").has_value());
  for (const char* bad : {"", "short", "../../etc", "UPPERCASE", "with space", "a/b/c/d/e/f"}) {
    EXPECT_FALSE(validateBoxId(bad).has_value()) << bad;
  }
  EXPECT_FALSE(validateBoxId(std::string(65, 'a')).has_value());
}

}  // namespace
}  // namespace ak::model
