// Prints what a sandbox costs inside the daemon, as ratios against a plain vfork+exec and bwrap of
// the same static binary in the same run. Needs root, busybox-static; bubblewrap if it is there.
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <thread>

#include "backend/native/native_backend.h"
#include "base/text.h"
#include "net/loop.h"

namespace {

using namespace ak;
namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr int kRounds = 200;
// Before each timed round: what the one before left to the kernel (namespaces are freed late) is
// counted neither for nor against it. As bench/run.py does between whole commands.
constexpr std::chrono::milliseconds kPause{10};

struct Times {
  double p50 = 0;
  double p99 = 0;
};

Times measure(int rounds, const std::function<void()>& once) {
  std::vector<double> spent;
  for (int i = 0; i < rounds + 10; ++i) {
    std::this_thread::sleep_for(kPause);
    const auto begin = Clock::now();
    once();
    if (i >= 10) {
      spent.push_back(std::chrono::duration<double, std::milli>(Clock::now() - begin).count());
    }
  }
  std::ranges::sort(spent);
  return {spent[spent.size() / 2], spent[spent.size() * 99 / 100]};
}

[[noreturn]] void die(const std::string& why) {
  std::fprintf(stderr, "backend_bench: %s\n", why.c_str());
  std::exit(1);
}

template <typename T>
T need(Result<T> result) {
  if (!result) {
    die(result.error().message);
  }
  if constexpr (!std::is_void_v<T>) {
    return *std::move(result);
  }
}

void spawn(std::vector<const char*> argv) {
  argv.push_back(nullptr);
  pid_t pid = 0;
  if (::posix_spawn(&pid, argv[0], nullptr, nullptr, const_cast<char**>(argv.data()), environ) !=
      0) {
    die(argv[0]);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
}

net::Task<void> runTrue(channel::Agent& agent, bool last) {
  wire::ExecRequest request;
  request.argv = {"/bin/true"};
  request.close_stdin = true;
  request.last = last;
  auto exec = need(co_await agent.exec(request));
  for (;;) {
    const auto event = need(co_await exec->next());
    if (event.kind == channel::ExecStream::Event::Kind::Exit) {
      co_return;
    }
  }
}

struct Setup {
  explicit Setup(const fs::path& bin) {
    char name[] = "/tmp/ak-bench-XXXXXX";
    directory = ::mkdtemp(name);
    ::chmod(directory.c_str(), 0711);
    const char* const session = std::getenv("XDG_RUNTIME_DIR");
    runtime = fs::path(session != nullptr ? session : "/tmp") / directory.filename() / "run";
    fs::create_directories(runtime / "sandboxes");
    for (const char* part : {"root", "root/bin", "root/etc", "root/proc", "root/dev", "root/sys",
                             "root/tmp", "root/root", "root/run"}) {
      fs::create_directory(directory / part);
    }
    fs::copy_file("/bin/busybox", directory / "root/bin/busybox");
    fs::create_symlink("busybox", directory / "root/bin/true");
    const sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    filter.assign(reinterpret_cast<const char*>(&allow), sizeof allow);
    options.agent_program = bin / "ak-agent";
    options.launcher_program = bin / "ak-launcher";
    options.runtime_directory = runtime;
    options.sandboxes_directory = runtime / "sandboxes";
    options.base_filter = filter;
    options.pool_size = 2;
    options.pool_max = 2;
    options.log = &log;
    options.take_ids = []() -> Result<model::IdRange> {
      return model::IdRange{0x50000000, 0x10000};
    };
    options.return_ids = [](const model::IdRange&) {};
  }

  ~Setup() {
    std::error_code ignored;
    fs::remove_all(directory, ignored);
    fs::remove_all(runtime.parent_path(), ignored);
  }

  backend::StartRequest request(bool pool) {
    backend::StartRequest made;
    made.id = cat("bench-", ::getpid(), "-", ++number);
    made.hostname = "bench";
    struct stat info{};
    const std::string root = directory / "root";
    ::stat(root.c_str(), &info);
    made.root.layers = {{root, info.st_dev, info.st_ino}};
    made.ids = {0x40000000, 0x10000};
    made.may_pool = pool;
    made.agent_key = std::string(wire::kKeySize, 'k');
    made.rules.child_filter = filter;
    made.rules.base_environment = {"PATH=/bin"};
    made.runtime_directory = options.sandboxes_directory + "/" + made.id;
    return made;
  }

  fs::path directory;
  fs::path runtime;  // in memory, where a session has such a place
  std::string filter;
  observe::Log log;
  backend::NativeOptions options;
  int number = 0;
};

void print(const char* what, Times times, Times plain) {
  std::printf("%-44s %8.3f %8.3f %7.2fx\n", what, times.p50, times.p99, times.p50 / plain.p50);
  std::fflush(stdout);
}

// Times the part up to the first command's end; the stop between rounds is not counted.
Times startToExec(net::Loop& loop, backend::NativeBackend& backend, Setup& setup, bool pool) {
  std::vector<double> spent;
  if (pool) {
    backend.warm(setup.request(true));
  }
  auto rounds = [&]() -> net::Task<void> {
    for (int i = 0; i < kRounds + 10; ++i) {
      while (pool && backend.poolStats().warm < setup.options.pool_size) {
        co_await net::sleepFor(std::chrono::milliseconds(1));
      }
      co_await net::sleepFor(kPause);
      auto request = setup.request(pool);
      const std::string id = request.id;
      const auto begin = Clock::now();
      auto started = need(co_await backend.start(std::move(request)));
      co_await runTrue(*started.agent, false);
      if (i >= 10) {
        spent.push_back(std::chrono::duration<double, std::milli>(Clock::now() - begin).count());
      }
      need(co_await backend.stop(id));
    }
  };
  loop.runUntilDone(rounds());
  std::ranges::sort(spent);
  return {spent[spent.size() / 2], spent[spent.size() * 99 / 100]};
}

}  // namespace

int main(int, char** argv) {
  const fs::path bin = fs::canonical(fs::path(argv[0]).parent_path() / "../bin");
  Setup setup(bin);
  net::Loop loop;
  backend::NativeBackend backend(loop.executor(), setup.options);
  if (const auto probe = loop.runUntilDone(backend.probe()); !probe.usable) {
    die(probe.reason);
  }
  std::printf("%-44s %8s %8s %8s\n", "milliseconds", "p50", "p99", "ratio");
  const Times plain = measure(kRounds, [] { spawn({"/bin/busybox", "true"}); });
  print("plain vfork+exec of busybox true", plain, plain);
  if (fs::exists("/usr/bin/bwrap")) {
    print("bwrap --unshare-all of the same",
          measure(kRounds / 2,
                  [] {
                    spawn({"/usr/bin/bwrap", "--unshare-all", "--ro-bind", "/", "/", "/bin/busybox",
                           "true"});
                  }),
          plain);
  }
  print("cold start to end of first exec", startToExec(loop, backend, setup, false), plain);
  print("pool claim to end of first exec", startToExec(loop, backend, setup, true), plain);
  auto started = need(loop.runUntilDone(backend.start(setup.request(false))));
  print("exec round trip, live session",
        measure(kRounds, [&] { loop.runUntilDone(runTrue(*started.agent, false)); }), plain);
  print("ping, live session",
        measure(kRounds, [&] { need(loop.runUntilDone(started.agent->ping())); }), plain);
  auto end = [&]() -> net::Task<void> {
    for (const std::string& id : need(co_await backend.list())) {
      need(co_await backend.stop(id));
    }
    co_await backend.close();
  };
  loop.runUntilDone(end());
  return 0;
}
