#pragma once

#include <string>
#include <vector>

#include "launch/box.h"
#include "launch/host.h"
#include "os/route.h"

// Network `full`: a box's namespace is joined to the host's by pasta (passt.top), a process without
// rights that turns the box's packets into plain sockets of the host. docs/adr/ has the reasons.
//
// A helper is started before the box's set-up. It closes addresses in the box's namespace, then
// starts pasta, which the box's own child finds ready by its default route; and it closes what
// addresses the host gets as long as the box lives. Helper and pasta are in the box's cgroup, and
// in a process namespace of their own whose process 1 ends with the box, also when we are gone.
namespace ak::launch {

// The resolver as the box sees it; pasta passes its UDP port 53 on to the host's.
inline constexpr const char* kForwardedResolver = "169.254.1.1";

// Found out before the clone; the child needs the one, the helper the other.
struct NetworkPlan {
  std::vector<os::Address> closed;  // never reachable: metadata services, the host itself
  std::string resolver;             // content of /etc/resolv.conf
};

// Unsupported with the remedy when pasta or /dev/net/tun is missing.
Status checkNetwork();

Result<NetworkPlan> planNetwork();

// From the host's resolv.conf: its resolvers that a box can reach, else the forwarded one.
std::string resolverFor(std::string_view host_text, const std::vector<os::Address>& closed);

// Starts the helper for a box that is cloned and mapped; `netns` is the box's network namespace.
Status startNetwork(const Host& host, const NetworkPlan& network, Box& box, int netns);

// Why pasta ended.
Error networkError(const Box& box);

}  // namespace ak::launch
