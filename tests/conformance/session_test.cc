#include <poll.h>

#include "base/text.h"
#include "crypto/sha256.h"
#include "fixture.h"
#include "forward/testing/sockets.h"
#include "sys/process.h"

namespace ak::conformance {
namespace {

class LifeTest : public BackendTest {
 protected:
  model::SandboxRecord recordOf(const std::string& id, const backend::Started& started) {
    model::SandboxRecord record;
    record.uuid = id;
    record.name = id;
    record.pid = started.box.pid;
    record.start_ticks = started.box.start_ticks;
    record.boot_id = sys::bootId().value();
    record.agent_key = std::string(wire::kKeySize, 'k');
    record.epoch = 2;  // the first session was 1
    record.ids = started.ids;
    return record;
  }
};

TEST_P(LifeTest, PortsAreReached) {
  auto box = bench().startOk(kBox);
  std::uint16_t port = 0;
  {
    const forward::testing::Server free(
        SOCK_STREAM);  // the fake backend's ports are this machine's
    port = free.port();
  }
  auto work = [&]() -> net::Task<std::string> {
    channel::Agent& agent = *box.agent;
    const wire::RelayRequest request{wire::RelayRequest::Protocol::Tcp, port};
    const auto nobody = co_await agent.relay(request);
    EXPECT_EQ(nobody.error().code, ErrorCode::Unavailable);
    auto server = co_await agent.exec(shell(cat("exec busybox nc -ll -p ", port, " -e cat")));
    EXPECT_TRUE(server) << server.error().message;
    auto relay = co_await agent.relay(request);
    for (int i = 0; i < 1000 && !relay; ++i) {  // until it listens
      co_await net::sleepFor(std::chrono::milliseconds(20));
      relay = co_await agent.relay(request);
    }
    if (!relay) {
      co_return relay.error().message;
    }
    const Status sent = co_await (*relay)->write("there and back");
    EXPECT_TRUE(sent);
    EXPECT_TRUE((*relay)->endWriting());
    std::string back;
    for (;;) {
      const auto piece = co_await (*relay)->next();
      if (!piece || !*piece) {
        EXPECT_TRUE(piece) << piece.error().message;
        break;
      }
      back += **piece;
    }
    const Status finished = co_await (*relay)->finish(std::chrono::seconds(20));
    EXPECT_TRUE(finished) << finished.error().message;
    co_return back;
  };
  EXPECT_EQ(bench().wait(work()), "there and back");
}

TEST_P(LifeTest, FilesGoInAndComeOut) {
  auto box = bench().startOk(kBox);
  const std::string base = GetParam() == "fake" ? bench().directory() : "/root";
  std::string content(1'000'000, '\0');
  for (std::size_t i = 0; i < content.size(); ++i) {
    content[i] = static_cast<char>(i * 31);
  }
  auto work = [&]() -> net::Task<void> {
    channel::Agent& agent = *box.agent;
    const auto asking = [&](wire::FileRequest::Kind kind, std::string_view name) {
      wire::FileRequest request;
      request.kind = kind;
      request.path = cat(base, name);
      return request;
    };
    using enum wire::FileRequest::Kind;
    wire::FileRequest directory = asking(MakeDirectory, "/d/e");
    directory.parents = true;
    const auto made = co_await agent.file(std::move(directory));
    EXPECT_TRUE(made) << made.error().message;
    wire::FileRequest file = asking(Write, "/d/e/f");
    file.mode = 0640;
    const auto written = co_await channel::writeFile(agent, std::move(file), content);
    EXPECT_TRUE(written) << written.error().message;
    wire::FileRequest link = asking(MakeLink, "/d/l");
    link.target = "e/f";
    const auto linked = co_await agent.file(std::move(link));
    EXPECT_TRUE(linked) << linked.error().message;
    const auto info = co_await agent.file(asking(Stat, "/d/e/f"));
    EXPECT_TRUE(info) << info.error().message;
    EXPECT_EQ(info->size, content.size());
    EXPECT_EQ(info->mode & 0777U, 0640U);
    EXPECT_EQ(info->kind, wire::FileInfo::Kind::Regular);
    const auto listed = co_await agent.list(base + "/d");
    EXPECT_TRUE(listed) << listed.error().message;
    EXPECT_EQ(listed->size(), 2U);
    auto opened = co_await agent.openFile(asking(Read, "/d/l"));
    EXPECT_TRUE(opened) << opened.error().message;
    std::string read;
    for (;;) {
      const auto piece = co_await (*opened)->next();
      EXPECT_TRUE(piece) << piece.error().message;
      if (!piece || !*piece) {
        break;
      }
      read += **piece;
    }
    EXPECT_TRUE(read == content);
    const channel::FileDigest digest = (*opened)->digest();
    EXPECT_EQ(digest.size, content.size());
    EXPECT_EQ(digest.sha256, crypto::sha256Hex(content));
    wire::FileRequest whole = asking(Remove, "/d");
    whole.recursive = true;
    const auto removed = co_await agent.file(std::move(whole));
    EXPECT_TRUE(removed) << removed.error().message;
    const auto gone = co_await agent.file(asking(Stat, "/d/e/f"));
    EXPECT_EQ(gone.error().code, ErrorCode::NotFound);
  };
  bench().wait(work());
}

TEST_P(LifeTest, PingAnswers) {
  auto box = bench().startOk(kBox);
  const Status pong = bench().wait(box.agent->ping());
  EXPECT_TRUE(pong);
  EXPECT_FALSE(box.agent->hello().build.empty());
}

TEST_P(LifeTest, ARestartedDaemonFindsItsSandboxAgain) {
  auto request = bench().request(kBox);
  request.one_shot = false;
  request.rules.owner_lease_ms = 0;
  auto box = bench().start(std::move(request));
  ASSERT_TRUE(box) << box.error().message;
  const model::SandboxRecord record = recordOf(kBox, *box);
  const std::string file = GetParam() == "fake" ? bench().directory() + "/mark" : "/root/mark";
  bench().sh(*box->agent, "echo here > " + file);
  box->agent.reset();
  bench().restartDaemon();
  const std::string directory = bench().native_options.sandboxes_directory + "/" + kBox;
  auto again = bench().wait(bench().backend().reconnect(record, directory));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(bench().sh(*again->agent, "cat " + file).output, "here\n");
  EXPECT_TRUE(bench().stop(kBox));
  pollfd ended{again->process.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&ended, 1, 0), 1);
}

// Reads a job to its end and acknowledges it; its exit code, or -1.
net::Task<int> drained(channel::JobStream& job, std::string& output) {
  for (;;) {
    const auto event = co_await job.next();
    EXPECT_TRUE(event) << event.error().message;
    if (!event) {
      co_return -1;
    }
    if (event->kind == channel::ExecStream::Event::Kind::Exit) {
      co_return event->exit.killed ? 137 : event->exit.code;
    }
    output += event->data;
    (void)job.acknowledge({job.from().out + output.size(), job.from().err});
  }
}

TEST_P(LifeTest, AJobOutlivesItsDaemonAndIsTakenUpWhereTheLogEnds) {
  auto request = bench().request(kBox);
  request.one_shot = false;
  request.rules.owner_lease_ms = 0;
  auto box = bench().start(std::move(request));
  ASSERT_TRUE(box) << box.error().message;
  const model::SandboxRecord record = recordOf(kBox, *box);
  const std::string go = GetParam() == "fake" ? bench().directory() + "/go" : "/root/go";
  const std::string script = cat("echo one; mkfifo ", go, "; read x < ", go, "; echo two; exit 5");
  auto begin = [&]() -> net::Task<void> {
    auto exec = shell(script);
    exec.close_stdin = true;
    auto job = co_await box->agent->startJob("0123abcd", std::move(exec));
    EXPECT_TRUE(job) << job.error().message;
    const auto event = co_await (*job)->next();
    EXPECT_EQ(event->data, "one\n");
  };
  bench().wait(begin());
  box->agent.reset();
  bench().restartDaemon();
  const std::string directory = bench().native_options.sandboxes_directory + "/" + kBox;
  auto again = bench().wait(bench().backend().reconnect(record, directory));
  ASSERT_TRUE(again) << again.error().message;
  bench().sh(*again->agent, cat("while ! [ -p ", go, " ]; do sleep 0.05; done; echo > ", go));
  auto end = [&]() -> net::Task<void> {
    const auto listed = co_await again->agent->listJobs();
    EXPECT_EQ(listed->size(), 1U);
    auto job = co_await again->agent->attachJob("0123abcd", {4, 0});
    EXPECT_TRUE(job) << job.error().message;
    std::string output;
    EXPECT_EQ(co_await drained(**job, output), 5);
    EXPECT_EQ(output, "two\n");
    EXPECT_TRUE(co_await again->agent->forgetJob("0123abcd"));
  };
  bench().wait(end());
  EXPECT_TRUE(bench().stop(kBox));
}

TEST_P(LifeTest, AWrongKeyDoesNotReconnect) {
  auto request = bench().request(kBox);
  request.rules.owner_lease_ms = 0;
  auto box = bench().start(std::move(request));
  ASSERT_TRUE(box) << box.error().message;
  ASSERT_TRUE(bench().wait(box->agent->ping()));
  model::SandboxRecord record = recordOf(kBox, *box);
  record.agent_key[0] = 'x';
  const auto again = bench().wait(
      bench().backend().reconnect(record, bench().native_options.sandboxes_directory + "/" + kBox));
  EXPECT_FALSE(again);
  EXPECT_TRUE(bench().wait(box->agent->ping())) << "the rightful session goes on";
}

TEST_P(LifeTest, StopEndsItAndStoppingAgainIsSuccess) {
  auto box = bench().startOk(kBox);
  EXPECT_EQ(bench().wait(bench().backend().list()).value().size(), 1U);
  EXPECT_TRUE(bench().stop(kBox));
  EXPECT_TRUE(bench().stop(kBox));
  EXPECT_TRUE(bench().wait(bench().backend().list()).value().empty());
  EXPECT_FALSE(bench().wait(box.agent->ping()));
}

TEST_P(LifeTest, AnEndByItselfIsReported) {
  auto box = bench().startOk(kBox);
  net::Event changed(bench().loop().executor());
  std::string ended;
  bench().backend().onEnded([&](const backend::Ended& what) {
    ended = what.id;
    changed.notifyAll();
  });
  auto work = [&]() -> net::Task<void> {
    const Status asked = co_await box.agent->shutdown();
    EXPECT_TRUE(asked) << asked.error().message;
    while (ended.empty()) {
      co_await changed.wait();
    }
  };
  bench().wait(work());
  EXPECT_EQ(ended, kBox);
}

INSTANTIATE_TEST_SUITE_P(Backends,
                         LifeTest,
                         testing::Values("fake", "native"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace ak::conformance
