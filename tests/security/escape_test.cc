// Known escapes (docs: SECURITY.md's rows), each tried in a real sandbox by the program in
// hostile/, and outside of it where that is harmless, so that a blind probe is not taken for
// safety.
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>
#include <cstring>

#include <gmock/gmock.h>

#include "base/text.h"
#include "world.h"

namespace ak::security {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr int kWorked = 3;

class EscapeTest : public SecurityTest {
 protected:
  void expectBlocked(const Words& attack, const Words& options = {}) {
    const Finished tried = world().attack(attack, options);
    EXPECT_EQ(tried.status, 0) << tried.out << tried.err;
    EXPECT_THAT(tried.out, HasSubstr("blocked")) << "the attack must have run";
    EXPECT_THAT(tried.out, Not(HasSubstr("WORKED")));
  }

  void expectWorksOutside(const Words& attack, const std::string& line) {
    Words words{world().project() + "/hostile"};
    words.insert(words.end(), attack.begin(), attack.end());
    const Finished tried = world().host(words);
    EXPECT_EQ(tried.status, kWorked);
    EXPECT_THAT(tried.out, HasSubstr(line));
  }
};

TEST_P(EscapeTest, KernelSurfaceIsRefused) {
  expectBlocked({"syscalls"});
  expectWorksOutside({"syscalls"}, "WORKED keyctl");
}

TEST_P(EscapeTest, OtherCallAbisEndTheCaller) {
  expectBlocked({"other-abis"});
  expectWorksOutside({"other-abis"}, "WORKED int 0x80");
}

TEST_P(EscapeTest, TheAgentCannotBeReadOrOverwritten) {
  // Not tried outside: there process 1 is the machine's.
  expectBlocked({"agent"});
}

TEST_P(EscapeTest, TheAgentCannotBeStoppedOrEnded) {
  expectBlocked({"signals"});
}

TEST_P(EscapeTest, NoDescriptorLeaksAndNoneLeadsOut) {
  expectBlocked({"descriptors"});
  for (const char* directory : {"/proc/self/fd/3", "/proc/self/fd/7/../..", "/proc/1/cwd"}) {
    const Finished run =
        world().agentkernel({"run", "--workdir", directory, "sh", "-c", "echo reached"});
    EXPECT_NE(run.status, 0) << directory;
    EXPECT_THAT(run.out, Not(HasSubstr("reached")));
  }
}

TEST_P(EscapeTest, NoPrivilegeIsLeft) {
  expectBlocked({"privileges"});
  expectWorksOutside({"privileges"}, "WORKED without Seccomp");
}

TEST_P(EscapeTest, KernelFilesAreHiddenOrReadOnly) {
  expectBlocked({"kernel-files"});
  if (world().root()) {
    expectWorksOutside({"kernel-files"}, "WORKED kernel file system");
  }
}

TEST_P(EscapeTest, PathAliasesLeadBackIntoTheSandbox) {
  const std::string state = world().top() + "/state";
  for (const char* prefix : {"", "/proc/self/root", "/proc/self/cwd/..", "/proc/thread-self/root",
                             "/dev/fd/0/../..", "/workspace/../../.."}) {
    expectBlocked({"exists", prefix + state, prefix + world().top() + "/run/agentkernel",
                   prefix + world().home()});
  }
  expectWorksOutside({"exists", state}, "WORKED");
}

TEST_P(EscapeTest, AbstractSocketsOfTheHostAreOutOfReach) {
  const std::string name = cat("ak-sec-test-", ::getpid());
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path + 1, name.data(), name.size());
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  const sys::OwnedFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(socket.get(), 8), 0);
  expectBlocked({"abstract-socket", name});
  expectWorksOutside({"abstract-socket", name}, "WORKED abstract socket");
}

