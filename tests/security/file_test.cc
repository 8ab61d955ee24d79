// F1 and F3 to F6: files on their way into a sandbox, through the HTTP API, flags and project
// files.
#include "sys/file.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <fstream>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "client/client.h"
#include "image/test_tar.h"
#include "os/testing/agent_libraries.h"
#include "world.h"

namespace ak::security {
namespace {

using image::testing::TarWriter;
using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::Not;

class FileTest : public SecurityTest {
 protected:
  void SetUp() override {
    SecurityTest::SetUp();
    if (IsSkipped()) {
      return;
    }
    outside_ = world().home() + "/beyond";
    world().put(outside_ + "/canary", "untouched\n");
    world().agentkernel({"list"});  // starts the daemon
  }

  void TearDown() override {
    if (!IsSkipped()) {
      EXPECT_EQ(
          world().host({"/bin/sh", "-c", "cat \"$1\"/canary && ls -A \"$1\"", "sh", outside_}).out,
          "untouched\ncanary\n")
          << "nothing may be written outside";
    }
  }

  struct Answer {
    int status = 0;
    nlohmann::json body;
  };

  // POST /run with one file and a shell text, over a connection of this user's.
  Answer runWithFile(const std::string& path,
                     const std::string& base64,
                     const std::string& text,
                     const std::string& image = "host") {
    const nlohmann::json body = {{"image", image},
                                 {"command", {"sh", "-c", text}},
                                 {"files", {{{"path", path}, {"content", base64}}}}};
    return post(body.dump());
  }

  Answer post(const std::string& body) {
    if (world().uid() != ::geteuid()) {
      EXPECT_EQ(::seteuid(world().uid()), 0);
    }
    auto client = client::Client::connect(world().top() + "/run/agentkernel/daemon.sock");
    EXPECT_EQ(::seteuid(::getuid()), 0);
    EXPECT_TRUE(client) << client.error().message;
    client::Request request;
    request.method = "POST";
    request.path = "/run";
    request.body = body;
    const auto response = client->call(request);
    EXPECT_TRUE(response) << response.error().message;
    return response
               ? Answer{response->status, nlohmann::json::parse(response->body, nullptr, false)}
               : Answer{};
  }

  Finished importTar(const TarWriter& tar, const std::string& name) {
    const std::string path = world().top() + "/" + name + ".tar";
    std::ofstream(path, std::ios::binary) << tar.finish();
    return world().agentkernel({"images", "import", path, "--name", name});
  }

  static void addShell(TarWriter& tar) {
    const auto busybox = sys::readFile("/bin/busybox", std::size_t{16} << 20U);
    tar.directory("bin").add(
        {.name = "bin/busybox", .content = busybox.value_or(""), .mode = 0755});
    for (const char* tool : {"bin/sh", "bin/cat", "bin/ls", "bin/stat"}) {
      tar.hardLink(tool, "bin/busybox");
    }
    const std::string directory = os::testing::kLibraryDirectory;
    tar.directory("lib").directory(directory);
    for (const std::string& library : os::testing::agentLibraries()) {
      const auto bytes = sys::readFile(cat("/usr/", directory, "/", library), 16U << 20U);
      tar.add({.name = cat(directory, "/", library), .content = bytes.value_or(""), .mode = 0755});
    }
    tar.symlink("lib64", directory);
  }

