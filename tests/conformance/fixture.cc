#include "fixture.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "backend/fake/fake_backend.h"
#include "backend/native/native_backend.h"
#include "base/text.h"
#include "os/testing/agent_libraries.h"

namespace ak::conformance {

namespace fs = std::filesystem;

namespace {

// What the seccomp sets hold back has tests of its own; here everything is allowed.
std::string allowAll() {
  const sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  return std::string(reinterpret_cast<const char*>(&allow), sizeof allow);
}

model::HostPath hostPath(const std::string& path) {
  struct stat info{};
  EXPECT_EQ(::stat(path.c_str(), &info), 0) << path;
  return {path, info.st_dev, info.st_ino};
}

}  // namespace

Bench::Bench(std::string kind)
    : kind_(std::move(kind)),
      front_(
          [this](observe::Level level, std::string_view component, std::string_view text) {
            log_.push_back(cat(observe::name(level), " ", component, ": ", text));
          },
          observe::Level::Info) {
  char name[] = "/tmp/ak-conf-XXXXXX";
  directory_ = ::mkdtemp(name);
  ::chmod(directory_.c_str(), 0711);
  for (const char* part : {"run", "run/sandboxes", "root"}) {
    fs::create_directory(directory_ + "/" + part);
  }
  makeRoot();
  native_options.agent_program = AK_BIN_DIR "/ak-agent";
  native_options.launcher_program = AK_BIN_DIR "/ak-launcher";
  native_options.runtime_directory = directory_ + "/run";
  native_options.sandboxes_directory = directory_ + "/run/sandboxes";
  native_options.base_filter = allowAll();
  native_options.pool_max = 0;
  native_options.log = &front_;
  native_options.take_ids = [this]() -> Result<model::IdRange> {
    ++ids_out_;
    return model::IdRange{0x10000 * ++next_ids_, 0x10000};
  };
  native_options.return_ids = [this](const model::IdRange&) { --ids_out_; };
}

Bench::~Bench() {
  if (backend_) {
    auto end = [this]() -> net::Task<void> {
      auto ids = co_await backend_->list();
      for (const std::string& id : ids.value_or(std::vector<std::string>{})) {
        const Status stopped = co_await backend_->stop(id);
        EXPECT_TRUE(stopped) << stopped.error().message;
      }
      co_await backend_->close();
    };
    wait(end());
  }
  std::error_code error;
  fs::remove_all(directory_, error);
}

// A root file system of busybox alone.
void Bench::makeRoot() {
  const fs::path root = directory_ + "/root";
  for (const char* part :
       {"bin", "etc", "proc", "dev", "sys", "tmp", "root", "workspace", "run", "var"}) {
    fs::create_directory(root / part);
  }
  ::chmod((root / "tmp").c_str(), 01777);
  fs::copy_file("/bin/busybox", root / "bin/busybox");
  for (const char* applet :
       {"sh", "cat",    "echo",  "true",   "false", "sleep", "head",     "tail", "dd",   "id",
        "ls", "tr",     "wc",    "seq",    "yes",   "stty",  "hostname", "kill", "ps",   "mkdir",
        "rm", "setsid", "nohup", "printf", "test",  "sync",  "touch",    "env",  "mount"}) {
    fs::create_symlink("busybox", root / "bin" / applet);
  }
  std::ofstream(root / "etc/passwd")
      << "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n";
  std::ofstream(root / "etc/group") << "root:x:0:\nnogroup:x:65534:\n";
  os::testing::addAgentLibraries(root);
}

void Bench::makeBackend() {
  if (kind_ == "fake") {
    backend_ = std::make_unique<backend::FakeBackend>(
        loop_.executor(), backend::FakeOptions{native_options.agent_program, &front_});
  } else {
    backend_ = std::make_unique<backend::NativeBackend>(loop_.executor(), native_options);
  }
}

std::string Bench::whyNot() {
  makeBackend();
  const backend::Probe probe = wait(backend_->probe());
  return probe.usable ? "" : probe.reason;
}

void Bench::restartDaemon() {
  auto end = [this]() -> net::Task<void> { co_await backend_->close(); };
  wait(end());
  makeBackend();
}

backend::StartRequest Bench::request(const std::string& id) {
  backend::StartRequest request;
  request.id = id;
  request.hostname = id;
  request.permissions.capabilities = 0;
  request.root.layers = {hostPath(directory_ + "/root")};
  request.image_key = "busybox";
  request.ids = {0x10000 * ++next_ids_, 0x10000};
  request.agent_key = std::string(wire::kKeySize, 'k');
  request.rules.child_filter = allowAll();
  request.rules.base_environment = {"PATH=/bin:/usr/bin", "HOME=/root"};
  request.runtime_directory = native_options.sandboxes_directory + "/" + id;
  return request;
}

Result<backend::Started> Bench::start(backend::StartRequest request) {
  return wait(backend_->start(std::move(request)));
}

backend::Started Bench::startOk(const std::string& id) {
  auto started = start(request(id));
  if (!started) {
    ADD_FAILURE() << started.error().message << "\n" << join(log_, "\n");
    std::abort();
  }
  agents_.push_back(started->agent);
  return *std::move(started);
}

Status Bench::stop(const std::string& id) {
  return wait(backend_->stop(id));
}

net::Task<Outcome> collect(channel::ExecStream& exec) {
  Outcome outcome;
  for (;;) {
    auto event = co_await exec.next();
    if (!event) {
      ADD_FAILURE() << event.error().message;
      co_return outcome;
    }
    switch (event->kind) {
      case channel::ExecStream::Event::Kind::Stdout:
        outcome.output += event->data;
        break;
      case channel::ExecStream::Event::Kind::Stderr:
        outcome.errors += event->data;
        break;
      case channel::ExecStream::Event::Kind::Exit:
        outcome.exit = event->exit;
        co_return outcome;
    }
  }
}

Outcome Bench::run(channel::Agent& agent, wire::ExecRequest request) {
  auto both = [&]() -> net::Task<Outcome> {
    auto exec = co_await agent.exec(request);
    if (!exec) {
      ADD_FAILURE() << exec.error().message;
      co_return Outcome{};
    }
    co_return co_await collect(**exec);
  };
  return wait(both());
}

wire::ExecRequest shell(const std::string& script) {
  wire::ExecRequest request;
  request.argv = {"/bin/sh", "-c", script};
  request.close_stdin = true;
  return request;
}

Outcome Bench::sh(channel::Agent& agent, const std::string& script) {
  return run(agent, shell(script));
}

}  // namespace ak::conformance
