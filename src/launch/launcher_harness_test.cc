#include "launch/launcher_harness.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

#include <gtest/gtest.h>

#include "base/text.h"
#include "os/testing/pure_cgroup_v2.h"
#include "sys/file.h"
#include "sys/process.h"
#include "sys/random.h"
#include "sys/unix_socket.h"

namespace ak::launch {

namespace {

constexpr std::uint32_t kTestBase = 2'000'000'000;

// Descriptors at known numbers in the launcher, as the daemon passes them: all are moved out of the
// way first, since one may hold the number that another is to get.
template <std::size_t N>
void inherit(std::array<std::pair<int, int>, N> moves) {
  for (auto& [from, to] : moves) {
    from = ::fcntl(from, F_DUPFD, 100);
  }
  for (const auto& [from, to] : moves) {
    ::dup2(from, to);
  }
}

}  // namespace

LauncherHarness::LauncherHarness(Options options) : options_(options), uid_(options.uid) {
  directory_ = cat("/tmp/ak-launch-", sys::KernelRandom().hex(6));
  EXPECT_EQ(::mkdir(directory_.c_str(), 0755), 0);
  giveToLauncher(directory_);
  const std::string layer = makeDirectory("layer");
  for (const char* name : {"proc", "dev", "usr", "tmp", "etc", "run"}) {
    EXPECT_EQ(::mkdir((layer + "/" + name).c_str(), 0755), 0);
    giveToLauncher(layer + "/" + name);
  }
  // The probe is static, except with a sanitizer.
  EXPECT_EQ(::symlink("usr/lib64", (layer + "/lib64").c_str()), 0);
  EXPECT_EQ(::symlink("usr/lib", (layer + "/lib").c_str()), 0);
  makeDirectory("run");
  spawn();
  connect();
}

void LauncherHarness::restart() {
  spawn();
  connect();
}

void LauncherHarness::waitUntilGone(const std::string& id) {
  pollfd gone{alive_.at(id).get(), POLLIN, 0};
  ::poll(&gone, 1, 10'000);
}

LauncherHarness::~LauncherHarness() {
  for (auto& [id, pidfd] : alive_) {
    (void)sys::signalPidFd(pidfd.get(), SIGKILL);
  }
  daemon_.reset();
  if (launcher_ > 0) {
    waitForEnd();
  }
  // A box that outlived its launcher leaves its cgroup to a sweep.
  const auto top = sys::openPath("/tmp", O_RDONLY | O_DIRECTORY);
  (void)sys::removeTree(top->get(), directory_.substr(5));
}

std::string LauncherHarness::makeDirectory(const std::string& name) {
  const std::string path = directory_ + "/" + name;
  EXPECT_EQ(::mkdir(path.c_str(), 0755), 0) << path;
  giveToLauncher(path);
  return path;
}

void LauncherHarness::giveToLauncher(const std::string& path) const {
  if (uid_ != ::geteuid()) {
    EXPECT_EQ(::chown(path.c_str(), uid_, uid_), 0) << path;
  }
}

void LauncherHarness::spawn() {
  const std::string runtime = directory_ + "/run";
  auto listener = sys::listenUnix(runtime + "/launcher.sock", sys::SocketKind::SeqPacket);
  EXPECT_TRUE(listener.has_value());
  giveToLauncher(runtime + "/launcher.sock");
  auto agent = sys::openPath(AK_BIN_DIR "/../tests/ak-launch-probe", O_RDONLY);
  EXPECT_TRUE(agent.has_value());
  auto program = sys::openPath(AK_BIN_DIR "/ak-launcher", O_RDONLY);
  EXPECT_TRUE(program.has_value());
  int ready[2];
  EXPECT_EQ(::pipe2(ready, O_CLOEXEC), 0);
  launcher_ = ::fork();
  if (launcher_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::umask(0077);  // the daemon's
    inherit(std::array{std::pair{agent->get(), 10}, std::pair{listener->get(), 11},
                       std::pair{ready[1], 12}, std::pair{program->get(), 20}});
    if (options_.pure_cgroup_v2 && !os::testing::hideCgroupV1()) {
      ::_exit(97);
    }
    if (uid_ != ::geteuid() && (::setgid(uid_) != 0 || ::setuid(uid_) != 0)) {
      ::_exit(99);
    }
    const char* argv[] = {"ak-launcher",
                          "--runtime",
                          runtime.c_str(),
                          "--agent-fd",
                          "10",
                          "--listen-fd",
                          "11",
                          "--ready-fd",
                          "12",
                          options_.attached_layers ? "--attached-layers" : nullptr,
                          nullptr};
    char* environment[] = {nullptr};
    ::fexecve(20, const_cast<char**>(argv), environment);
    ::_exit(98);
  }
  ::close(ready[1]);
  const auto report = sys::readAll(ready[0], 4096);
  ::close(ready[0]);
  EXPECT_TRUE(report.has_value());
  EXPECT_EQ(*report, "ready\n");
}

void LauncherHarness::connect() {
  // The launcher listens to its own user only.
  const uid_t own = ::geteuid();
  ASSERT_EQ(::seteuid(uid_), 0);
  auto connection = sys::connectUnix(directory_ + "/run/launcher.sock", sys::SocketKind::SeqPacket);
  ASSERT_EQ(::seteuid(own), 0);
  ASSERT_TRUE(connection.has_value()) << connection.error().message;
  daemon_ = std::move(*connection);
}

model::HostPath LauncherHarness::hostPath(const std::string& path) const {
  struct stat info{};
  EXPECT_EQ(::stat(path.c_str(), &info), 0) << path;
  return {path, info.st_dev, info.st_ino};
}

model::BoxSpec LauncherHarness::spec() {
  static const sock_filter allow{BPF_RET | BPF_K, 0, 0, 0x7fff0000U};
  model::BoxSpec spec;
  // Cgroups are shared by all launchers of the machine: unique over harnesses too.
  static int next_box = 0;
  spec.id = cat("test-", ::getpid(), "-", next_box++);
  spec.ids = {kTestBase, 65536};
  spec.root.layers = {hostPath(directory_ + "/layer")};
  spec.root.binds = {{hostPath("/usr"), "/usr"}};
  spec.base_filter.assign(reinterpret_cast<const char*>(&allow), sizeof allow);
  spec.agent_capabilities = 0xeb;  // CHOWN DAC_OVERRIDE FOWNER KILL SETGID SETUID
  return spec;
}

model::BoxIdentity LauncherHarness::identity() {
  model::BoxIdentity identity;
  identity.hostname = "probe";
  return identity;
}

model::LauncherReply LauncherHarness::receive(std::vector<sys::OwnedFd>& fds) {
  auto packet = sys::receivePacket(daemon_.get());
  EXPECT_TRUE(packet.has_value() && !packet->closed);
  fds = std::move(packet->fds);
  auto reply = model::decodeLauncherReply(packet->data);
  EXPECT_TRUE(reply.has_value());
  return reply ? *reply : model::LauncherReply{};
}

LauncherHarness::Answer LauncherHarness::call(model::LauncherRequest request,
                                              const std::vector<int>& fds) {
  request.serial = ++serial_;
  EXPECT_TRUE(sys::sendPacket(daemon_.get(), encode(request), fds).has_value());
  for (;;) {
    Answer answer;
    answer.reply = receive(answer.fds);
    if (answer.reply.op == model::LauncherOp::Exited) {
      exits_[answer.reply.exited.id] = answer.reply.exited;
      continue;
    }
    EXPECT_EQ(answer.reply.serial, serial_);
    return answer;
  }
}

LauncherHarness::Answer LauncherHarness::start(const model::BoxSpec& spec,
                                               const model::BoxIdentity& identity) {
  model::LauncherRequest request;
  request.op = model::LauncherOp::Start;
  request.spec = spec;
  request.identity = identity;
  const auto listener =
      sys::listenUnix(cat(directory_, "/", spec.id, ".sock"), sys::SocketKind::Stream);
  Answer answer = call(request, {listener->get()});
  if (answer.ok()) {
    alive_[spec.id] = std::move(*answer.fds.front().duplicate());
  }
  return answer;
}

LauncherHarness::Answer LauncherHarness::park(const model::BoxSpec& spec) {
  model::LauncherRequest request;
  request.op = model::LauncherOp::Park;
  request.spec = spec;
  return call(request);
}

LauncherHarness::Answer LauncherHarness::claim(const std::string& id,
                                               const model::BoxIdentity& identity) {
  model::LauncherRequest request;
  request.op = model::LauncherOp::Claim;
  request.id = id;
  request.identity = identity;
  const auto listener = sys::listenUnix(cat(directory_, "/", id, ".sock"), sys::SocketKind::Stream);
  Answer answer = call(request, {listener->get()});
  if (answer.ok()) {
    alive_[id] = std::move(*answer.fds.front().duplicate());
  }
  return answer;
}

LauncherHarness::Answer LauncherHarness::discard(const std::string& id) {
  model::LauncherRequest request;
  request.op = model::LauncherOp::Discard;
  request.id = id;
  return call(request);
}

std::string LauncherHarness::ask(const std::string& id, const std::string& command) {
  const auto connection =
      sys::connectUnix(cat(directory_, "/", id, ".sock"), sys::SocketKind::Stream);
  if (!connection) {
    return connection.error().message;
  }
  EXPECT_TRUE(sys::writeAll(connection->get(), command).has_value());
  const auto answer = sys::readAll(connection->get(), 1 << 20);
  return answer ? *answer : answer.error().message;
}

model::BoxExited LauncherHarness::exited(const std::string& id) {
  while (!exits_.contains(id)) {
    std::vector<sys::OwnedFd> fds;
    const model::LauncherReply reply = receive(fds);
    if (reply.op != model::LauncherOp::Exited) {
      ADD_FAILURE() << "expected an exit";
      return {};
    }
    exits_[reply.exited.id] = reply.exited;
  }
  alive_.erase(id);
  return exits_.at(id);
}

int LauncherHarness::waitForEnd() {
  int status = 0;
  while (::waitpid(launcher_, &status, 0) < 0 && errno == EINTR) {
  }
  launcher_ = -1;
  return status;
}

void LauncherHarness::killLauncher() {
  ::kill(launcher_, SIGKILL);
  waitForEnd();
}

}  // namespace ak::launch