TEST_P(EscapeTest, PortsOfTheHostAreOutOfReach) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  const sys::OwnedFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  auto* where = reinterpret_cast<sockaddr*>(&address);
  ASSERT_EQ(::bind(socket.get(), where, size), 0);
  ASSERT_EQ(::listen(socket.get(), 8), 0);
  ASSERT_EQ(::getsockname(socket.get(), where, &size), 0);
  const std::string port = cat(ntohs(address.sin_port));
  expectBlocked({"tcp", port});
  expectWorksOutside({"tcp", port}, "WORKED tcp");
}

TEST_P(EscapeTest, AnotherSandboxIsOutOfReach) {
  const Finished first = world().agentkernel(
      {"run", "--keep", "--name", "victim", "sh", "-c",
       "echo secret > /tmp/secret; cp ./hostile /tmp/victim-proc; /tmp/victim-proc flood 0; "
       "sleep 1000 >/dev/null 2>&1 & echo started"});
  EXPECT_EQ(first.out, "started\n") << first.err;
  expectBlocked({"exists", "/tmp/secret"});
  expectBlocked({"neighbours", "sleep"});
  const Finished seen = world().agentkernel({"exec", "victim", "cat", "/tmp/secret"});
  EXPECT_EQ(seen.out, "secret\n") << "the victim must live: " << seen.err;
  EXPECT_EQ(world().agentkernel({"rm", "victim"}).status, 0);
}

// A guest of the same sandbox stops each process that the agent starts; the agent may be caught
// waiting for one. Others, and the end of this one, must not depend on it.
TEST_P(EscapeTest, AFrozenAgentHoldsUpOnlyItsOwnSandbox) {
  const Finished first =
      world().agentkernel({"run", "--keep", "--name", "frozen", "sh", "-c",
                           "cp ./hostile /tmp/h; /tmp/h freezer >/dev/null 2>&1 & echo started"});
  EXPECT_EQ(first.out, "started\n") << first.err;
  for (int i = 0; i < 2; ++i) {
    // May succeed, fail or be stopped itself: its time ends all the same.
    (void)world().agentkernel({"exec", "--timeout", "1", "frozen", "true"});
  }
  EXPECT_EQ(world().shell("echo fine").out, "fine\n");
  const Finished removed = world().agentkernel({"rm", "frozen"});
  EXPECT_EQ(removed.status, 0) << removed.err;
  EXPECT_THAT(world().agentkernel({"list"}).out, Not(HasSubstr("frozen")));
}

// R3, R4, R6: an image whose mount points are links to the host's files.
TEST_P(EscapeTest, LinksInAnImageLeadNowhere) {
  const std::string canary = world().home() + "/canary";
  world().put(canary, "untouched");
  const std::string script =
      "set -e; cd \"$1\"; rm -rf image; mkdir image; cd image; cp ../project/hostile .; "
      "cp -a ../../libraries/. .; "
      "ln -s \"$2\" workspace; ln -s \"$1\" proc; ln -s \"$1\" etc; ln -s \"$1\" sys; "
      "mkdir dev; ln -s \"$2\" dev/null; ln -s \"$2\" dev/console; tar -cf ../image.tar .";
  const Finished made = world().host({"/bin/sh", "-c", script, "sh", world().home(), canary});
  ASSERT_EQ(made.status, 0) << made.err;
  const Finished imported = world().agentkernel(
      {"images", "import", world().home() + "/image.tar", "--name", "hostile-links"});
  if (imported.status == 0) {
    const Finished run = world().agentkernel({"run", "--image", "hostile-links", "--mount", "none",
                                              "/hostile", "exists", canary, "/proc/canary"});
    EXPECT_THAT(run.out, Not(HasSubstr("WORKED"))) << run.out;
  }
  const Finished after = world().host({"/bin/ls", "-A", world().home()});
  EXPECT_THAT(after.out, Not(HasSubstr("hostname"))) << "nothing may be made in the link's target";
  EXPECT_EQ(world().host({"/bin/cat", canary}).out, "untouched");
}

INSTANTIATE_TEST_SUITE_P(Users,
                         EscapeTest,
                         ::testing::Values(Who::Self, Who::Plain, Who::WithRange),
                         nameOf);

}  // namespace
}  // namespace ak::security
