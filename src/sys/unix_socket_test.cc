#include "sys/unix_socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "sys/file.h"
#include "sys/testing/temp_dir.h"

namespace ak::sys {
namespace {

namespace fs = std::filesystem;
using testing::TempDir;

std::size_t openDescriptors() {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator("/proc/self/fd"), {}));
}

TEST(ListenUnixTest, TheSocketIsPrivateWhateverTheUmask) {
  const TempDir dir;
  const mode_t old_mask = ::umask(0);
  const Result<OwnedFd> listening = listenUnix(dir.path("s"), SocketKind::Stream);
  ::umask(old_mask);
  ASSERT_TRUE(listening) << listening.error().message;
  struct stat info{};
  ASSERT_EQ(::lstat(dir.path("s").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0600U);
  EXPECT_NE(::fcntl(listening->get(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(::fcntl(listening->get(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST(ListenUnixTest, AnOldSocketIsReplacedAndAnythingElseIsNot) {
  const TempDir dir;
  {
    ASSERT_TRUE(listenUnix(dir.path("s"), SocketKind::Stream));
  }
  EXPECT_EQ(connectUnix(dir.path("s"), SocketKind::Stream).error().code, ErrorCode::Unavailable);
  const Result<OwnedFd> again = listenUnix(dir.path("s"), SocketKind::Stream);
  ASSERT_TRUE(again);
  EXPECT_TRUE(connectUnix(dir.path("s"), SocketKind::Stream));

  std::ofstream(dir.path("file")) << "mine";
  EXPECT_EQ(listenUnix(dir.path("file"), SocketKind::Stream).error().code,
            ErrorCode::AlreadyExists);
  EXPECT_EQ(readFile(dir.path("file"), 10), "mine");
  fs::create_symlink("file", dir.path("link"));
  EXPECT_FALSE(listenUnix(dir.path("link"), SocketKind::Stream));
}

TEST(ListenUnixTest, ThePathLimitIsExact) {
  const TempDir dir;
  const std::size_t room = 107 - dir.path("").size();
  EXPECT_TRUE(listenUnix(dir.path(std::string(room, 's')), SocketKind::Stream));
  const Result<OwnedFd> longer =
      listenUnix(dir.path(std::string(room + 1, 's')), SocketKind::Stream);
  ASSERT_FALSE(longer);
  EXPECT_EQ(longer.error().code, ErrorCode::InvalidArgument);
  EXPECT_FALSE(longer.error().remedy.empty());
  EXPECT_FALSE(connectUnix("", SocketKind::Stream));
}

TEST(PacketTest, DataAndDescriptorsArriveTogether) {
  auto [left, right] = socketPair(SocketKind::SeqPacket).value();
  int pipe_fds[2];
  ASSERT_EQ(::pipe2(pipe_fds, O_CLOEXEC), 0);
  const OwnedFd read_end(pipe_fds[0]);
  {
    const OwnedFd write_end(pipe_fds[1]);
    ASSERT_TRUE(sendPacket(left.get(), "take this", {write_end.get()}));
  }
  const Packet packet = receivePacket(right.get()).value();
  EXPECT_EQ(packet.data, "take this");
  ASSERT_EQ(packet.fds.size(), 1U);
  EXPECT_NE(::fcntl(packet.fds[0].get(), F_GETFD) & FD_CLOEXEC, 0);
  ASSERT_TRUE(writeAll(packet.fds[0].get(), "x"));
  char got = 0;
  EXPECT_EQ(::read(read_end.get(), &got, 1), 1);
}

TEST(PacketTest, BoundariesHoldAndTheEndIsSeen) {
  auto [left, right] = socketPair(SocketKind::SeqPacket).value();
  const std::string large(kMaxPacket / 4, 'x');
  ASSERT_TRUE(sendPacket(left.get(), "a"));
  ASSERT_TRUE(sendPacket(left.get(), large.substr(0, 100000)));
  left.reset();
  EXPECT_EQ(receivePacket(right.get())->data, "a");
  EXPECT_EQ(receivePacket(right.get())->data.size(), 100000U);
  const Packet end = receivePacket(right.get()).value();
  EXPECT_TRUE(end.closed);
  EXPECT_TRUE(end.data.empty());
}

TEST(PacketTest, DescriptorsAloneAreNotTheEnd) {
  auto [left, right] = socketPair(SocketKind::SeqPacket).value();
  EXPECT_EQ(sendPacket(left.get(), "").error().code, ErrorCode::InvalidArgument);
  ASSERT_TRUE(sendPacket(left.get(), "", {left.get()}));
  const Packet packet = receivePacket(right.get()).value();
  EXPECT_FALSE(packet.closed);
  EXPECT_EQ(packet.fds.size(), 1U);
}

TEST(PacketTest, LimitsHoldOnTheWayOut) {
  auto [left, right] = socketPair(SocketKind::SeqPacket).value();
  EXPECT_EQ(sendPacket(left.get(), std::string(kMaxPacket + 1, 'x')).error().code,
            ErrorCode::TooLarge);
  EXPECT_EQ(sendPacket(left.get(), "x", std::vector<int>(kMaxFds + 1, left.get())).error().code,
            ErrorCode::TooLarge);
  ASSERT_TRUE(sendPacket(left.get(), "x", std::vector<int>(kMaxFds, left.get())));
  EXPECT_EQ(receivePacket(right.get())->fds.size(), kMaxFds);
}

// A peer that sends more descriptors than agreed must not fill our table.
TEST(PacketTest, MoreDescriptorsThanAgreedAreRefusedAndClosed) {
  auto [left, right] = socketPair(SocketKind::SeqPacket).value();
  constexpr std::size_t kMany = 200;
  std::vector<char> control(CMSG_SPACE(sizeof(int) * kMany));
  char byte = 'x';
  iovec part{&byte, 1};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int) * kMany);
  const std::vector<int> fds(kMany, left.get());
  std::memcpy(CMSG_DATA(header), fds.data(), sizeof(int) * kMany);
  ASSERT_EQ(::sendmsg(left.get(), &message, 0), 1);
  const std::size_t before = openDescriptors();
  EXPECT_EQ(receivePacket(right.get()).error().code, ErrorCode::Protocol);
  EXPECT_EQ(openDescriptors(), before);
}

TEST(PacketTest, ANonBlockingSocketSaysThatThereIsNothingYet) {
  auto [left, right] = socketPair(SocketKind::SeqPacket).value();
  ASSERT_EQ(::fcntl(right.get(), F_SETFL, O_NONBLOCK), 0);
  EXPECT_EQ(receivePacket(right.get()).error().sys_errno, EAGAIN);
}

TEST(PeerCredentialsTest, AreTheKernelsWord) {
  auto [left, right] = socketPair(SocketKind::Stream).value();
  const PeerCredentials peer = peerCredentials(left.get()).value();
  EXPECT_EQ(peer.pid, ::getpid());
  EXPECT_EQ(peer.uid, ::geteuid());
  EXPECT_EQ(peer.gid, ::getegid());
}

}  // namespace
}  // namespace ak::sys
