#include "launch/network.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/text.h"
#include "launch/network_helper.h"
#include "sys/file.h"

namespace ak::launch {

namespace {

constexpr std::size_t kMaxResolvConf = 64 * 1024;
constexpr std::size_t kMaxResolvers = 3;  // resolv.conf(5)
constexpr std::size_t kLogSize = 4096;

// Services that give credentials to whoever runs on a cloud machine: AWS, GCP, Azure, OpenStack,
// DigitalOcean and Hetzner share the first; then AWS by IPv6 and through NAT64, ECS, Azure's
// platform, Alibaba, Oracle.
constexpr const char* kMetadata[] = {"169.254.169.254", "fd00:ec2::254", "64:ff9b::169.254.169.254",
                                     "169.254.170.2",   "168.63.129.16", "100.100.100.200",
                                     "192.0.0.192"};

bool isLoopback(const os::Address& address) {
  if (address.family == AF_INET) {
    return address.bytes[0] == 127;
  }
  in6_addr in{};  // the bytes are not aligned as this is
  std::memcpy(&in, address.bytes, sizeof in);
  return IN6_IS_ADDR_LOOPBACK(&in);
}

std::vector<std::string_view> words(std::string_view line) {
  std::vector<std::string_view> found;
  while (!line.empty()) {
    const std::size_t end = std::min(line.find_first_of(" \t"), line.size());
    if (end != 0) {
      found.push_back(line.substr(0, end));
    }
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  return found;
}

// Bounded by its seals: what pasta says in days cannot grow, and nobody has to read it.
Result<sys::OwnedFd> makeLog() {
  sys::OwnedFd log(::memfd_create("ak-network", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!log.valid() || ::ftruncate(log.get(), kLogSize) != 0 ||
      ::fcntl(log.get(), F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) != 0) {
    return failErrno("memory for the network helper's messages");
  }
  return log;
}

// pasta runs as nobody; some machines keep /dev/net/tun for root. The right device, opened by
// anyone, shown to the helper only.
Status prepare(const Host& host) {
  if (::mknodat(host.scratch(), kNamespacePlace, S_IFREG | 0444, 0) != 0 && errno != EEXIST) {
    return failErrno("a place for the network namespace");
  }
  if (host.rootless()) {
    return {};
  }
  if (::mknodat(host.scratch(), kTunPlace, S_IFCHR | 0666, makedev(10, 200)) != 0) {
    return errno == EEXIST ? Status() : failErrno("making a tun device");
  }
  return ::fchmodat(host.scratch(), kTunPlace, 0666, 0) == 0 ? Status()
                                                             : failErrno("making a tun device");
}

}  // namespace

Status checkNetwork() {
  if (::access(kPasta, X_OK) != 0) {
    return fail(ErrorCode::Unsupported, "network 'full' needs pasta, which is not installed",
                "apt install passt");
  }
  struct stat info{};
  if (::stat("/dev/net/tun", &info) != 0 || !S_ISCHR(info.st_mode)) {
    return fail(ErrorCode::Unsupported, "network 'full' needs /dev/net/tun",
                "Load the kernel module: modprobe tun");
  }
  // Root passes: it shows pasta a node of its own.
  if (::access("/dev/net/tun", R_OK | W_OK) != 0) {
    return fail(ErrorCode::Unsupported,
                "network 'full' needs /dev/net/tun, which is not ours to use",
                "Allow it to users (chmod 0666 /dev/net/tun), or use a root daemon.");
  }
  return {};
}

std::string resolverFor(std::string_view host_text, const std::vector<os::Address>& closed) {
  std::string text;
  std::size_t count = 0;
  for (const std::string_view line : split(host_text, '\n')) {
    const std::vector<std::string_view> parts = words(line);
    if (parts.size() < 2 || parts[0] != "nameserver" || count == kMaxResolvers) {
      continue;
    }
    const Result<os::Address> address = os::parseAddress(std::string(parts[1]).c_str());
    if (!address || address->family != AF_INET || isLoopback(*address) ||
        std::ranges::find(closed, *address) != closed.end()) {
      continue;
    }
    text += cat("nameserver ", parts[1], "\n");
    ++count;
  }
  return count != 0 ? text : cat("nameserver ", kForwardedResolver, "\n");
}

Result<NetworkPlan> planNetwork() {
  NetworkPlan plan;
  for (const char* text : kMetadata) {
    plan.closed.push_back(AK_TRY(os::parseAddress(text)));
  }
  // pasta gives the box the address of one interface of the host, which is then local to the box.
  // By the others it would lead to the host's own services.
  for (const os::Address& own : AK_TRY(os::localAddresses())) {
    if (!isLoopback(own)) {
      plan.closed.push_back(own);
    }
  }
  const Result<std::string> text = sys::readFile("/etc/resolv.conf", kMaxResolvConf);
  plan.resolver = resolverFor(text ? std::string_view(*text) : std::string_view(), plan.closed);
  return plan;
}

Status startNetwork(const Host& host, const NetworkPlan& network, Box& box, int netns) {
  AK_TRY(prepare(host));
  box.network.log = AK_TRY(makeLog());
  const std::vector<sys::OwnedFd> groups = AK_TRY(box.cgroup.entrances());
  const sys::OwnedFd group = AK_TRY(box.cgroup.helperGroup());
  HelperPlan plan;
  for (const sys::OwnedFd& entrance : groups) {
    plan.groups[plan.group_count++] = entrance.get();
  }
  plan.user_namespace = box.user_namespace.get();
  plan.network_namespace = netns;
  plan.box = box.pidfd.get();
  plan.log = box.network.log.get();
  plan.null = host.null();
  plan.closed = network.closed.data();
  plan.closed_count = network.closed.size();
  plan.tun = host.rootless() ? nullptr : kTunPlace;
  plan.id = box.ids.count > 1 ? std::min<std::uint32_t>(box.ids.count - 1, 65534) : 0;
  int pidfd = -1;
  clone_args arguments{};
  arguments.flags = CLONE_NEWPID | CLONE_NEWNS | CLONE_PIDFD;
  arguments.pidfd = reinterpret_cast<std::uint64_t>(&pidfd);
  arguments.exit_signal = SIGCHLD;
  if (group.valid()) {
    arguments.flags |= CLONE_INTO_CGROUP;
    arguments.cgroup = static_cast<std::uint64_t>(group.get());
  }
  const long pid = ::syscall(SYS_clone3, &arguments, sizeof arguments);
  if (pid == 0) {
    runHelper(plan);
  }
  if (pid < 0) {
    return failErrno("starting the network helper");
  }
  box.network.process = sys::OwnedFd(pidfd);
  return {};
}

Error networkError(const Box& box) {
  char text[kLogSize];
  const ssize_t size = ::pread(box.network.log.get(), text, sizeof text, 0);
  std::string_view said(text, size > 0 ? static_cast<std::size_t>(size) : 0);
  said = trim(said.substr(0, said.find('\0')));
  return Error{ErrorCode::Unavailable,
               cat("network 'full' could not be set up: pasta ended", said.empty() ? "" : ": ",
                   printable(said)),
               "Check that this machine has an IPv4 default route, or use network 'none'."};
}

}  // namespace ak::launch
