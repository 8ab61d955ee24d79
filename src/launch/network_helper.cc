#include "launch/network_helper.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "launch/network.h"
#include "os/address_closer.h"
#include "os/capability.h"

namespace ak::launch {

namespace {

constexpr int kBoxFd = 3;
constexpr int kNetworkFd = 4;

// To join the box's network namespace and to configure it; nothing of the host belongs to the
// namespace in which they count.
constexpr unsigned kNeeded[] = {CAP_SYS_ADMIN, CAP_NET_ADMIN};

// More than a host has, or gets in years. Not on the stack; pages that nobody touches cost nothing.
os::Address closed_addresses[8192];

[[noreturn]] void stop(const char* what) {
  // Into the log that the launcher reads.
  (void)!::write(2, what, ::strlen(what));
  ::_exit(125);
}

void enter(const HelperPlan& plan) {
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  // pasta takes a SIGPIPE that is ignored already for a failure of its own.
  ::signal(SIGPIPE, SIG_DFL);
  ::umask(022);
  if (::dup2(plan.log, 2) < 0) {
    ::_exit(125);
  }
  for (std::size_t i = 0; i < plan.group_count; ++i) {
    if (::write(plan.groups[i], "0", 1) != 1) {
      stop("entering the box's cgroup");
    }
  }
  const rlimit no_core{1, 1};  // as in child_process.cc
  (void)::prctl(PR_SET_NAME, "ak-network", 0, 0, 0);
  if (::setsid() < 0 || ::setrlimit(RLIMIT_CORE, &no_core) != 0) {
    stop("session");
  }
}

// The namespace by name, in mounts that only we see: no descriptor has to stay open for pasta.
void showNamespace(const HelperPlan& plan) {
  char path[32] = "/proc/self/fd/";
  char* end = path + ::strlen(path);
  int number = plan.network_namespace;
  char digits[12];
  int count = 0;
  do {
    digits[count++] = static_cast<char>('0' + number % 10);
    number /= 10;
  } while (number != 0);
  while (count != 0) {
    *end++ = digits[--count];
  }
  *end = '\0';
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      ::mount(path, kNamespacePlace, nullptr, MS_BIND, nullptr) != 0) {
    stop("showing the network namespace");
  }
  if (plan.tun != nullptr && ::mount(plan.tun, "/dev/net/tun", nullptr, MS_BIND, nullptr) != 0) {
    stop("showing the tun device");
  }
}

void keepOnlyDescriptors(const HelperPlan& plan) {
  const int box = ::fcntl(plan.box, F_DUPFD_CLOEXEC, 64);
  const int null = ::fcntl(plan.null, F_DUPFD_CLOEXEC, 64);
  const int network = ::fcntl(plan.network_namespace, F_DUPFD_CLOEXEC, 64);
  if (box < 0 || null < 0 || network < 0 || ::dup2(null, 0) < 0 || ::dup2(null, 1) < 0 ||
      ::dup3(box, kBoxFd, O_CLOEXEC) < 0 || ::dup3(network, kNetworkFd, O_CLOEXEC) < 0 ||
      ::close_range(kNetworkFd + 1, ~0U, 0) != 0) {
    stop("descriptors");
  }
}

// Into the box's user namespace, as somebody there who is nobody on the host.
void dropRights(const HelperPlan& plan) {
  if (::setns(plan.user_namespace, CLONE_NEWUSER) != 0) {
    stop("joining the box's user namespace");
  }
  os::CapabilitySet set = 0;
  for (const unsigned capability : kNeeded) {
    set |= os::CapabilitySet{1} << capability;
  }
  // While the capabilities are in effect: changing the user may clear that.
  if (os::limitBoundingSet(set) != 0) {
    stop("bounding set");
  }
  if ((::syscall(SYS_setgroups, 0, nullptr) != 0 && errno != EPERM) ||
      ::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0 ||
      ::syscall(SYS_setresgid, plan.id, plan.id, plan.id) != 0 ||
      ::syscall(SYS_setresuid, plan.id, plan.id, plan.id) != 0) {
    stop("changing the user");
  }
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  const auto low = static_cast<std::uint32_t>(set);
  const __user_cap_data_struct data[2] = {{low, low, low}, {0, 0, 0}};
  if (::syscall(SYS_capset, &header, data) != 0) {
    stop("capabilities");
  }
  for (const unsigned capability : kNeeded) {
    if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) != 0) {
      stop("ambient capabilities");
    }
  }
  if (os::setNoNewPrivileges() != 0) {
    stop("no new privileges");
  }
}

