#include "launch/box_maker.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "base/text.h"
#include "launch/box_record.h"
#include "launch/child.h"
#include "launch/disk.h"
#include "launch/spec_check.h"
#include "sys/process.h"
#include "sys/unix_socket.h"

namespace ak::launch {

namespace {

Error stepError(const ChildReport& report) {
  Error error = Error::fromErrno(report.error, name(report.step));
  if (error.code == ErrorCode::NotFound || error.code == ErrorCode::PermissionDenied) {
    error.code = ErrorCode::Internal;  // of the set-up, not of something the caller named
  }
  const bool of_the_path =
      report.error == ELOOP || report.error == ENOTDIR || report.error == EROFS;
  if (report.step == Step::Volumes && of_the_path) {
    error.code = ErrorCode::InvalidArgument;
    error.remedy =
        "A volume's path must be a directory of the sandbox or not be there, with no link on the "
        "way to it and not in a read-only part. Make a sandbox with another path; what is in the "
        "volume is safe.";
  }
  return error;
}

bool hasEnded(int process) {
  pollfd state{process, POLLIN, 0};
  return ::poll(&state, 1, 0) > 0;
}

}  // namespace

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
  const auto volumes = AK_TRY(openVolumes(host_, identity.volumes, box));
  if (box.owner.user_namespace.valid()) {
    last_owner_ = {identity.workspace.owner_uid, identity.workspace.owner_gid};
  }
  const std::uint32_t root = host_.rootless() ? 0 : box.ids.base;
  const sys::OwnedFd group = AK_TRY(box.cgroup.delegate(root, root));
  static ClaimPacket packet;  // 21 KiB: not on the stack, and this program has one thread
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
  for (const sys::OwnedFd& volume : volumes) {
    std::ranges::copy(identity.volumes[packet.volumes].target,
                      packet.volume_targets[packet.volumes]);
    ++packet.volumes;
    fds.push_back(volume.get());
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
      box.phases.setup = box.lap();
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
  (box.phases.setup == 0 ? box.phases.setup : box.phases.claim) = box.lap();
}

void BoxMaker::foresee(Box& box) {
  if (last_owner_) {
    (void)prepareOwner(*last_owner_, box);  // what fails here is tried again by the claim
  }
}

void BoxMaker::kill(Box& box) {
  // In version 1 a frozen process does not even die.
  box.cgroup.thaw();
  box.thaws.reset();
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
