#pragma once

#include <cstdint>
#include <string_view>

namespace ak::launch {

// What a child does between clone and exec, in this order. A failing step is reported by name.
enum class Step : std::uint8_t {
  EnterCgroup,
  CloseDescriptors,
  AwaitMaps,
  BecomeRoot,
  NewSession,
  CgroupNamespace,
  MakeProc,
  Loopback,
  MaskProc,
  Limits,
  ReceiveMounts,
  AttachRoot,
  Binds,
  Proc,
  Device,
  Scratch,
  Network,
  LeaveHost,
  AwaitClaim,
  Workspace,
  Volumes,
  Protect,
  Hostname,
  ReadOnlyRoot,
  Descriptors,
  BoundingSet,
  NoNewPrivileges,
  Capabilities,
  Filter,
  Execute,
};

std::string_view name(Step step);

// From child to launcher, one packet each. That the agent was executed needs none: exec closes the
// child's end.
struct ChildReport {
  enum class Kind : std::uint8_t { Parked, Failed } kind = Kind::Failed;
  Step step{};
  std::int32_t error = 0;
};

}  // namespace ak::launch
