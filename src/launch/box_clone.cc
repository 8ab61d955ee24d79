// The first half of BoxMaker: from a spec to a child that sets itself up.
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "base/text.h"
#include "launch/box_maker.h"
#include "launch/box_record.h"
#include "launch/child.h"
#include "launch/network.h"
#include "os/user_namespace.h"
#include "sys/file.h"
#include "sys/process.h"
#include "sys/unix_socket.h"

namespace ak::launch {

namespace {

// No CLONE_NEWCGROUP: its root would be the launcher's group; the child makes it once inside.
constexpr std::uint64_t kNamespaces =
    CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS;

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
    plan.resolver = network.resolver.data();
    plan.resolver_size = network.resolver.size();
  }
  plan.filter = spec.base_filter.data();
  plan.filter_size = spec.base_filter.size();
  plan.capabilities = spec.agent_capabilities;
  return plan;
}

}  // namespace

Status BoxMaker::tryNamespaces() {
  clone_args arguments{};
  arguments.flags = kNamespaces;
  arguments.exit_signal = SIGCHLD;
  const long pid = ::syscall(SYS_clone3, &arguments, sizeof arguments);
  if (pid == 0) {
    ::_exit(0);
  }
  if (pid < 0) {
    return std::unexpected(os::namespacesRefused(errno, "clone"));
  }
  while (::waitpid(static_cast<pid_t>(pid), nullptr, 0) < 0 && errno == EINTR) {
  }
  return {};
}

Status BoxMaker::clone(const model::BoxSpec& spec, const NetworkPlan& network, Box& box) {
  auto [ours, childs] = AK_TRY(sys::socketPair(sys::SocketKind::SeqPacket));
  ChildPlan plan = planOf(host_, spec, network, box, childs.get());
  const std::vector<sys::OwnedFd> groups = AK_TRY(box.cgroup.entrances());
  for (const sys::OwnedFd& group : groups) {
    plan.groups[plan.group_count++] = group.get();
  }
  int pidfd = -1;
  clone_args arguments{};
  arguments.flags = kNamespaces | CLONE_PIDFD;
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
    return std::unexpected(os::namespacesRefused(errno, "clone"));
  }
  box.pid = static_cast<pid_t>(pid);
  box.pidfd = sys::OwnedFd(pidfd);
  box.control = std::move(ours);
  return {};
}

// The child waits for its first packet; by then it is mapped. What it does next takes as long as
// assembling its root takes us.
Status BoxMaker::admit(const model::BoxSpec& spec, const NetworkPlan& network, Box& box) {
  const sys::OwnedFd proc = AK_TRY(sys::openPath(cat("/proc/", box.pid), O_PATH | O_DIRECTORY));
  const os::IdMaps maps = AK_TRY(mapsOf(host_, box.ids));
  AK_TRY(os::writeIdMaps(proc.get(), maps));
  box.user_namespace = AK_TRY(sys::openAt(proc.get(), "ns/user", O_RDONLY));
  if (spec.network == model::NetworkMode::Full) {
    const sys::OwnedFd netns = AK_TRY(sys::openAt(proc.get(), "ns/net", O_RDONLY));
    AK_TRY(startNetwork(host_, network, box, netns.get()));
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
  const bool full = spec.network == model::NetworkMode::Full;
  const NetworkPlan network = full ? AK_TRY(planNetwork()) : NetworkPlan{};
  AK_TRY(clone(spec, network, box));
  AK_TRY(admit(spec, network, box));
  box.phases.clone = box.lap();
  const RootMounts mounts = AK_TRY(assembleRoot(host_, spec, box));
  box.phases.mounts = box.lap();
  SetupPacket packet{static_cast<std::uint32_t>(mounts.binds.size())};
  std::vector<int> fds{mounts.root.get(), mounts.devices.get()};
  for (const sys::OwnedFd& bind : mounts.binds) {
    fds.push_back(bind.get());
  }
  return sys::sendPacket(box.control.get(), bytesOf(packet), fds);
}

}  // namespace ak::launch
