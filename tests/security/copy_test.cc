// `cp` out of a sandbox whose guest wants the host to write, read or wait elsewhere.
#include <filesystem>

#include <gmock/gmock.h>

#include "base/text.h"
#include "world.h"

namespace ak::security {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;

class CopyTest : public SecurityTest {
 protected:
  void SetUp() override {
    SecurityTest::SetUp();
    if (IsSkipped()) {
      return;
    }
    // The guest does not know the name, but must not reach it even if it did.
    outside_ = world().home() + "/beyond-cp";
    target_ = world().home() + "/copied";
    world().put(outside_ + "/canary", "untouched\n");
    world().host({"/bin/mkdir", target_});
    const Finished made =
        world().agentkernel({"create", "--mount", "none", "--image", "host", "hostile"});
    ASSERT_EQ(made.status, 0) << made.err;
  }

  void TearDown() override {
    if (!IsSkipped()) {
      world().agentkernel({"rm", "hostile"});
      EXPECT_EQ(
          world().host({"/bin/sh", "-c", "cat \"$1\"/canary && ls -A \"$1\"", "sh", outside_}).out,
          "untouched\ncanary\n")
          << "nothing may be written outside";
      world().host({"/bin/rm", "-rf", outside_, target_});
    }
  }

  void guest(const std::string& text) {
    const Finished done = world().agentkernel({"exec", "hostile", "sh", "-c", text});
    EXPECT_EQ(done.status, 0) << done.err;
  }

  Finished take(const std::string& path, Words options = {}) {
    Words words = {"cp"};
    words.insert(words.end(), options.begin(), options.end());
    words.insert(words.end(), {"hostile:" + path, target_});
    return world().agentkernel(words);
  }

  std::string host(const std::string& text) {
    return world().host({"/bin/sh", "-c", text, "sh", target_, outside_}).out;
  }

