#include "launch/box_maker.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>

#include "base/text.h"
#include "launch/box_record.h"
#include "launch/child.h"
#include "launch/disk.h"
#include "launch/network.h"
#include "launch/spec_check.h"
#include "os/user_namespace.h"
#include "sys/file.h"
#include "sys/process.h"
#include "sys/unix_socket.h"

namespace ak::launch {

namespace {

// Time since the last lap or the phase's begin, in microseconds.
std::uint32_t lap(Box& box) {
  const auto now = std::chrono::steady_clock::now();
  const auto spent = std::chrono::duration_cast<std::chrono::microseconds>(now - box.phase_began);
  box.phase_began = now;
  return static_cast<std::uint32_t>(spent.count());
}

Error stepError(const ChildReport& report) {
  Error error = Error::fromErrno(report.error, name(report.step));
  if (error.code == ErrorCode::NotFound || error.code == ErrorCode::PermissionDenied) {
    error.code = ErrorCode::Internal;  // of the set-up, not of something the caller named
  }
  return error;
}

bool hasEnded(int process) {
  pollfd state{process, POLLIN, 0};
  return ::poll(&state, 1, 0) > 0;
}

template <typename T>
std::string_view bytesOf(const T& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

Result<os::IdMaps> mapsOf(const Host& host, const model::IdRange& ids) {
  if (host.rootless()) {
    return os::ownIds(ids.count);
  }
  const os::IdExtent extent{0, ids.base, ids.count};
  return os::IdMaps{{extent}, {extent}};
}

ChildPlan planOf(const Host& host,
                 const model::BoxSpec& spec,
                 const NetworkPlan& network,
                 const Box& box,
                 int control) {
  ChildPlan plan;
  plan.control = control;
  plan.agent = host.agent();
  plan.null = host.null();
  for (const model::BoxRoot::Bind& bind : spec.root.binds) {
    plan.bind_targets[plan.binds++] = bind.target.c_str();
  }
  plan.read_only_root = spec.root.read_only;
  plan.has_tty_group = box.ids.count > 5;
  for (const model::EnforcedLimit& limit : box.enforced) {
    if (limit.name == "pids" && limit.by == "rlimit") {
      plan.max_processes = spec.limits.pids;
    }
  }
  if (!network.resolver.empty()) {
    plan.closed = network.closed.data();
    plan.closed_count = network.closed.size();
    plan.resolver = network.resolver.data();
    plan.resolver_size = network.resolver.size();
  }
  plan.filter = spec.base_filter.data();
  plan.filter_size = spec.base_filter.size();
  plan.capabilities = spec.agent_capabilities;
  return plan;
}

}  // namespace

Status BoxMaker::clone(const model::BoxSpec& spec, Box& box) {
  auto [ours, childs] = AK_TRY(sys::socketPair(sys::SocketKind::SeqPacket));
  const bool full = spec.network == model::NetworkMode::Full;
  const NetworkPlan network = full ? AK_TRY(planNetwork()) : NetworkPlan{};
  ChildPlan plan = planOf(host_, spec, network, box, childs.get());
  const std::vector<sys::OwnedFd> groups = AK_TRY(box.cgroup.entrances());
  for (const sys::OwnedFd& group : groups) {
    plan.groups[plan.group_count++] = group.get();
  }
  int pidfd = -1;
  clone_args arguments{};
  // No CLONE_NEWCGROUP: its root would be the launcher's group; the child makes it once inside.
  arguments.flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC |
                    CLONE_NEWUTS | CLONE_PIDFD;
  arguments.pidfd = reinterpret_cast<std::uint64_t>(&pidfd);
  arguments.exit_signal = SIGCHLD;
  if (box.cgroup.cloneFd() >= 0) {
    arguments.flags |= CLONE_INTO_CGROUP;
    arguments.cgroup = static_cast<std::uint64_t>(box.cgroup.cloneFd());
  }
  const long pid = ::syscall(SYS_clone3, &arguments, sizeof arguments);
  if (pid == 0) {
    runChild(plan);
  }
  if (pid < 0) {
    const int error = errno;
    if (error == EPERM || error == ENOSPC || error == EUSERS) {
      return fail(
          ErrorCode::Unsupported,
          cat("clone: this system does not let us make namespaces (", errnoText(error), ")"),
          "Allow user namespaces (sysctl user.max_user_namespaces, "
          "kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns).");
    }
    return failErrno(error, "clone");
  }
  box.pid = static_cast<pid_t>(pid);
  box.pidfd = sys::OwnedFd(pidfd);
  box.control = std::move(ours);
  return {};
}

// The child waits for its first packet; by then it is mapped. What it does next takes as long as
// assembling its root takes us.
Status BoxMaker::admit(const model::BoxSpec& spec, Box& box) {
  const sys::OwnedFd proc = AK_TRY(sys::openPath(cat("/proc/", box.pid), O_PATH | O_DIRECTORY));
  const os::IdMaps maps = AK_TRY(mapsOf(host_, box.ids));
  AK_TRY(os::writeIdMaps(proc.get(), maps));
  box.user_namespace = AK_TRY(sys::openAt(proc.get(), "ns/user", O_RDONLY));
  if (spec.network == model::NetworkMode::Full) {
    const sys::OwnedFd netns = AK_TRY(sys::openAt(proc.get(), "ns/net", O_RDONLY));
    AK_TRY(startNetwork(host_, box, netns.get()));
  }
  AK_TRY(sys::sendPacket(box.control.get(), bytesOf(MappedPacket{}), {}));
  const sys::ProcessId process = AK_TRY(sys::processId(box.pid));
  box.start_ticks = process.start_ticks;
  return recordProcess(host_.runtime(), box.id, process);
}

Status BoxMaker::setUp(const model::BoxSpec& spec, Box& box) {
  box.phase_began = std::chrono::steady_clock::now();
  AK_TRY(recordBox(host_.runtime(), spec.id));
  box.recorded = true;
  box.cgroup = AK_TRY(host_.cgroups().make(spec.id, spec.limits));
  AK_TRY(clone(spec, box));
  AK_TRY(admit(spec, box));
  box.phases.clone = lap(box);
  const RootMounts mounts = AK_TRY(assembleRoot(host_, spec, box));
  box.phases.mounts = lap(box);
  SetupPacket packet{static_cast<std::uint32_t>(mounts.binds.size())};
  std::vector<int> fds{mounts.root.get(), mounts.devices.get()};
  for (const sys::OwnedFd& bind : mounts.binds) {
    fds.push_back(bind.get());
  }
  return sys::sendPacket(box.control.get(), bytesOf(packet), fds);
}

Result<Box> BoxMaker::begin(const model::BoxSpec& spec) {
  AK_TRY(checkSpec(spec));
  Box box;
  box.id = spec.id;
  box.ids = spec.ids;
  if (host_.rootless()) {
    box.ids = {0, std::min(spec.ids.count, host_.rootlessIds())};
  }
  box.limits = spec.limits;
  box.enforced = AK_TRY(host_.cgroups().judge(spec.limits));
  AK_TRY(limitDisk(host_, spec, box.enforced));
  Status made = setUp(spec, box);
  if (!made) {
    kill(box);
    for (const sys::OwnedFd* process : {&box.pidfd, &box.network.process}) {
      if (process->valid()) {
        (void)sys::waitPidFd(process->get());
      }
    }
    (void)cleanUp(box);
    return std::unexpected(std::move(made).error());
  }
  return box;
}

Status BoxMaker::release(Box& box, const model::BoxIdentity& identity, int listener) {
  if (box.state == Box::State::Parked) {
    box.phase_began = std::chrono::steady_clock::now();
  }
  box.state = Box::State::Starting;
  AK_TRY(checkIdentity(identity));
  WorkspaceMounts workspace = AK_TRY(assembleWorkspace(host_, identity.workspace, box));
  box.changes = std::move(workspace.changes);
  if (box.owner.user_namespace.valid()) {
    last_owner_ = {identity.workspace.owner_uid, identity.workspace.owner_gid};
  }
  const std::uint32_t root = host_.rootless() ? 0 : box.ids.base;
  const sys::OwnedFd group = AK_TRY(box.cgroup.delegate(root, root));
  static ClaimPacket packet;  // 17 KiB: not on the stack, and this program has one thread
  packet = ClaimPacket{};
  std::ranges::copy(identity.hostname, packet.hostname);
  std::ranges::copy(identity.workspace.target, packet.target);
  packet.has_cgroup = group.valid();
  const sys::OwnedFd kill_count = AK_TRY(box.cgroup.killCount());
  packet.has_kill_count = kill_count.valid();
  packet.has_workspace = workspace.mount.valid();
  std::string entries = box.reservation.entries();
  for (const std::string& path : identity.workspace.masks) {
    entries += cat('m', path, '\0');
  }
  if (entries.size() > sizeof packet.protected_paths) {
    return fail(ErrorCode::TooLarge, "too many protected and masked paths in the workspace");
  }
  packet.protected_size = static_cast<std::uint32_t>(entries.size());
  std::ranges::copy(entries, packet.protected_paths);
  std::vector<int> fds{listener};
  if (group.valid()) {
    fds.push_back(group.get());
  }
  if (kill_count.valid()) {
    fds.push_back(kill_count.get());
  }
  if (workspace.mount.valid()) {
    fds.push_back(workspace.mount.get());
  }
  return sys::sendPacket(box.control.get(), bytesOf(packet), fds);
}

Status BoxMaker::advance(Box& box) {
  while (box.control.valid()) {
    ChildReport report;
    const ssize_t size = ::recv(box.control.get(), &report, sizeof report, MSG_DONTWAIT);
    if (size < 0 && errno == EAGAIN) {
      break;
    }
    if (size < 0 && (errno == EINTR || errno == ECONNRESET)) {
      continue;  // a child that ended without having read all: said once, before what it reported
    }
    if (size < 0) {
      return failErrno("reading from the box");
    }
    if (size <= 0) {
      // Exec closed the child's end, or its death did. A box that is just dying may pass for one
      // whose agent ends at once: its Exited follows.
      if (box.state != Box::State::Starting || hasEnded(box.pidfd.get())) {
        return fail(ErrorCode::Internal, "the box ended while it was set up");
      }
      becomeLive(box);
    } else if (report.kind == ChildReport::Kind::Failed) {
      return std::unexpected(stepError(report));
    } else {
      box.phases.setup = lap(box);
      box.state = box.state == Box::State::SettingUp ? Box::State::Parked : box.state;
    }
  }
  return {};
}

void BoxMaker::becomeLive(Box& box) {
  box.control.reset();
  box.user_namespace.reset();
  box.owner = {};
  detachWritable(host_, box.id);
  box.writable = {};
  box.state = Box::State::Live;
  // A cold start has its identity before it is parked, and no phase between the two.
  (box.phases.setup == 0 ? box.phases.setup : box.phases.claim) = lap(box);
}

void BoxMaker::foresee(Box& box) {
  if (last_owner_) {
    (void)prepareOwner(*last_owner_, box);  // what fails here is tried again by the claim
  }
}

void BoxMaker::kill(Box& box) {
  // The helper would follow by itself; the box's cgroup is free the sooner.
  for (const sys::OwnedFd* process : {&box.pidfd, &box.network.process}) {
    if (process->valid()) {
      (void)sys::signalPidFd(process->get(), SIGKILL);
    }
  }
}

bool BoxMaker::cleanUp(Box& box) {
  box.control.reset();
  detachWritable(host_, box.id);
  box.writable = {};
  Reservation::release(host_.runtime(), box.id);
  // Whatever else is in there (the network helper) goes with the box.
  if (!box.cgroup.remove()) {
    box.cgroup.killAll();
    if (!box.cgroup.remove()) {
      return false;
    }
  }
  if (box.recorded) {
    forgetBox(host_.runtime(), box.id);
  }
  return true;
}

}  // namespace ak::launch
