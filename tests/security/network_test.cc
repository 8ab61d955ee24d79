// Network `full` and `none`, seen from inside, with the daemon in a network of its own.
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <filesystem>
#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.h"
#include "cli/testing/program.h"
#include "client/testing/scripted_server.h"
#include "os/testing/box_groups.h"
#include "sys/file.h"
#include "sys/process.h"
#include "two_networks.h"
#include "world.h"

namespace ak::security {
namespace {

using cli::testing::Program;
using ::testing::HasSubstr;
using ::testing::Not;

// Prints "<name>=<what the peer said or nothing>" for a TCP connection.
std::string dial(const std::string& name, const std::string& address, std::uint16_t port) {
  return cat("echo ", name, "=$(timeout 5 bash -c 'exec 3<>/dev/tcp/", address, "/", port,
             " && cat <&3' 2>/dev/null)\n");
}

// Root makes the networks; the daemon is that of root or of an ordinary user.
class NetworkTest : public ::testing::TestWithParam<Who> {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) {
      GTEST_SKIP() << "needs root to make networks";
    }
    for (const char* program : {"/usr/bin/pasta", "/usr/sbin/ip", "/usr/bin/perl"}) {
      if (::access(program, X_OK) != 0) {
        GTEST_SKIP() << "needs " << program;
      }
    }
    if (::access("/dev/net/tun", F_OK) != 0) {
      GTEST_SKIP() << "needs /dev/net/tun";
    }
    // For ordinary users it is not everywhere: they are shown a node of their own.
    if (::mknod(tun().c_str(), S_IFCHR, makedev(10, 200)) != 0 ||
        ::chmod(tun().c_str(), 0666) != 0 || !sys::openPath(tun(), O_RDWR)) {
      GTEST_SKIP() << "no device can be made in " << directory_.path();
    }
    networks_.emplace();
    ASSERT_TRUE(sys::makePrivateDirectory(directory_.path() + "/run"));
    if (GetParam() == Who::Plain) {
      for (const char* path : {"", "/run"}) {
        ASSERT_EQ(::chown((directory_.path() + path).c_str(), kStranger, kStranger), 0);
      }
    }
    // A checkout may be where an ordinary user cannot look.
    std::filesystem::create_directory(directory_.path() + "/bin");
    for (const char* name : {"agentkernel", "agentkerneld", "ak-launcher", "ak-agent"}) {
      std::filesystem::copy_file(cat(AK_BIN_DIR "/", name), cat(directory_.path(), "/bin/", name));
    }
  }

  void TearDown() override {
    if (!IsSkipped()) {
      Program(words({"rm", "it"}), variables()).finish();  // a named one outlives the daemon
      Program(words({"daemon", "stop"}), variables()).finish();
    }
  }

  std::string tun() const { return directory_.path() + "/tun"; }

  Words words(const Words& rest) const {
    Words all;
    if (GetParam() == Who::Plain) {
      all = {"/usr/bin/unshare",
             "--mount",
             "/bin/sh",
             "-c",
             "mount --bind \"$0\" /dev/net/tun && exec \"$@\"",
             tun(),
             "/usr/bin/setpriv",
             cat("--reuid=", kStranger),
             cat("--regid=", kStranger),
             "--clear-groups",
             "--"};
    }
    all.push_back(directory_.path() + "/bin/agentkernel");
    all.insert(all.end(), rest.begin(), rest.end());
    return all;
  }

  Words variables() const {
    return {"HOME=" + directory_.path(), "PATH=/usr/bin:/bin",
            "XDG_RUNTIME_DIR=" + directory_.path() + "/run",
            "AGENTKERNEL_STATE_DIR=" + directory_.path() + "/state"};
  }

  Words run(const std::string& network, const std::string& script) const {
    return words(
        {"run", "--mount", "none", "--image", "host", "--network", network, "bash", "-c", script});
  }

