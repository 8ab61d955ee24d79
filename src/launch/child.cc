#include "launch/child.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "launch/child_state.h"
#include "os/child_safe.h"

namespace ak::launch {

namespace {

void report(const ChildState& child, const ChildReport& what) {
  (void)::send(child.control, &what, sizeof what, MSG_NOSIGNAL);
}

int awaitMaps(ChildState&) {
  MappedPacket packet;
  std::size_t size = sizeof packet;
  std::size_t count = 0;
  const int error = os::receiveRaw(kControlFd, &packet, &size, nullptr, 0, &count);
  return error != 0 ? error : size == sizeof packet ? 0 : size == 0 ? ECONNRESET : EPROTO;
}

int receiveMounts(ChildState& child) {
  SetupPacket packet;
  std::size_t size = sizeof packet;
  int fds[kMaxBinds + 2];
  std::size_t count = 0;
  const int error = os::receiveRaw(kControlFd, &packet, &size, fds, kMaxBinds + 2, &count);
  if (error != 0) {
    return error;
  }
  if (size != sizeof packet || packet.binds != child.plan.binds || count != packet.binds + 2) {
    return size == 0 ? ECONNRESET : EPROTO;
  }
  child.root = fds[0];
  child.dev = fds[1];
  for (std::size_t i = 0; i < packet.binds; ++i) {
    child.binds[i] = fds[i + 2];
  }
  return 0;
}

// A parked box waits here, still with its capabilities, for its identity, unless that is there
// already: waking the launcher to say so would delay the start. End of file: launcher or daemon is
// gone, and nobody will ever claim it.
int awaitClaim(ChildState& child) {
  pollfd claim{kControlFd, POLLIN, 0};
  if (::poll(&claim, 1, 0) == 0) {
    report(child, {ChildReport::Kind::Parked, Step::AwaitClaim, 0});
  }
  std::size_t size = sizeof child.claim;
  int fds[4 + kMaxVolumes];
  std::size_t count = 0;
  const int error = os::receiveRaw(kControlFd, &child.claim, &size, fds, 4 + kMaxVolumes, &count);
  if (error != 0) {
    return error;
  }
  if (size == 0) {
    ::_exit(0);
  }
  std::size_t next = 1;
  const std::size_t expected = 1U + (child.claim.has_cgroup ? 1U : 0U) +
                               (child.claim.has_kill_count ? 1U : 0U) +
                               (child.claim.has_workspace ? 1U : 0U) + child.claim.volumes;
  if (size != sizeof child.claim || child.claim.volumes > kMaxVolumes || count != expected) {
    return EPROTO;
  }
  child.listener = fds[0];
  if (child.claim.has_cgroup) {
    child.cgroup = fds[next++];
  }
  if (child.claim.has_kill_count) {
    child.kill_count = fds[next++];
  }
  if (child.claim.has_workspace) {
    child.workspace = fds[next++];
  }
  for (std::size_t i = 0; i < child.claim.volumes; ++i) {
    child.volumes[i] = fds[next++];
  }
  return 0;
}

struct Row {
  Step step;
  int (*run)(ChildState&);
};

// The whole privileged life of a box, in order. Comments say what an attacker would have otherwise.
constexpr Row kSteps[] = {
    // Before anything that costs: a bomb in an image hits the box's own limits.
    {Step::EnterCgroup, enterCgroup},
    // Every descriptor of the launcher, other boxes' among them (CVE-2024-21626).
    {Step::CloseDescriptors, closeDescriptors},
    // Before the id maps are written we are nobody, and no step may act as that.
    {Step::AwaitMaps, awaitMaps},
    // The launcher's groups, which would open host files.
    {Step::BecomeRoot, becomeRoot},
    // The terminal of whoever started the daemon (TIOCSTI), and the user's keyring.
    {Step::NewSession, newSession},
    // A view of the host's cgroup paths (CVE-2022-0492); after the launcher put us into ours.
    {Step::CgroupNamespace, cgroupNamespace},
    // /proc of this pid namespace only: no other process is in sight.
    {Step::MakeProc, makeProc},
    {Step::Loopback, loopback},
    // Kernel memory, sysrq, sysctls (CVE-2025-52881); after the last write to a sysctl of ours.
    {Step::MaskProc, maskProc},
    // Core dumps handed to a program of the host (core_pattern), descriptor and fork bombs.
    {Step::Limits, limits},
    // All before this needs no root, and was done while the launcher put it together.
    {Step::ReceiveMounts, receiveMounts},
    {Step::AttachRoot, attachRoot},
    // All mount points are found without following links (CVE-2023-27561, CVE-2026-41579).
    {Step::Binds, attachBinds},
    {Step::Proc, attachProc},
    // A fixed set of harmless devices, verified by number (CVE-2025-31133, CVE-2025-52565).
    {Step::Device, mountDevice},
    {Step::Scratch, mountScratch},
    // Cloud credentials from metadata services, and services on the host's other addresses.
    {Step::Network, network},
    // The host's file system: not hidden, gone.
    {Step::LeaveHost, leaveHost},
    {Step::AwaitClaim, awaitClaim},
    {Step::Workspace, mountWorkspace},
    // Links that another sandbox left in a volume, and this one's image or guest in its root, lead
    // nowhere: mount points are found as above, and none lies in another volume.
    {Step::Volumes, mountVolumes},
    // Files that the host executes or trusts later (.git/hooks).
    {Step::Protect, protectPaths},
    {Step::Hostname, hostname},
    {Step::ReadOnlyRoot, readOnlyRoot},
    // 3 to 5 and nothing else (CVE-2024-21626).
    {Step::Descriptors, placeDescriptors},
    // Set-uid files and file capabilities can give back only what is in the bounding set.
    {Step::BoundingSet, boundingSet},
    {Step::NoNewPrivileges, noNewPrivileges},
    {Step::Capabilities, capabilities},
    // Last: the filter forbids what the steps above needed.
    {Step::Filter, installFilter},
    // From sealed memory, so that no guest can write to the agent's binary (CVE-2019-5736).
    {Step::Execute, execute},
};

}  // namespace

void runChild(const ChildPlan& plan) {
  ChildState child{plan};
  child.control = plan.control;
  for (const Row& row : kSteps) {
    const int error = row.run(child);
    if (error != 0) {
      report(child, {ChildReport::Kind::Failed, row.step, error});
      ::_exit(125);
    }
  }
  ::_exit(125);
}

}  // namespace ak::launch
