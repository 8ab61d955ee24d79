#include "launch/box_mounts.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "base/text.h"
#include "launch/disk.h"
#include "model/layer_names.h"
#include "os/capability.h"
#include "os/mount.h"
#include "os/user_namespace.h"
#include "sys/file.h"

namespace ak::launch {

namespace {

constexpr std::uint64_t kDefaultDisk = 512ULL * 1024 * 1024;
constexpr std::uint64_t kBytesPerInode = 8192;  // an inode bomb ends with the space it paid for

// Guest root as the host sees it.
std::uint32_t rootId(const Host& host, const Box& box) {
  return host.rootless() ? 0 : box.ids.base;
}

// Read-only content of the host. Where the file system cannot be id-mapped it appears as nobody's,
// which gives the guest less, not more.
Result<sys::OwnedFd> readOnlyTree(Host& host, const model::HostPath& path, int user_namespace) {
  const sys::OwnedFd source = AK_TRY(os::openHostPath(path));
  sys::OwnedFd tree = AK_TRY(os::cloneTree(source.get(), os::Access::ReadOnly));
  if (!host.rootless()) {
    const Status mapped = os::idmap(tree.get(), user_namespace);
    if (!mapped && mapped.error().code != ErrorCode::Unsupported) {
      return std::unexpected(mapped.error());
    }
  }
  return tree;
}

// overlayfs wants a directory of its own beside each upper one.
std::string workOf(const std::string& layer) {
  return layer + ".work";
}

Status makeLayerDirectory(int writable, const char* name, mode_t mode, std::uint32_t owner) {
  if (::mkdirat(writable, name, mode) != 0) {
    return errno == EEXIST ? Status() : failErrno(cat("writable layer ", name));
  }
  // mkdir obeys the umask.
  if (::fchmodat(writable, name, mode, 0) != 0 ||
      ::fchownat(writable, name, owner, owner, 0) != 0) {
    return failErrno(cat("writable layer ", name));
  }
  return {};
}

Status attachWritable(Host& host, const Box& box) {
  const std::string place = cat("writable/", box.id);
  if (::mkdirat(host.scratch(), place.c_str(), 0700) != 0 && errno != EEXIST) {
    return failErrno("scratch space");
  }
  return os::attach(box.writable.shown.get(), host.scratch(), place);
}

Result<Writable> temporaryWritable(const model::Limits& limits) {
  const std::uint64_t size = limits.disk_bytes != 0     ? limits.disk_bytes
                             : limits.memory_bytes != 0 ? limits.memory_bytes / 2
                                                        : kDefaultDisk;
  const os::NewMount tmpfs{
      "tmpfs",
      {{"size", cat(size)},
       {"nr_inodes", cat(std::max<std::uint64_t>(size / kBytesPerInode, 1024))},
       {"mode", "0711"}},
      MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV};
  Writable writable;
  writable.shown = AK_TRY(os::makeMount(tmpfs));
  writable.raw = AK_TRY(writable.shown.duplicate());
  writable.temporary = true;
  return writable;
}

Result<Writable> durableWritable(Host& host, const model::HostPath& path, int user_namespace) {
  Writable writable;
  DurableLayer layer = AK_TRY(openDurableLayer(path));
  writable.raw = std::move(layer.raw);
  writable.shown = std::move(layer.mount);
  if (!host.rootless()) {
    Status mapped = os::idmap(writable.shown.get(), user_namespace);
    if (!mapped) {
      mapped.error().remedy = "Put the state directory on ext4, xfs or btrfs.";
      return std::unexpected(std::move(mapped).error().context(path.path));
    }
  }
  return writable;
}

// The layers below a writable one, top first. An overlay holds their mounts by itself.
struct Lowers {
  std::vector<sys::OwnedFd> mounts;
  std::vector<os::Overlay::Lower> list;