  // Of the processes in this test's network namespace, one whose name begins so (pasta re-executes
  // itself as passt.avx2).
  static std::optional<pid_t> find(const std::string& name) {
    struct stat ours{};
    EXPECT_EQ(::stat("/proc/thread-self/ns/net", &ours), 0);
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
      const auto pid = parseNumber<pid_t>(entry.path().filename().string());
      struct stat theirs{};
      if (pid && ::stat(cat("/proc/", *pid, "/ns/net").c_str(), &theirs) == 0 &&
          theirs.st_ino == ours.st_ino &&
          trim(sys::readFile(cat("/proc/", *pid, "/comm"), 64).value_or("")).starts_with(name)) {
        return *pid;
      }
    }
    return std::nullopt;
  }

  // The box's process 1, by its record; none or more than one is no answer.
  pid_t boxProcess() const {
    pid_t found = -1;
    for (const auto& entry :
         std::filesystem::directory_iterator(directory_.path() + "/run/agentkernel/boxes")) {
      const auto record = sys::readFile(entry.path(), 128);
      const auto pid = parseNumber<pid_t>(split(record.value_or(""), ' ').front());
      EXPECT_EQ(found, -1);
      found = pid.value_or(-1);
    }
    return found;
  }

  // Gives the host an address of its own and waits until the box's routes name it, for ten seconds
  // at most: false when they never did.
  bool hostGets(const std::string& address) const {
    const std::string there = cat("--net=/proc/", boxProcess(), "/ns/net");
    const Program news({"/usr/bin/nsenter", there, "/usr/sbin/ip", "-o", "monitor", "route"},
                       variables());
    // It listens when it tells of what we do there ourselves.
    std::string seen;
    for (int tries = 1; tries <= 100 && seen.find("192.0.2.") == std::string::npos; ++tries) {
      command({"nsenter", there, "ip", "route", "add", "unreachable", cat("192.0.2.", tries)});
      (void)readFor(news.output(), 100, seen);
    }
    command({"ip", "addr", "add", address + "/32", "dev", "other0"});
    for (int tries = 0; tries < 100 && seen.find(address) == std::string::npos; ++tries) {
      (void)readFor(news.output(), 100, seen);
    }
    return seen.find("unreachable " + address) != std::string::npos;
  }

  static bool readFor(int fd, int timeout_ms, std::string& text) {
    pollfd waiting{fd, POLLIN, 0};
    char some[4096];
    const ssize_t size =
        ::poll(&waiting, 1, timeout_ms) == 1 ? ::read(fd, some, sizeof some) : ssize_t{0};
    text.append(some, size > 0 ? static_cast<std::size_t>(size) : 0);
    return size > 0;
  }

  static std::string readLine(const Program& program) {
    std::string line;
    char next = 0;
    while (::read(program.output(), &next, 1) == 1 && next != '\n') {
      line += next;
    }
    return line;
  }

  static bool endsSoon(int pidfd) {
    pollfd waiting{pidfd, POLLIN, 0};
    return ::poll(&waiting, 1, 10'000) == 1;
  }

  client::testing::TemporaryDirectory directory_;
  std::optional<TwoNetworks> networks_;
};

TEST_P(NetworkTest, FullReachesTheWorldButNotTheHostOrItsCredentials) {
  // On every address of the host, as a careless service listens.
  const Greeter host("0.0.0.0", 0, "host\n");
  const std::uint16_t server = networks_->port();
  std::string script = dial("server", TwoNetworks::kServer, server);
  script += dial("metadata", TwoNetworks::kMetadata, server);
  script += dial("other", TwoNetworks::kOther, host.port());
  script += dial("own", TwoNetworks::kHost, host.port());
  script += dial("loopback", "127.0.0.1", host.port());
  script += dial("gateway", TwoNetworks::kServer, host.port());
  script += "echo resolver=$(cat /etc/resolv.conf)\n";
  const Finished finished = Program(run("full", script), variables()).finish();
  EXPECT_EQ(finished.status, 0) << finished.err;
  EXPECT_THAT(finished.out, HasSubstr("server=server\nmetadata=\nother=\nown=\nloopback=\n"
                                      "gateway=\nresolver=nameserver "));
  EXPECT_EQ(host.served(), 0);
  // The metadata service was there to be reached.
  EXPECT_EQ(
      Program({"/bin/bash", "-c", dial("metadata", TwoNetworks::kMetadata, server)}, variables())
          .finish()
          .out,
      "metadata=server\n");
}

TEST_P(NetworkTest, AnAddressThatTheHostGetsLaterIsOutOfReachToo) {
  const Greeter host("0.0.0.0", 0, "host\n");
  const std::string late = "10.79.0.2";
  const std::string script = cat("echo up; read line\n", dial("late", late, host.port()),
                                 dial("server", TwoNetworks::kServer, networks_->port()));
  Program sandbox(run("full", script), variables());
  ASSERT_EQ(readLine(sandbox), "up");
  EXPECT_TRUE(hostGets(late));
  ASSERT_TRUE(sys::writeAll(sandbox.input(), "\n"));
  EXPECT_EQ(sandbox.finish().out, "late=\nserver=server\n");
  EXPECT_EQ(host.served(), 0);
}

TEST_P(NetworkTest, ALaterAddressIsOutOfReachAlsoWhenTheLauncherIsGone) {
  const Greeter host("0.0.0.0", 0, "host\n");
  const std::string late = "10.79.0.2";
  ASSERT_EQ(Program(words({"run", "--name", "it", "--keep", "--mount", "none", "--image", "host",
                           "--network", "full", "true"}),
                    variables())
                .finish()
                .status,
            0);
  const std::optional<pid_t> launcher = find("ak-launcher");
  ASSERT_TRUE(launcher);
  const sys::OwnedFd process(static_cast<int>(::syscall(SYS_pidfd_open, *launcher, 0)));
  ::kill(*launcher, SIGKILL);
  ASSERT_TRUE(endsSoon(process.get()));
  EXPECT_TRUE(hostGets(late));
  const std::string script =
      dial("late", late, host.port()) + dial("server", TwoNetworks::kServer, networks_->port());
  const Finished finished =
      Program(words({"exec", "it", "bash", "-c", script}), variables()).finish();
  EXPECT_EQ(finished.out, "late=\nserver=server\n") << finished.err;
  EXPECT_EQ(host.served(), 0);
}