  std::string outside_;
};

TEST_P(FileTest, PathsThatLeadElsewhereAreRefused) {
  for (const std::string& path :
       {std::string("/tmp/../etc/x"), std::string("/tmp/./x"), std::string("tmp/x"),
        std::string("//tmp/x"), std::string("/tmp//x"), std::string("/tmp/x/"), std::string("/"),
        std::string(), std::string("/tmp/a\0b", 8), std::string("/tmp/a\nb"),
        std::string("/..") + outside_ + "/x", std::string("/proc/self/mem"),
        std::string("/proc/1/root/tmp/x"), std::string("/sys/kernel/x"), std::string("/dev/null"),
        std::string("/dev/shm/x"), "/tmp/" + std::string(4200, 'n')}) {
    const Answer answer = runWithFile(path, "eA==", "echo ran");
    EXPECT_EQ(answer.status, 400) << path << answer.body.dump();
    EXPECT_EQ(answer.body.value("code", ""), "invalid_argument") << path;
  }
}

// What only looks like a way up, or like another directory, is a name like any other.
TEST_P(FileTest, NamesThatOnlyLookLikePathsStayWhereTheySay) {
  for (const char* path : {"/tmp/%2e%2e/x", "/tmp/%252e%252e%2fx", "/tmp/\xe2\x80\xa5/x",
                           "/tmp/.../x", "/workspaces/x", "/tmp/\xef\xbc\x8e\xef\xbc\x8e/x"}) {
    const Answer answer = runWithFile(path, "eA==", cat("cat '", path, "'; ls -A /workspace"));
    EXPECT_EQ(answer.status, 200) << path << answer.body.dump();
    EXPECT_EQ(answer.body["data"].value("output", ""), "x") << path;
  }
}

TEST_P(FileTest, LinksOfAnImageAreResolvedInsideOfIt) {
  TarWriter tar;
  addShell(tar);
  tar.directory("etc").directory("tmp").symlink("way", outside_).symlink("up", "../../../..");
  tar.symlink("final", outside_ + "/canary").symlink("magic", "/proc/self/fd");
  const Finished imported = importTar(tar, "linked");
  ASSERT_EQ(imported.status, 0) << imported.err;
  for (const char* path : {"/way/canary", "/up/tmp/x", "/magic/3"}) {
    const Answer answer = runWithFile(path, "eA==", cat("cat ", path), "linked");
    if (answer.status == 200) {
      EXPECT_EQ(answer.body["data"].value("output", ""), "x") << path;
    } else {
      EXPECT_NE(answer.body.value("code", "internal"), "internal") << path << answer.body.dump();
    }
  }
  // A link as the last part is replaced, not followed.
  const Answer last = runWithFile("/final", "eA==", "stat -c %F /final; cat /final", "linked");
  EXPECT_EQ(last.body["data"].value("output", ""), "regular file\nx") << last.body.dump();
  EXPECT_EQ(runWithFile("/tmp/empty", "", "stat -c %s /tmp/empty", "linked").body["data"]["output"],
            "0\n");
}

TEST_P(FileTest, ArchivesWriteNothingOutside) {
  const std::string canary = outside_ + "/canary";
  const std::string up = "../../../../../../../.." + outside_;
  const std::vector<std::pair<std::string, TarWriter>> archives = {
      {"absolute", TarWriter().file(outside_ + "/planted", "x")},
      {"climbing", TarWriter().file(up + "/planted", "x")},
      {"through", TarWriter().symlink("d", outside_).file("d/planted", "x")},
      {"over", TarWriter().symlink("f", canary).file("f", "x")},
      {"hard", TarWriter().hardLink("h", canary).file("h", "x")},
      {"hard-up", TarWriter().hardLink("h", up + "/canary").file("h", "x")},
      {"device", TarWriter().add({.name = "sda", .type = '4', .mode = 0666, .major = 8})},
      {"fifo", TarWriter().add({.name = "p", .type = '6'})},
      {"long", TarWriter().pax("path", std::string(5000, 'n')).file("short", "x")},
      {"sparse", TarWriter()
                     .pax("GNU.sparse.realsize", "1000000000000")
                     .pax("GNU.sparse.major", "1")
                     .file("hole", "x")},
      {"lying", TarWriter().pax("size", "99999999999999").file("f", "x")},
      {"cut", TarWriter().raw(std::string(700, 'x'))},
  };
  for (const auto& [name, tar] : archives) {
    const Finished imported = importTar(tar, name);
    EXPECT_THAT(imported.status, AnyOf(0, 125)) << name << imported.err;
    EXPECT_THAT(imported.err, Not(HasSubstr("internal"))) << name;
  }
}

TEST_P(FileTest, SourcesThatAreNoFilesAreRefusedWithoutHanging) {
  const std::string odd = world().home() + "/odd";
  world().host({"/bin/sh", "-c",
                "mkdir -p \"$1\"/d && mkfifo \"$1\"/fifo && ln -s /dev/zero \"$1\"/zero", "sh",
                odd});
  for (const char* source : {"fifo", "d", "zero", "/dev/zero", "/proc/self/mem", "missing"}) {
    const std::string path = source[0] == '/' ? source : cat(odd, "/", source);
    const Finished flag = world().agentkernel(
        {"run", "--mount", "none", "--file", cat(path, ":/tmp/got"), "echo", "ran"});
    EXPECT_EQ(flag.status, 125) << source << flag.out << flag.err;
    world().put(odd + "/agentkernel.toml",
                cat("[[files]]\nsource = \"", source, "\"\ndest = \"/tmp/got\"\n"));
    const Finished project = world().agentkernel({"run", "--mount", "none", "echo", "ran"}, odd);
    EXPECT_EQ(project.status, 125) << source << project.out << project.err;
  }
  world().put(odd + "/agentkernel.toml",
              "[[files]]\nsource = \"../beyond/canary\"\ndest = \"/tmp/got\"\n");
  const Finished climbing = world().agentkernel({"run", "--mount", "none", "cat", "/tmp/got"}, odd);
  EXPECT_EQ(climbing.status, 125);
  EXPECT_THAT(climbing.out, Not(HasSubstr("untouched")));
  world().host({"/bin/rm", "-rf", odd});
}

TEST_P(FileTest, OddFilesOfAGuestAreNotApplied) {
  const std::string where = world().home() + "/odd-changes";
  world().put(where + "/kept", "old\n");
  const Finished run = world().agentkernel(
      {"run", "--keep", "--name", "odd", "--image", "host", "sh", "-c",
       "mkfifo fifo; mknod device c 1 3 2>/dev/null; perl -MIO::Socket::UNIX -e "
       "'IO::Socket::UNIX->new(Local => \"socket\", Listen => 1)'; echo new > kept; true"},
      where);
  ASSERT_EQ(run.status, 0) << run.err;
  const Finished applied = world().agentkernel({"apply", "odd"});  // must come back
  EXPECT_THAT(applied.status, AnyOf(0, 125)) << applied.err;
  EXPECT_EQ(world().host({"/usr/bin/find", where, "!", "-type", "f", "!", "-type", "d"}).out, "");
  EXPECT_EQ(world().agentkernel({"rm", "odd"}).status, 0);
  world().host({"/bin/rm", "-rf", where});
}

TEST_P(FileTest, WhatDoesNotFitIsAnErrorAndLeavesNothing) {
  const std::string big = world().home() + "/big";
  world().host({"/usr/bin/truncate", "-s", "17M", big});
  const Finished large = world().agentkernel(
      {"run", "--mount", "none", "--file", cat(big, ":/tmp/big"), "echo", "ran"});
  EXPECT_EQ(large.status, 125) << large.out;
  EXPECT_THAT(large.out, Not(HasSubstr("ran")));
  EXPECT_EQ(post(std::string(17 << 20, ' ')).status, 413);
  world().host({"/usr/bin/truncate", "-s", "6M", big});
  const Finished full =
      world().agentkernel({"run", "--keep", "--name", "full", "--mount", "none", "--image", "host",
                           "--file", cat(big, ":/tmp/../x"), "echo", "ran"});
  EXPECT_EQ(full.status, 125) << full.out;
  if (world().root()) {  // others have no limit of their own for the layer
    const Finished disk =
        world().agentkernel({"run", "--mount", "none", "--image", "host", "--no-fast", "--disk",
                             "2M", "--file", cat(big, ":/root/big"), "echo", "ran"});
    EXPECT_EQ(disk.status, 125) << disk.out << disk.err;
    EXPECT_THAT(disk.err, HasSubstr("/root/big"));
  }
  const Finished read_only =
      world().agentkernel({"run", "--mount", "none", "--image", "host", "--profile", "restrictive",
                           "--file", cat(big, ":/etc/big"), "echo", "ran"});
  EXPECT_EQ(read_only.status, 125) << read_only.out << read_only.err;
  EXPECT_THAT(world().agentkernel({"list", "--json"}).out,
              AllOf(Not(HasSubstr("run-")), Not(HasSubstr("full"))));
  world().host({"/bin/rm", "-f", big});
}

INSTANTIATE_TEST_SUITE_P(Users, FileTest, ::testing::Values(Who::Self, Who::Plain), nameOf);

}  // namespace
}  // namespace ak::security
