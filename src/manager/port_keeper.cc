#include "manager/port_keeper.h"

#include <algorithm>

#include "base/text.h"
#include "manager/lifecycle.h"

namespace ak::manager {

PortKeeper::PortKeeper(const Foundation& foundation,
                       const Timekeeper& timekeeper,
                       const SandboxTable& table)
    : foundation_(foundation),
      timekeeper_(timekeeper),
      table_(table),
      slots_(foundation.executor, forward::kMaxOfDaemon),
      closing_(foundation.executor) {}

// A running sandbox that was given this port of the host.
const Sandbox* PortKeeper::holderOf(const model::PortMapping& port, const Sandbox& but) const {
  for (const SandboxPtr& sandbox : table_.all()) {
    const auto same = [&port](const model::PortMapping& other) {
      return other.host == port.host && other.protocol == port.protocol;
    };
    if (sandbox.get() != &but && sandbox->ports != nullptr &&
        std::ranges::any_of(sandbox->record.ports, same)) {
      return sandbox.get();
    }
  }
  return nullptr;
}

Result<std::vector<forward::HostPort>> PortKeeper::bind(Sandbox& sandbox) const {
  std::vector<model::PortMapping>& mappings = sandbox.record.ports;
  auto bound = forward::bindPorts(mappings);
  if (!bound) {
    Error error = std::move(bound).error();
    for (const model::PortMapping& mapping : mappings) {
      const Sandbox* holder = error.code == ErrorCode::Conflict && !mapping.automatic
                                  ? holderOf(mapping, sandbox)
                                  : nullptr;
      if (holder != nullptr && error.message.starts_with(cat("port ", mapping.host, "/"))) {
        error.message += cat(" by sandbox '", holder->record.name, "'");
        error.remedy =
            cat("Publish another one, or '", mapping.container,
                "' alone to have one chosen, or stop it: agentkernel stop ", holder->record.name);
      }
    }
    return std::unexpected(std::move(error));
  }
  for (std::size_t i = 0; i < mappings.size(); ++i) {
    mappings[i] = (*bound)[i].mapping;
  }
  return bound;
}

void PortKeeper::open(const SandboxPtr& sandbox, std::vector<forward::HostPort> ports) {
  if (ports.empty()) {
    return;
  }
  // Its forwarder is the sandbox's: a share of that in here would keep both for ever.
  const std::weak_ptr<Sandbox> user = sandbox->durable ? sandbox : nullptr;
  forward::ForwardOptions options{.agent = sandbox->agent,
                                  .sandbox = sandbox->record.name,
                                  .log = foundation_.log,
                                  .all = slots_,
                                  .begun =
                                      [this, user] {
                                        if (const SandboxPtr used = user.lock()) {
                                          timekeeper_.enter(*used);
                                        }
                                      },
                                  .over =
                                      [this, user] {
                                        if (const SandboxPtr used = user.lock()) {
                                          timekeeper_.leave(*used);
                                          if (on_idle_) {
                                            on_idle_(*used);
                                          }
                                        }
                                      }};
  sandbox->ports = std::make_shared<forward::Forwarder>(foundation_.executor, std::move(options),
                                                        std::move(ports));
}

bool PortKeeper::reopen(const SandboxPtr& sandbox) {
  std::vector<forward::HostPort> ports;
  bool changed = false;
  close(*sandbox);
  for (model::PortMapping& mapping : sandbox->record.ports) {
    auto bound = forward::bindPort(mapping);
    if (!bound) {
      const Error& error = bound.error();
      foundation_.log.error("manager", cat("publishing ports of sandbox ", sandbox->record.name,
                                           " again: ", error.message));
      sandbox->port_problems.push_back(cat(model::describe(mapping),
                                           " is not published: ", error.message,
                                           ". Free it, then stop and start the sandbox."));
      continue;
    }
    changed = changed || mapping != bound->mapping;
    mapping = bound->mapping;
    ports.push_back(*std::move(bound));
  }
  open(sandbox, std::move(ports));
  return changed;
}

void PortKeeper::close(Sandbox& sandbox) {
  sandbox.port_problems.clear();
  if (sandbox.ports == nullptr) {
    return;
  }
  sandbox.ports->close();
  closing_.spawn([](std::shared_ptr<forward::Forwarder> ports) -> net::Task<void> {
    co_await ports->ended();
  }(std::move(sandbox.ports)));
}

net::Task<void> PortKeeper::closeAll() {
  for (const SandboxPtr& sandbox : table_.all()) {
    close(*sandbox);
  }
  co_await closing_.join();
}

}  // namespace ak::manager
