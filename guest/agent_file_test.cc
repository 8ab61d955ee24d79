// Files of the sandbox, and the ways in which a guest may lay traps among them.
#include <sys/stat.h>

#include "guest/agent_fixture.h"

namespace ak::guest::test {
namespace {

using Kind = wire::FileRequest::Kind;

class AgentFileTest : public AgentTest {
 protected:
  void SetUp() override {
    AgentTest::SetUp();
    if (!IsSkipped()) {
      agent_.emplace(GetParam());
      client_.emplace(agent_->begin());
    }
  }

  wire::FileRequest request(Kind kind, const std::string& name) const {
    wire::FileRequest out;
    out.kind = kind;
    out.path = agent_->directory() + name;
    return out;
  }

  TestClient::FileOutcome write(const std::string& name, std::string_view content) {
    return client_->file(request(Kind::Write, name), content);
  }

  TestClient::FileOutcome read(const std::string& name) {
    return client_->file(request(Kind::Read, name));
  }

  std::string path(const std::string& name) const { return agent_->directory() + name; }

  std::size_t leftovers() const {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(agent_->directory())) {
      count += entry.path().filename().string().starts_with(".ak-") ? 1 : 0;
    }
    return count;
  }

  std::optional<TestAgent> agent_;
  std::optional<TestClient> client_;
};

INSTANTIATE_TEST_SUITE_P(, AgentFileTest, testing::Values(Role::Process, Role::Init), roleName);

TEST_P(AgentFileTest, ContentOfEverySizeComesBackEqual) {
  for (const std::size_t size : {0UL, 1UL, 18'000UL, 96UL * 1024, 3'000'001UL}) {
    const std::string content = randomBytes(size);
    const auto written = write("/file", content);
    ASSERT_TRUE(written.info) << size << (written.reset ? written.reset->message : "");
    EXPECT_EQ(written.info->size, size);
    const auto back = read("/file");
    EXPECT_TRUE(back.data == content) << size;
    EXPECT_EQ(back.info->size, size);
  }
}

TEST_P(AgentFileTest, WritesReplaceWithModeAndOwnerOfTheRequestOrOfTheOldFile) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "only root may give files away";
  }
  wire::FileRequest first = request(Kind::Write, "/file");
  first.mode = 04750;
  first.has_owner = true;
  first.uid = 12;
  first.gid = 34;
  ASSERT_TRUE(client_->file(first, "one").info);
  const auto second = write("/file", "two");
  EXPECT_EQ(second.info->mode, 0750U) << "set-id bits do not go over to other content";
  EXPECT_EQ(second.info->uid, 12U);
  EXPECT_EQ(second.info->gid, 34U);
  EXPECT_EQ(read("/file").data, "two");
  EXPECT_EQ(write("/new", "x").info->mode, 0644U);
}

TEST_P(AgentFileTest, AResetWriteLeavesTheOldContentAndNoTemporary) {
  ASSERT_TRUE(write("/file", "old").info);
  const std::uint32_t stream =
      client_->open(wire::Service::File, wire::encode(request(Kind::Write, "/file")));
  client_->send(wire::FrameType::Data, stream, wire::kStdin, "new");
  client_->send(wire::FrameType::Reset, stream, 0, wire::encodeError({}));
  EXPECT_EQ(read("/file").data, "old");
  EXPECT_EQ(leftovers(), 0U);
}