TEST_P(NetworkTest, NoneReachesNothing) {
  const std::string script = dial("server", TwoNetworks::kServer, networks_->port());
  const Finished finished = Program(run("none", script), variables()).finish();
  EXPECT_EQ(finished.out, "server=\n") << finished.err;
}

TEST_P(NetworkTest, NobodyComesInAndTheHelperIsNobodyAndEndsWithTheBox) {
  const std::string listener =
      "perl -MIO::Socket::INET -e '$s=IO::Socket::INET->new(Listen=>1,LocalPort=>7777) or die;"
      "$|=1; print qq(listening\\n); <STDIN>'";
  Program sandbox(run("full", listener), variables());
  ASSERT_EQ(readLine(sandbox), "listening");
  const std::string attempt = dial("guest", TwoNetworks::kHost, 7777) +
                              dial("loopback", "127.0.0.1", 7777) +
                              "timeout 5 bash -c '</dev/tcp/10.77.0.2/7777' 2>&1 || echo refused";
  EXPECT_THAT(Program({"/bin/bash", "-c", attempt}, variables()).finish().out,
              HasSubstr("refused"));

  const std::optional<pid_t> pasta = find("pas");
  ASSERT_TRUE(pasta);
  const sys::OwnedFd process(static_cast<int>(::syscall(SYS_pidfd_open, *pasta, 0)));
  ASSERT_TRUE(process.valid());
  const std::string status = sys::readFile(cat("/proc/", *pasta, "/status"), 8192).value_or("");
  EXPECT_THAT(status, Not(HasSubstr("Uid:\t0\t")));
  EXPECT_THAT(status, HasSubstr("NoNewPrivs:\t1"));
  EXPECT_THAT(status, HasSubstr("Seccomp:\t2"));
  if (GetParam() == Who::Self) {  // the other has no group to write in
    EXPECT_THAT(sys::readFile(cat("/proc/", *pasta, "/cgroup"), 8192).value_or(""),
                HasSubstr("/agentkernel/"));
  }
  struct stat ours{};
  struct stat theirs{};
  ASSERT_EQ(::stat("/proc/self/ns/user", &ours), 0);
  ASSERT_EQ(::stat(cat("/proc/", *pasta, "/ns/user").c_str(), &theirs), 0);
  EXPECT_NE(ours.st_ino, theirs.st_ino);

  ASSERT_TRUE(sys::writeAll(sandbox.input(), "\n"));
  EXPECT_EQ(sandbox.finish().status, 0);
  EXPECT_TRUE(endsSoon(process.get()));
}

TEST_P(NetworkTest, TheHelperEndsWithTheBoxAlsoWhenTheLauncherIsGone) {
  Program sandbox(run("full", "echo up; read line"), variables());
  ASSERT_EQ(readLine(sandbox), "up");
  const std::optional<pid_t> pasta = find("pas");
  const std::optional<pid_t> launcher = find("ak-launcher");
  ASSERT_TRUE(pasta && launcher);
  // A box's record names its process.
  std::vector<std::string> groups;
  for (const auto& entry :
       std::filesystem::directory_iterator(directory_.path() + "/run/agentkernel/boxes")) {
    const auto record = sys::readFile(entry.path(), 128);
    const auto agent = parseNumber<pid_t>(split(record.value_or(""), ' ').front());
    const auto more = os::testing::boxGroups(agent.value_or(-1));
    groups.insert(groups.end(), more.begin(), more.end());
  }
  EXPECT_EQ(groups.empty(), GetParam() == Who::Plain);  // who has no group to make any in
  const sys::OwnedFd process(static_cast<int>(::syscall(SYS_pidfd_open, *pasta, 0)));
  ::kill(*launcher, SIGKILL);
  ASSERT_TRUE(sys::writeAll(sandbox.input(), "\n"));
  sandbox.finish();
  EXPECT_TRUE(endsSoon(process.get()));
  // The launcher that followed has swept up by the time it ends.
  const std::optional<pid_t> next = find("ak-launcher");
  const sys::OwnedFd next_process(next ? static_cast<int>(::syscall(SYS_pidfd_open, *next, 0))
                                       : -1);
  Program(words({"daemon", "stop"}), variables()).finish();
  EXPECT_TRUE(!next || endsSoon(next_process.get()));
  for (const std::string& group : groups) {
    EXPECT_FALSE(std::filesystem::exists(group)) << group;
  }
}

INSTANTIATE_TEST_SUITE_P(Users, NetworkTest, ::testing::Values(Who::Self, Who::Plain), nameOf);

}  // namespace
}  // namespace ak::security
