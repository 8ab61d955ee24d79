#include "launch/step.h"

namespace ak::launch {

std::string_view name(Step step) {
  switch (step) {
    case Step::EnterCgroup:
      return "enter cgroup";
    case Step::CloseDescriptors:
      return "close descriptors";
    case Step::AwaitMaps:
      return "await id maps";
    case Step::BecomeRoot:
      return "become root of the box";
    case Step::NewSession:
      return "new session";
    case Step::CgroupNamespace:
      return "cgroup namespace";
    case Step::MakeProc:
      return "make /proc";
    case Step::Loopback:
      return "loopback";
    case Step::MaskProc:
      return "mask /proc";
    case Step::Limits:
      return "resource limits";
    case Step::ReceiveMounts:
      return "receive mounts";
    case Step::AttachRoot:
      return "attach root";
    case Step::Binds:
      return "bind host directories";
    case Step::Proc:
      return "mount /proc";
    case Step::Device:
      return "mount /dev";
    case Step::Scratch:
      return "mount /tmp and /run";
    case Step::Network:
      return "network";
    case Step::LeaveHost:
      return "pivot_root";
    case Step::AwaitClaim:
      return "await claim";
    case Step::Workspace:
      return "mount workspace";
    case Step::Volumes:
      return "mount volumes";
    case Step::Protect:
      return "protect workspace paths";
    case Step::Hostname:
      return "hostname";
    case Step::ReadOnlyRoot:
      return "make root read-only";
    case Step::Descriptors:
      return "place descriptors";
    case Step::BoundingSet:
      return "bounding set";
    case Step::NoNewPrivileges:
      return "no new privileges";
    case Step::Capabilities:
      return "capabilities";
    case Step::Filter:
      return "seccomp filter";
    case Step::Execute:
      return "execute agent";
  }
  return "unknown step";
}

}  // namespace ak::launch