  std::string outside_;
  std::string target_;
};

TEST_P(CopyTest, LinksThatLeadOutAreNotMade) {
  guest(cat("mkdir -p /tmp/t/d && cd /tmp/t && ln -s ", outside_, "/canary abs && ln -s ",
            "../../../../../..", outside_,
            " climb && ln -s d/../../x through && ln -s d in && "
            "ln -s .. d/up && ln -s ../.. d/out"));
  const Finished taken = take("/tmp/t");
  EXPECT_EQ(taken.status, 1) << taken.err;
  EXPECT_EQ(host("cd $1/t && find . -type l | sort"), "./d/up\n./in\n");
}

// First a link, then a directory or a file of the same name: what a second copy writes must not go
// through what the first one made.
TEST_P(CopyTest, ASecondCopyWritesNotThroughTheLinksOfTheFirst) {
  guest(
      cat("mkdir /tmp/t && ln -s ", outside_, " /tmp/t/d && ln -s ", outside_, "/canary /tmp/t/f"));
  EXPECT_EQ(take("/tmp/t", {"--outside-links"}).status, 0);
  guest("cd /tmp/t && rm d f && mkdir d && echo planted > d/planted && echo planted > f");
  EXPECT_THAT(take("/tmp/t").status, AnyOf(1, 125));
  guest("cd /tmp/t && rm -r d");
  EXPECT_EQ(take("/tmp/t").status, 0);
  EXPECT_EQ(host("cat $1/t/f"), "planted\n");
}

// A directory that is a link every other moment (as in CVE-2018-15664): whatever the agent finds,
// it is the sandbox's own.
TEST_P(CopyTest, ATreeThatIsExchangedMeanwhileLeadsNowhere) {
  guest("mkdir -p /tmp/t/d /tmp/real && echo mine > /tmp/t/d/shadow && echo mine > /tmp/real/x");
  auto racer = world().begin({"exec", "hostile", "sh", "-c",
                              "cd /tmp/t; while :; do mv d e; ln -s /etc d; rm d; mv e d; done"});
  for (int i = 0; i < 10; ++i) {
    const Finished taken = take("/tmp/t");
    EXPECT_THAT(taken.status, AnyOf(0, 1, 125)) << taken.err;
    EXPECT_EQ(host("find $1 -type l ! -path '*/t/*'; cat $1/t/d/shadow 2>/dev/null | grep -v mine"),
              "");
    host("rm -rf $1/t");
  }
  racer.reset();
}

TEST_P(CopyTest, FifosDevicesAndSocketsDoNotHangItAndAreLeftOut) {
  guest(
      "mkdir /tmp/t && cd /tmp/t && mkfifo fifo && ln -s /dev/zero zero && ln -s /proc/self/mem "
      "mem "
      "&& perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new(Local => \"socket\", Listen => 1)' && "
      "echo x > file");
  const Finished tree = take("/tmp/t");
  EXPECT_EQ(tree.status, 1) << tree.err;
  EXPECT_EQ(host("ls $1/t"), "file\n");
  for (const char* name : {"fifo", "zero", "mem", "socket"}) {
    const Finished one = take(cat("/tmp/t/", name));
    EXPECT_EQ(one.status, 125) << name << one.err;
  }
  EXPECT_EQ(take("/proc/1/environ").status, 125);
  EXPECT_EQ(take("/dev/zero").status, 125);
}

TEST_P(CopyTest, TreesWithoutAnEndEnd) {
  guest(
      "cd /tmp && mkdir deep && cd deep && i=0 && while [ $i -lt 400 ]; do mkdir d && cd d && "
      "i=$((i+1)); done");
  const Finished deep = take("/tmp/deep");
  EXPECT_EQ(deep.status, 125);
  EXPECT_THAT(deep.err, HasSubstr("too deep"));
  host("rm -rf $1/deep");
  guest("mkdir /tmp/wide && cd /tmp/wide && seq 1 66000 | xargs touch");
  const Finished wide = take("/tmp/wide");
  EXPECT_EQ(wide.status, 125);
  EXPECT_THAT(wide.err, HasSubstr("too many"));
}

// Sizes that mean nothing, and a file that grows as fast as it is read.
TEST_P(CopyTest, SizesOfTheGuestCostTheHostNothing) {
  guest("truncate -s 300M /tmp/nothing");
  EXPECT_EQ(take("/tmp/nothing").status, 0);
  EXPECT_EQ(host("stat -c %s $1/nothing; [ $(stat -c %b $1/nothing) -lt 100 ] && echo small"),
            "314572800\nsmall\n");
  const Finished large = take("/tmp/nothing", {"--max-size", "100mb"});
  EXPECT_EQ(large.status, 125);
  EXPECT_THAT(large.err, HasSubstr("--max-size"));
  auto grower =
      world().begin({"exec", "hostile", "sh", "-c",
                     "echo > /tmp/grows; while :; do head -c 1000000 /dev/zero >> /tmp/grows; "
                     "[ $(stat -c %s /tmp/grows) -lt 50000000 ] || : > /tmp/grows; done"});
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(take("/tmp/grows").status, AnyOf(0, 1, 125));  // it comes back
  }
  grower.reset();
  EXPECT_EQ(host("find $1 -name '.ak-*'"), "") << "no half file stays";
}

TEST_P(CopyTest, SetIdBitsStayInside) {
  guest("mkdir /tmp/t && echo x > /tmp/t/s && chmod 6777 /tmp/t/s /tmp/t");
  EXPECT_EQ(take("/tmp/t").status, 0);
  EXPECT_EQ(host("find $1 -perm /7000"), "");
}

// Into a sandbox: a link of a project leads to what the guest must not see.
TEST_P(CopyTest, LinksBelowWhatIsCopiedInAreNotFollowed) {
  const std::string tree = world().home() + "/tree-in";
  world().host({"/bin/sh", "-c",
                "mkdir \"$1\" && ln -s \"$2\" \"$1\"/d && ln -s \"$2\"/canary \"$1\"/f", "sh", tree,
                outside_});
  EXPECT_EQ(world().agentkernel({"cp", tree, "hostile:/tmp"}).status, 0);
  const Finished seen =
      world().agentkernel({"exec", "hostile", "sh", "-c",
                           "cd /tmp/tree-in && ls -A && cat f d/canary; find . -type l"});
  EXPECT_EQ(seen.out.find("untouched"), std::string::npos) << seen.out;
  EXPECT_THAT(seen.out, HasSubstr("./d\n"));
  world().host({"/bin/rm", "-rf", tree});
}

INSTANTIATE_TEST_SUITE_P(Users, CopyTest, ::testing::Values(Who::Self, Who::Plain), nameOf);

}  // namespace
}  // namespace ak::security