TEST_P(AgentFileTest, AFullDiskLeavesTheOldContentAndIsReported) {
  if (GetParam() == Role::Process) {
    GTEST_SKIP() << "the tmpfs is mounted inside the agent's mount namespace";
  }
  const std::string full_path = path("/full");
  ASSERT_EQ(::mkdir(full_path.c_str(), 0755), 0);
  // The test enters the agent's mount namespace as a host would.
  const pid_t helper = ::fork();
  if (helper == 0) {
    const auto ns = sys::openPath(cat("/proc/", agent_->pid(), "/ns/mnt"), O_RDONLY);
    const bool done = ns && ::setns(ns->get(), CLONE_NEWNS) == 0 &&
                      ::mount("none", full_path.c_str(), "tmpfs", 0, "size=64k") == 0;
    ::_exit(done ? 0 : 1);
  }
  int status = 0;
  ::waitpid(helper, &status, 0);
  ASSERT_EQ(status, 0);
  wire::FileRequest full;
  full.kind = Kind::Write;
  full.path = full_path + "/file";
  ASSERT_TRUE(client_->file(full, "old").info);
  EXPECT_EQ(client_->file(full, std::string(200'000, 'x')).reset->code, ErrorCode::Capacity);
  full.kind = Kind::Read;
  EXPECT_EQ(client_->file(full).data, "old");
  EXPECT_EQ(client_->shell("ls -A " + full_path).out, "file\n");
}

TEST_P(AgentFileTest, FifosSocketsDevicesAndKernelFilesAreRefusedWithoutHanging) {
  ASSERT_EQ(::mkfifo(path("/fifo").c_str(), 0666), 0);
  ASSERT_TRUE(sys::listenUnix(path("/sock"), sys::SocketKind::Stream));
  ASSERT_EQ(::symlink("/dev/zero", path("/zero").c_str()), 0);
  ASSERT_EQ(::symlink("/proc/self/status", path("/status").c_str()), 0);
  for (const char* name : {"/fifo", "/sock", "/zero", "/status"}) {
    EXPECT_EQ(read(name).reset->code, ErrorCode::Unsupported) << name;
  }
  for (const char* name : {"/fifo", "/sock"}) {
    EXPECT_EQ(write(name, "x").reset->code, ErrorCode::Unsupported) << name;
  }
  wire::FileRequest kernel;
  for (const char* target : {"/proc/sys/kernel/hostname", "/sys/kernel/x", "/dev/pts/x"}) {
    kernel.kind = Kind::Write;
    kernel.path = target;
    EXPECT_FALSE(client_->file(kernel, "x").info) << target;
    kernel.kind = Kind::MakeDirectory;
    EXPECT_FALSE(client_->file(kernel).info) << target;
  }
}

TEST_P(AgentFileTest, MagicLinksLeadNowhere) {
  wire::FileRequest magic;
  for (const Kind kind : {Kind::Read, Kind::List}) {
    magic.kind = kind;
    for (const char* target : {"/proc/self/fd/0", "/proc/self/root/etc/passwd", "/proc/1/cwd"}) {
      magic.path = target;
      EXPECT_TRUE(client_->file(magic).reset) << target;
    }
  }
  ASSERT_EQ(::symlink("/proc/self/root", path("/out").c_str()), 0);
  EXPECT_TRUE(read("/out/etc/passwd").reset);
  EXPECT_TRUE(write("/out/tmp/x", "x").reset);
}

TEST_P(AgentFileTest, DotDotStaysBeneathTheRoot) {
  wire::FileRequest up;
  up.kind = Kind::Read;
  up.path = "/../../../../etc/passwd";
  EXPECT_EQ(client_->file(up).data, *sys::readFile("/etc/passwd", 1 << 20U));
  EXPECT_TRUE(write("/x/..", "x").reset);
}

TEST_P(AgentFileTest, LinksAreFollowedForReadingAndReplacedByWriting) {
  ASSERT_TRUE(write("/target", "content").info);
  ASSERT_EQ(::symlink("target", path("/link").c_str()), 0);
  ASSERT_EQ(::symlink("missing", path("/dangling").c_str()), 0);
  EXPECT_EQ(read("/link").data, "content");
  const auto info = client_->file(request(Kind::Stat, "/link")).info;
  EXPECT_EQ(info->kind, wire::FileInfo::Kind::Symlink);
  EXPECT_EQ(info->link_target, "target");
  EXPECT_EQ(read("/dangling").reset->code, ErrorCode::NotFound);
  ASSERT_TRUE(write("/link", "own").info);
  EXPECT_EQ(read("/target").data, "content");
  EXPECT_EQ(read("/link").data, "own");
}

TEST_P(AgentFileTest, PartsOfAFileCanBeRead) {
  ASSERT_TRUE(write("/file", "0123456789").info);
  wire::FileRequest part = request(Kind::Read, "/file");
  part.offset = 3;
  part.length = 4;
  EXPECT_EQ(client_->file(part).data, "3456");
  part.offset = 100;
  EXPECT_EQ(client_->file(part).data, "");
}

TEST_P(AgentFileTest, DirectoriesAreMadeListedAndRemoved) {
  wire::FileRequest make = request(Kind::MakeDirectory, "/a/b/c");
  EXPECT_EQ(client_->file(make).reset->code, ErrorCode::NotFound);
  make.parents = true;
  make.mode = 0700;
  EXPECT_EQ(client_->file(make).info->mode, 0700U);
  EXPECT_TRUE(client_->file(make).info);
  ASSERT_TRUE(write("/a/b/file", "12345").info);
  ASSERT_EQ(::symlink("/etc", path("/a/b/link").c_str()), 0);
  auto listing = wire::decodeListing(client_->file(request(Kind::List, "/a/b")).data);
  ASSERT_TRUE(listing);
  EXPECT_EQ(listing->size(), 3U);
  wire::FileRequest remove = request(Kind::Remove, "/a");
  EXPECT_EQ(client_->file(remove).reset->code, ErrorCode::Conflict);
  remove.recursive = true;
  EXPECT_TRUE(client_->file(remove).info);
  EXPECT_FALSE(std::filesystem::exists(path("/a")));
  EXPECT_TRUE(std::filesystem::exists("/etc/passwd"));
  EXPECT_EQ(client_->file(remove).reset->code, ErrorCode::NotFound);
}

TEST_P(AgentFileTest, LinksAreMadeAndReplaceFilesAndLinksOnly) {
  wire::FileRequest make = request(Kind::MakeLink, "/link");
  make.target = "/anywhere/../at all";
  EXPECT_EQ(client_->file(make).info->link_target, make.target);
  make.target = "other";
  EXPECT_EQ(client_->file(make).info->link_target, "other");
  ASSERT_TRUE(write("/other", "content").info);
  wire::FileRequest follow = request(Kind::Stat, "/link");
  EXPECT_EQ(client_->file(follow).info->kind, wire::FileInfo::Kind::Symlink);
  follow.follow = true;
  EXPECT_EQ(client_->file(follow).info->kind, wire::FileInfo::Kind::Regular);
  ASSERT_EQ(::mkdir(path("/directory").c_str(), 0755), 0);
  make.path = path("/directory");
  EXPECT_EQ(client_->file(make).reset->code, ErrorCode::Conflict);
  make.path = "/proc/self/link";
  EXPECT_FALSE(client_->file(make).info);
  EXPECT_EQ(leftovers(), 0U);
}

TEST_P(AgentFileTest, ALargeListingArrivesWhole) {
  ASSERT_EQ((*client_)
                .shell(cat("cd ", agent_->directory(),
                           " && mkdir many && cd many && "
                           "seq 1 20000 | xargs touch"))
                .exit->code,
            0);
  const auto listing = wire::decodeListing(client_->file(request(Kind::List, "/many")).data);
  ASSERT_TRUE(listing);
  EXPECT_EQ(listing->size(), 20000U);
}

}  // namespace
}  // namespace ak::guest::test