[[noreturn]] void executePasta() {
  // IPv4 only: the host answers on its link-local IPv6 addresses, and no route can close those.
  const char* const words[] = {
      "pasta",       "--foreground", "--quiet",     "--stderr", "--config-net",  "--no-netns-quit",
      "--ipv4-only", "--no-map-gw",  "--tcp-ports", "none",     "--udp-ports",   "none",
      "--tcp-ns",    "none",         "--udp-ns",    "none",     "--dns-forward", kForwardedResolver,
      "--netns",     "./netns",      nullptr};
  const char* const environment[] = {nullptr};
  ::execve(kPasta, const_cast<char* const*>(words), const_cast<char* const*>(environment));
  stop("executing pasta");
}

// pasta stays in the host's network namespace, and we go into the box's: so it is cloned before,
// and executed when all is closed. Its pidfd; the word to go on is one byte into *go.
int clonePasta(int* go) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    stop("pipe");
  }
  int pasta = -1;
  clone_args arguments{};
  arguments.flags = CLONE_PIDFD;
  arguments.pidfd = reinterpret_cast<std::uint64_t>(&pasta);
  arguments.exit_signal = SIGCHLD;
  const long pid = ::syscall(SYS_clone3, &arguments, sizeof arguments);
  if (pid == 0) {
    char word = 0;
    ::close(ends[1]);
    if (::read(ends[0], &word, 1) == 1) {
      executePasta();
    }
    ::_exit(125);
  }
  if (pid < 0) {
    stop("starting pasta");
  }
  ::close(ends[0]);
  *go = ends[1];
  return pasta;
}

void closeAddresses(const HelperPlan& plan, os::AddressCloser& closer) {
  if (::setns(kNetworkFd, CLONE_NEWNET) != 0) {
    stop("joining the box's network namespace");
  }
  ::close(kNetworkFd);
  if (os::setCapabilities(os::CapabilitySet{1} << CAP_NET_ADMIN) != 0) {
    stop("capabilities");
  }
  if (closer.begin(plan.closed, plan.closed_count) != 0) {
    stop("closing the host's addresses");
  }
}

// Until the box ends, or what its network needs does. The end of a process 1 is the end of its
// namespace: pasta does not outlive us.
void serve(int pasta, os::AddressCloser& closer) {
  pollfd waiting[] = {{kBoxFd, POLLIN, 0}, {pasta, POLLIN, 0}, {closer.fd(), POLLIN, 0}};
  for (;;) {
    if (::poll(waiting, 3, -1) < 0) {
      if (errno != EINTR) {
        stop("waiting");
      }
    } else if (waiting[0].revents != 0 || waiting[1].revents != 0) {
      return;
    } else if (closer.serve() != 0) {
      stop("closing an address of the host");
    }
  }
}

}  // namespace

void runHelper(const HelperPlan& plan) {
  enter(plan);
  showNamespace(plan);
  dropRights(plan);
  keepOnlyDescriptors(plan);
  os::AddressCloser closer(closed_addresses);
  // Heard of before it is listed: none comes up in between unseen.
  if (closer.watch() != 0) {
    stop("watching the host's addresses");
  }
  int go = -1;
  const int pasta = clonePasta(&go);
  closeAddresses(plan, closer);
  if (::write(go, "g", 1) != 1) {
    stop("starting pasta");
  }
  ::close(go);
  serve(pasta, closer);
  ::_exit(0);
}

}  // namespace ak::launch
