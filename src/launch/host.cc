#include "launch/host.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>

#include "base/text.h"
#include "os/mount.h"
#include "os/user_namespace.h"
#include "sys/file.h"

namespace ak::launch {

namespace {

// MFD_EXEC of memfd_create(2), Linux 6.3: newer than our C library's headers.
constexpr unsigned kMemoryFileMayExecute = 0x10;
// Each waits up to 0.15 s in the kernel.
constexpr int kSealTries = 20;

struct Device {
  const char* name;
  unsigned major;
  unsigned minor;
};

// Documentation/admin-guide/devices.txt
constexpr Device kDevices[] = {{"null", 1, 3},   {"zero", 1, 5},    {"full", 1, 7},
                               {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0}};

struct Link {
  const char* name;
  const char* target;
};

constexpr Link kLinks[] = {{"ptmx", "pts/ptmx"},
                           {"fd", "/proc/self/fd"},
                           {"stdin", "/proc/self/fd/0"},
                           {"stdout", "/proc/self/fd/1"},
                           {"stderr", "/proc/self/fd/2"}};

Status bindDevice(int directory, const Device& device) {
  const sys::OwnedFd node = AK_TRY(sys::openPath(cat("/dev/", device.name), O_PATH | O_NOFOLLOW));
  struct stat info{};
  if (::fstat(node.get(), &info) != 0) {
    return failErrno(cat("stat /dev/", device.name));
  }
  // By number, not by name: the host's /dev may be anything (CVE-2025-31133).
  if (!S_ISCHR(info.st_mode) || info.st_rdev != makedev(device.major, device.minor)) {
    return fail(ErrorCode::Unsupported,
                cat("/dev/", device.name, " is not the device of that name"));
  }
  const sys::OwnedFd place =
      AK_TRY(sys::openAt(directory, device.name, O_WRONLY | O_CREAT | O_EXCL, 0600));
  const sys::OwnedFd tree(::open_tree(
      node.get(), "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | static_cast<unsigned>(AT_EMPTY_PATH)));
  if (!tree.valid()) {
    return failErrno(cat("binding /dev/", device.name));
  }
  return os::attach(tree.get(), directory, device.name);
}

}  // namespace

Result<Host> Host::make(const std::string& runtime_directory, int agent_fd, Layers layers) {
  Host host;
  host.layers_ = layers;
  AK_TRY(host.sealAgent(agent_fd));
  if (::geteuid() != 0) {
    host.base_ = ::geteuid();
    host.ids_ = AK_TRY(os::enterUserNamespace());
  }
  AK_TRY(host.enterNamespaces(runtime_directory));
  AK_TRY(host.makeDevices());
  if (!os::overlayTakesDetachedLayers(host.rootless() ? os::Overlay::Xattr::User
                                                      : os::Overlay::Xattr::Trusted)) {
    host.layers_ = Layers::Attached;
  }
  host.null_ = AK_TRY(sys::openPath("/dev/null", O_RDWR));
  host.cgroups_ = os::CgroupTree::discover();
  return host;
}

Status Host::sealAgent(int agent_fd) {
  agent_ = sys::OwnedFd(
      ::memfd_create("ak-agent", MFD_CLOEXEC | MFD_ALLOW_SEALING | kMemoryFileMayExecute));
  if (!agent_.valid() && errno == EINVAL) {
    agent_ = sys::OwnedFd(::memfd_create("ak-agent", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  }
  if (!agent_.valid()) {
    return failErrno("memfd_create");
  }
  off_t offset = 0;
  for (;;) {
    const ssize_t size = ::sendfile(agent_.get(), agent_fd, &offset, 1 << 20);
    if (size < 0) {
      return failErrno("copying the agent");
    }
    if (size == 0) {
      break;
    }
  }
  if (::fchmod(agent_.get(), 0555) != 0) {
    return failErrno("making the agent executable");
  }
  // The kernel waits a while for pages that it still has in hand after the copy
  // (memfd_wait_for_pins) and then says EBUSY: on a busy machine once more helps.
  constexpr int kSeals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;
  for (int tries = 1; ::fcntl(agent_.get(), F_ADD_SEALS, kSeals) != 0; ++tries) {
    if (errno != EBUSY || tries == kSealTries) {
      return failErrno("sealing the agent");
    }
  }
  return {};
}

Status Host::enterNamespaces(const std::string& runtime_directory) {
  runtime_ = AK_TRY(sys::makePrivateDirectory(runtime_directory));
  const sys::OwnedFd place = AK_TRY(sys::makePrivateDirectory(runtime_directory + "/scratch"));
  if (::unshare(CLONE_NEWNS) != 0) {
    return failErrno("making the launcher's mount namespace");
  }
  // Mounts made later on the host (a plugged disk) appear here; ours never appear there.
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0) {
    return failErrno("separating the launcher's mounts");
  }
  // A box's root must pass through to find `root`; only boxes being set up ever see this directory.
  const os::NewMount tmpfs{"tmpfs", {{"mode", "0711"}, {"size", "16m"}}, MOUNT_ATTR_NOSUID};
  scratch_ = AK_TRY(os::makeMount(tmpfs));
  if (::move_mount(scratch_.get(), "", AT_FDCWD, (runtime_directory + "/scratch").c_str(),
                   MOVE_MOUNT_F_EMPTY_PATH) != 0) {
    return failErrno("attaching scratch space");
  }
  for (const char* name : {"root", "dev", "proc", "layers", "writable"}) {
    if (::mkdirat(scratch_.get(), name, 0755) != 0) {
      return failErrno("scratch space");
    }
  }
  // Children find the place for their root by it: a descriptor would lead to our mounts, the
  // working directory follows into the new mount namespace.
  return ::fchdir(scratch_.get()) == 0 ? Status() : failErrno("scratch space");
}

Status Host::makeDevices() {
  const os::NewMount tmpfs{
      "tmpfs", {{"mode", "0755"}, {"size", "64k"}}, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC};
  const sys::OwnedFd mount = AK_TRY(os::makeMount(tmpfs));
  AK_TRY(os::attach(mount.get(), scratch_.get(), "dev"));
  devices_ = AK_TRY(sys::openAt(scratch_.get(), "dev", O_PATH | O_DIRECTORY));
  for (const Device& device : kDevices) {
    AK_TRY(bindDevice(devices_.get(), device));
  }
  for (const Link& link : kLinks) {
    if (::symlinkat(link.target, devices_.get(), link.name) != 0) {
      return failErrno("making /dev");
    }
  }
  // `empty` covers directories of /proc and of the workspace. mkdir obeys the umask, and the
  // daemon's is 0077: a guest must find them empty, not locked.
  for (const char* name : {"pts", "shm", "empty"}) {
    if (::mkdirat(devices_.get(), name, 0555) != 0 ||
        ::fchmodat(devices_.get(), name, 0555, 0) != 0) {
      return failErrno("making /dev");
    }
  }
  struct mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC;
  if (::mount_setattr(devices_.get(), "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes,
                      sizeof attributes) != 0) {
    return failErrno("making /dev read-only");
  }
  return {};
}

Result<sys::OwnedFd> Host::deviceTree() const {
  sys::OwnedFd tree(::open_tree(
      devices_.get(), "",
      OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | static_cast<unsigned>(AT_EMPTY_PATH | AT_RECURSIVE)));
  if (!tree.valid()) {
    return failErrno("copying /dev");
  }
  return tree;
}

}  // namespace ak::launch
