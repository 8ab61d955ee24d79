// Files, mounts and networks around the guest.
#include <fcntl.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "hostile/attack.h"

namespace ak::hostile {

namespace {

bool isNull(int fd) {
  struct stat info{};
  return ::fstat(fd, &info) == 0 && S_ISCHR(info.st_mode) && info.st_rdev == makedev(1, 3);
}

bool opens(const char* path, int flags) {
  const int fd = ::open(path, flags | O_NONBLOCK | O_CLOEXEC);
  const bool real = fd >= 0 && !isNull(fd);
  if (fd >= 0) {
    ::close(fd);
  }
  return real;
}

// R5 (CVE-2025-52881), R10, R14: files of the kernel that act on the whole machine.
Verdict kernelFiles(std::span<char*>) {
  Verdict verdict = Verdict::Blocked;
  for (const char* path :
       {"/proc/sysrq-trigger", "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe",
        "/proc/sys/vm/panic_on_oom", "/proc/sys/user/max_user_namespaces",
        "/proc/sys/kernel/hostname", "/proc/sys/net/ipv4/ip_forward", "/proc/irq/0/smp_affinity",
        "/proc/fs/nfsd", "/sys/kernel/uevent_helper", "/sys/fs/cgroup/release_agent",
        "/sys/fs/cgroup/cgroup.procs"}) {
    verdict = either(verdict, tell(std::string("write ") + path, opens(path, O_WRONLY)));
  }
  for (const char* path :
       {"/proc/kcore", "/proc/kmsg", "/proc/keys", "/proc/timer_list", "/dev/mem", "/dev/kmsg",
        "/dev/sda", "/dev/vda", "/dev/kvm", "/dev/fuse", "/dev/net/tun", "/dev/loop-control"}) {
    verdict = either(verdict, tell(std::string("read ") + path, opens(path, O_RDONLY)));
  }
  std::ifstream mounts("/proc/self/mountinfo");
  for (std::string line; std::getline(mounts, line);) {
    for (const char* type : {" - cgroup", " - sysfs", " - debugfs", " - bpf", " - securityfs"}) {
      if (line.find(type) != std::string::npos) {
        verdict = either(verdict, tell("kernel file system", true, line));
      }
    }
  }
  // Without a cgroup namespace these are the host's paths.
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    if (line.find("agentkernel") != std::string::npos) {
      verdict = either(verdict, tell("cgroup path", true, line));
    }
  }
  // A map is written once; a second one could name the host's root.
  const int map = ::open("/proc/self/uid_map", O_WRONLY);
  verdict = either(verdict, tell("second id map", map >= 0 && ::write(map, "0 0 1", 5) == 5));
  const bool device = ::mknod("/tmp/disk", S_IFBLK | 0600, makedev(8, 0)) == 0;
  return either(verdict, tell("mknod", device));
}

Verdict reaches(const std::string& what, int socket, const void* address, socklen_t size) {
  const auto* target = static_cast<const sockaddr*>(address);
  const bool connected = socket >= 0 && ::connect(socket, target, size) == 0;
  return tell(what, connected, std::strerror(errno));
}

Verdict abstractSocket(std::span<char*> arguments) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::size_t size = std::strlen(arguments[0]);
  std::memcpy(address.sun_path + 1, arguments[0], size);
  return reaches("abstract socket", ::socket(AF_UNIX, SOCK_STREAM, 0), &address,
                 static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + size));
}

Verdict tcp(std::span<char*> arguments) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(std::strtol(arguments[0], nullptr, 10)));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  Verdict verdict = reaches("tcp", ::socket(AF_INET, SOCK_STREAM, 0), &address, sizeof address);
  ifaddrs* interfaces = nullptr;
  if (::getifaddrs(&interfaces) == 0) {
    for (const ifaddrs* at = interfaces; at != nullptr; at = at->ifa_next) {
      if (std::strcmp(at->ifa_name, "lo") != 0) {
        verdict = either(verdict, tell("interface", true, at->ifa_name));
      }
    }
    ::freeifaddrs(interfaces);
  }
  return verdict;
}

// Paths that must not be there.
Verdict exists(std::span<char*> arguments) {
  Verdict verdict = Verdict::Blocked;
  for (const char* path : arguments) {
    struct stat info{};
    verdict = either(verdict, tell(path, ::lstat(path, &info) == 0));
  }
  return verdict;
}

// A set-user-id file of the host's owner, made in every way there is.
Verdict setId(std::span<char*> arguments) {
  const std::string base = std::string(arguments[0]) + "/setid-";
  const auto made = [](const std::string& path) {
    struct stat info{};
    return ::lstat(path.c_str(), &info) == 0 && (info.st_mode & (S_ISUID | S_ISGID)) != 0;
  };
  (void)::close(::open((base + "chmod").c_str(), O_CREAT | O_WRONLY, 0755));
  (void)::chmod((base + "chmod").c_str(), 06755);
  (void)::close(::open((base + "open").c_str(), O_CREAT | O_WRONLY, 06755));
  (void)::mknod((base + "mknod").c_str(), S_IFREG | 06755, 0);
  Verdict verdict = Verdict::Blocked;
  for (const char* way : {"chmod", "open", "mknod"}) {
    verdict = either(verdict, tell(std::string("set-id by ") + way, made(base + way)));
  }
  return verdict;
}

constexpr Attack kAttacks[] = {{"kernel-files", kernelFiles},
                               {"abstract-socket", abstractSocket},
                               {"tcp", tcp},
                               {"exists", exists},
                               {"set-id", setId}};

}  // namespace

std::span<const Attack> surroundAttacks() {
  return kAttacks;
}

}  // namespace ak::hostile