  void add(sys::OwnedFd mount, std::string below = {}) {
    list.push_back({mount.get(), std::move(below)});
    mounts.push_back(std::move(mount));
  }
};

// Frozen layers hold what a writable one holds, and the same ids. What their guests wrote is data
// here too: no attribute that a guest can set means anything to the overlay (os/mount.cc).
Status addFrozen(Host& host,
                 const std::vector<model::HostPath>& frozen,
                 const std::string& name,
                 int user_namespace,
                 Lowers& lowers) {
  for (const model::HostPath& path : frozen) {
    sys::OwnedFd mount = AK_TRY(openFrozenLayer(path));
    if (!host.rootless()) {
      AK_TRY(os::idmap(mount.get(), user_namespace));
    }
    if (::faccessat(mount.get(), name.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
      lowers.add(std::move(mount), name);
    }
  }
  return {};
}

// Makes the overlay of `lower` (top first) with directory `name` of the writable layer.
Result<sys::OwnedFd> overlayOn(Host& host,
                               const Box& box,
                               std::vector<os::Overlay::Lower> lower,
                               const std::string& name) {
  const sys::OwnedFd upper =
      AK_TRY(sys::openAt(box.writable.shown.get(), name, O_PATH | O_DIRECTORY | O_NOFOLLOW));
  const sys::OwnedFd work = AK_TRY(
      sys::openAt(box.writable.shown.get(), workOf(name), O_PATH | O_DIRECTORY | O_NOFOLLOW));
  const sys::OwnedFd place = AK_TRY(sys::openAt(host.scratch(), "layers", O_RDONLY | O_DIRECTORY));
  os::Overlay overlay;
  overlay.lower = std::move(lower);
  overlay.upper = upper.get();
  overlay.work = work.get();
  overlay.xattr = host.rootless() ? os::Overlay::Xattr::User : os::Overlay::Xattr::Trusted;
  overlay.sync = box.writable.temporary ? os::Overlay::Sync::Volatile : os::Overlay::Sync::Durable;
  overlay.layers = host.layers() == Host::Layers::Detached ? os::Overlay::Layers::Detached
                                                           : os::Overlay::Layers::Attached;
  overlay.place = place.get();
  std::optional<os::ScopedFileOwner> owner;
  if (!box.writable.temporary && !host.rootless()) {
    owner.emplace(box.ids.base);
  }
  Result<sys::OwnedFd> mount = os::makeOverlay(overlay);
  // Attached layers move the working directory; children rely on ours.
  if (::fchdir(host.scratch()) != 0) {
    return failErrno("scratch space");
  }
  return mount;
}

}  // namespace

Result<RootMounts> assembleRoot(Host& host, const model::BoxSpec& spec, Box& box) {
  const int ns = box.user_namespace.get();
  const bool temporary = spec.root.writable.path.empty();
  box.writable = AK_TRY(temporary ? temporaryWritable(spec.limits)
                                  : durableWritable(host, spec.root.writable, ns));
  Lowers lowers;
  AK_TRY(addFrozen(host, spec.root.frozen, model::kRootLayer, ns, lowers));
  for (const model::HostPath& layer : spec.root.layers) {
    lowers.add(AK_TRY(readOnlyTree(host, layer, ns)));
  }
  struct stat top{};
  const os::Overlay::Lower& first = lowers.list.front();
  if (::fstatat(first.mount, first.below.c_str(), &top, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) != 0) {
    return failErrno("stat of the top layer");
  }
  // On disk the root of a durable layer is 0, shown as the box's; a tmpfs shows what it holds.
  const std::uint32_t owner = temporary ? rootId(host, box) : 0;
  const int raw = box.writable.raw.get();
  AK_TRY(makeLayerDirectory(raw, model::kRootLayer, top.st_mode & 0777U, owner));
  AK_TRY(makeLayerDirectory(raw, workOf(model::kRootLayer).c_str(), 0700, owner));
  AK_TRY(makeLayerDirectory(raw, model::kWorkspaceLayer, 0755, owner));
  AK_TRY(makeLayerDirectory(raw, workOf(model::kWorkspaceLayer).c_str(), 0700, owner));
  if (host.layers() == Host::Layers::Attached) {
    AK_TRY(attachWritable(host, box));
  }
  RootMounts mounts;
  mounts.root = AK_TRY(overlayOn(host, box, std::move(lowers.list), model::kRootLayer));
  mounts.devices = AK_TRY(host.deviceTree());
  for (const model::BoxRoot::Bind& bind : spec.root.binds) {
    mounts.binds.push_back(AK_TRY(readOnlyTree(host, bind.source, ns)));
  }
  return mounts;
}

Status prepareOwner(const WorkspaceOwner& owner, Box& box) {
  if (!box.owner.user_namespace.valid() || box.owner.uid != owner.uid ||
      box.owner.gid != owner.gid) {
    const std::uint32_t base = box.ids.base;
    sys::OwnedFd made =
        AK_TRY(os::makeUserNamespace({{{owner.uid, base, 1}}, {{owner.gid, base, 1}}}));
    box.owner = {owner.uid, owner.gid, std::move(made)};
  }
  return {};
}

namespace {

// The owner of the project is root in the box, nobody else's ids are shown.
Status mapOwner(Host& host, const model::BoxWorkspace& spec, Box& box, int mount) {
  if (host.rootless()) {
    return {};
  }
  AK_TRY(prepareOwner({spec.owner_uid, spec.owner_gid}, box));
  return os::idmap(mount, box.owner.user_namespace.get());
}

Result<WorkspaceMounts> copyOnWrite(
    Host& host, const model::BoxWorkspace& spec, Box& box, int source, mode_t mode) {
  Lowers lowers;
  AK_TRY(addFrozen(host, spec.frozen, model::kWorkspaceLayer, box.user_namespace.get(), lowers));
  sys::OwnedFd lower = AK_TRY(os::cloneTree(source, os::Access::ReadOnly));
  const Status mapped = mapOwner(host, spec, box, lower.get());
  if (!mapped && mapped.error().code != ErrorCode::Unsupported) {
    return std::unexpected(mapped.error());
  }
  lowers.add(std::move(lower));
  if (::fchmodat(box.writable.raw.get(), model::kWorkspaceLayer, mode & 0777U, 0) != 0) {
    return failErrno("writable layer of the workspace");
  }
  WorkspaceMounts mounts;
  mounts.mount = AK_TRY(overlayOn(host, box, std::move(lowers.list), model::kWorkspaceLayer));
  if (spec.want_changes_fd) {
    mounts.changes = AK_TRY(sys::openAt(box.writable.raw.get(), model::kWorkspaceLayer,
                                        O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  }
  return mounts;
}

}  // namespace

Result<WorkspaceMounts> assembleWorkspace(Host& host, const model::BoxWorkspace& spec, Box& box) {
  WorkspaceMounts mounts;
  if (spec.mode == model::WorkspaceMode::None) {
    return mounts;
  }
  const sys::OwnedFd source = AK_TRY(os::openHostPath(spec.source));
  struct stat info{};
  if (::fstat(source.get(), &info) != 0 || !S_ISDIR(info.st_mode)) {
    return fail(ErrorCode::InvalidArgument, cat(spec.source.path, " is not a directory"));
  }
  if (spec.mode == model::WorkspaceMode::Cow) {
    return copyOnWrite(host, spec, box, source.get(), info.st_mode);
  }
  const bool writable = spec.mode == model::WorkspaceMode::ReadWrite;
  mounts.mount =
      AK_TRY(os::cloneTree(source.get(), writable ? os::Access::ReadWrite : os::Access::ReadOnly));
  Status mapped = mapOwner(host, spec, box, mounts.mount.get());
  if (!mapped && (writable || mapped.error().code != ErrorCode::Unsupported)) {
    mapped.error().remedy = "Use a copy-on-write workspace (--mount cow) on this file system.";
    return std::unexpected(std::move(mapped).error().context(spec.source.path));
  }
  if (writable) {
    model::BoxWorkspace owned = spec;
    if (host.rootless()) {
      // As this namespace sees it: our own user.
      owned.owner_uid = 0;
      owned.owner_gid = 0;
    }
    box.reservation = AK_TRY(Reservation::make(host.runtime(), box.id, owned, source.get()));
  }
  return mounts;
}

void detachWritable(Host& host, const std::string& id) {
  if (host.layers() == Host::Layers::Attached) {
    const std::string place = cat("writable/", id);
    (void)::umount2(place.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);
    (void)::unlinkat(host.scratch(), place.c_str(), AT_REMOVEDIR);
  }
}

}  // namespace ak::launch
