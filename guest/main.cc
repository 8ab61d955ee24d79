// ak-agent: process 1 of every sandbox. guest/README.md tells how it is started.
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <string_view>

#include "base/text.h"
#include "guest/agent.h"
#include "guest/contract.h"
#include "sys/file.h"
#include "sys/unix_socket.h"

namespace ak::guest {
namespace {

// 0 to 2 must be something, or a pipe of ours would get such a number and a child would lose it.
Status fillStandardDescriptors() {
  for (int fd = 0; fd <= 2; ++fd) {
    if (::fcntl(fd, F_GETFD) < 0 && ::open("/", O_PATH) != fd) {
      return failErrno("fill descriptors 0 to 2");
    }
  }
  return {};
}

Status harden() {
  // Guest processes may have our uid: without this they could ptrace us or read our memory.
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
    return failErrno("PR_SET_DUMPABLE");
  }
  // Where we are not PID 1, orphans come to us all the same.
  if (::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0) {
    return failErrno("PR_SET_CHILD_SUBREAPER");
  }
  ::prctl(PR_SET_NAME, "ak-agent", 0, 0, 0);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  if (::sigprocmask(SIG_SETMASK, &set, nullptr) != 0) {
    return failErrno("sigprocmask");
  }
  ::signal(SIGPIPE, SIG_IGN);
  ::umask(0);  // modes of files are given by the host, to the bit
  return {};
}

sys::OwnedFd inherited(int fd) {
  // Fails for a descriptor that is not there, which is then simply not valid.
  return sys::OwnedFd(::fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 ? fd : -1);
}

Result<sys::OwnedFd> listener(int argc, char** argv) {
  if (argc == 3 && std::string_view(argv[1]) == "--listen") {
    return sys::listenUnix(argv[2], sys::SocketKind::Stream);
  }
  if (argc > 1) {
    return fail(ErrorCode::InvalidArgument, "usage: ak-agent [--listen PATH]");
  }
  sys::OwnedFd fd = inherited(kListenerFd);
  const int flags = fd.valid() ? ::fcntl(fd.get(), F_GETFL) : -1;
  struct stat info{};
  if (flags < 0 || ::fstat(fd.get(), &info) != 0 || !S_ISSOCK(info.st_mode)) {
    return fail(ErrorCode::InvalidArgument, "descriptor 3 is not a listening socket");
  }
  if (::fcntl(fd.get(), F_SETFL, flags | O_NONBLOCK) != 0) {
    return failErrno("make the listener non-blocking");
  }
  return fd;
}

Status serve(int argc, char** argv) {
  AK_TRY(harden());
  Agent::Descriptors descriptors;
  descriptors.cgroup = inherited(kCgroupFd);
  descriptors.kill_count = inherited(kKillCountFd);
  descriptors.listener = AK_TRY(listener(argc, argv));
  AK_TRY(fillStandardDescriptors());
  descriptors.signals = AK_TRY(Reaper::openSignals());
  Processes processes = AK_TRY(Processes::open());
  EventLoop loop = AK_TRY(EventLoop::make());
  Agent agent(loop, std::move(processes), std::move(descriptors));
  return agent.run();
}

}  // namespace
}  // namespace ak::guest

int main(int argc, char** argv) {
  const ak::Status served = ak::guest::serve(argc, argv);
  if (!served) {
    (void)ak::sys::writeAll(2, ak::cat("ak-agent: ", served.error().message, "\n"));
    return ak::guest::kExitBadStart;
  }
  return ak::guest::kExitClean;
}
