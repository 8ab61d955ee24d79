// ak-launcher: makes, parks and reaps boxes. The contract of its arguments is in README.md.
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <vector>

#include "base/text.h"
#include "launch/launcher.h"
#include "launch/layer_worker.h"
#include "launch/remove.h"
#include "launch/tree_server.h"
#include "sys/file.h"

namespace {

struct Arguments {
  std::string runtime;
  int agent = -1;
  int listener = -1;
  int ready = -1;
  ak::launch::Host::Layers layers = ak::launch::Host::Layers::Detached;
};

std::optional<Arguments> parse(int argc, char** argv) {
  Arguments parsed;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--attached-layers") {
      parsed.layers = ak::launch::Host::Layers::Attached;
      continue;
    }
    if (i + 1 >= argc) {
      return std::nullopt;
    }
    const std::string_view value = argv[++i];
    const int number = ak::parseNumber<int>(value).value_or(-1);
    if (word == "--runtime") {
      parsed.runtime = value;
    } else if (word == "--agent-fd") {
      parsed.agent = number;
    } else if (word == "--listen-fd") {
      parsed.listener = number;
    } else if (word == "--ready-fd") {
      parsed.ready = number;
    } else {
      return std::nullopt;
    }
  }
  const bool complete = parsed.runtime.starts_with('/') && parsed.agent > 2 &&
                        parsed.listener > 2 && parsed.ready > 2;
  return complete ? std::optional(parsed) : std::nullopt;
}

// The daemon's descriptors come without close-on-exec, and whatever else a careless parent left
// open stays out of every box.
void closeOthers(const Arguments& arguments) {
  for (int fd = 3; fd < 1024; ++fd) {
    if (fd == arguments.agent || fd == arguments.listener || fd == arguments.ready) {
      (void)::fcntl(fd, F_SETFD, FD_CLOEXEC);
    } else {
      (void)::close(fd);
    }
  }
  (void)::close_range(1024, ~0U, 0);
}

// Of core dumps boxes have the limit 1 (child_process.cc). Whoever started us may have 0 as its
// hard limit, which a box, without rights on the host, cannot raise; root can, here.
void makeRoomForCoreLimit() {
  rlimit now{};
  if (::getrlimit(RLIMIT_CORE, &now) == 0 && now.rlim_max < 1) {
    now.rlim_max = 1;
    (void)::setrlimit(RLIMIT_CORE, &now);  // an ordinary user's stays 0: no file is written
  }
}

int removeAndReport(const std::string& path) {
  const ak::Status removed = ak::launch::removeDirectory(path);
  if (!removed) {
    (void)ak::sys::writeAll(2, ak::cat("ak-launcher: ", removed.error().message, "\n"));
  }
  return removed ? 0 : 125;
}

int serveFiles() {
  constexpr int kSocket = 3;
  constexpr int kTop = 4;
  const ak::Status served = ak::launch::serveTree(kSocket, kTop);
  if (!served) {
    (void)ak::sys::writeAll(2, ak::cat("ak-launcher: ", served.error().message, "\n"));
  }
  return served ? 0 : 125;
}

}  // namespace

int main(int argc, char** argv) {
  using ak::launch::Host;
  using ak::launch::Launcher;
  if (argc == 3 && std::string_view(argv[1]) == "--remove") {
    return removeAndReport(argv[2]);
  }
  if (argc >= 2 && std::string_view(argv[1]) == "--merge") {
    return ak::launch::mergeForDaemon(std::vector<std::string>(argv + 2, argv + argc)) ? 0 : 125;
  }
  if (argc == 2 && std::string_view(argv[1]) == "--files") {
    return serveFiles();
  }
  const std::optional<Arguments> arguments = parse(argc, argv);
  if (!arguments) {
    constexpr std::string_view kUsage =
        "usage: ak-launcher --runtime DIR --agent-fd N --listen-fd N --ready-fd N\n"
        "Started by agentkerneld; not for people.\n";
    (void)!::write(2, kUsage.data(), kUsage.size());
    return 125;
  }
  closeOthers(*arguments);
  makeRoomForCoreLimit();
  ak::sys::OwnedFd agent(arguments->agent);
  ak::sys::OwnedFd listener(arguments->listener);
  ak::sys::OwnedFd ready(arguments->ready);
  ak::Result<Host> host = Host::make(arguments->runtime, agent.get(), arguments->layers);
  agent.reset();
  const std::string report = host ? std::string("ready\n")
                                  : ak::cat(ak::errorCodeInfo(host.error().code).name, "\n",
                                            host.error().message, "\n", host.error().remedy, "\n");
  const bool told = ak::sys::writeAll(ready.get(), report).has_value();
  ready.reset();
  if (!host || !told) {
    return 125;
  }
  Launcher launcher(*host, std::move(listener));
  return launcher.run() ? 0 : 125;
}
