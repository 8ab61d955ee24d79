#include "manager/host_doctor.h"

#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <optional>

#include "base/text.h"
#include "manager/audit_check.h"
#include "manager/foreign_state.h"
#include "os/user_namespace.h"
#include "sys/file.h"

namespace ak::manager {

namespace {

using Checks = std::vector<DoctorCheck>;

std::string firstLine(const std::string& path) {
  const Result<std::string> text = sys::readFile(path, 4096);
  return text ? std::string(trim(split(*text, '\n').front())) : std::string();
}

void checkKernel(Checks& checks) {
  utsname name{};
  ::uname(&name);
  const auto parts = split(name.release, '.');
  const auto major = parseNumber<int>(parts[0]);
  const auto minor = parts.size() > 1 ? parseNumber<int>(parts[1]) : std::nullopt;
  const bool fine = major && minor && (*major > 6 || (*major == 6 && *minor >= 1));
  checks.push_back({"kernel", fine ? CheckStatus::Ok : CheckStatus::Error,
                    cat("Linux ", name.release),
                    fine ? "" : "The native backend needs Linux 6.1 or newer."});
}

void checkNamespaces(Checks& checks) {
  const std::string most = firstLine("/proc/sys/user/max_user_namespaces");
  // Debian's older switch and Ubuntu's newer one; absent elsewhere.
  const std::string clone = firstLine("/proc/sys/kernel/unprivileged_userns_clone");
  const std::string apparmor = firstLine("/proc/sys/kernel/apparmor_restrict_unprivileged_userns");
  if (most == "0") {
    checks.push_back({"user_namespaces", CheckStatus::Error, "user namespaces are switched off",
                      "Allow them: sysctl user.max_user_namespaces=15000"});
  } else if (clone == "0") {
    checks.push_back({"user_namespaces", CheckStatus::Warning, "only root may make user namespaces",
                      "To run without root: sysctl kernel.unprivileged_userns_clone=1"});
  } else if (apparmor == "1") {
    checks.push_back(
        {"user_namespaces", CheckStatus::Warning, "AppArmor restricts unprivileged user namespaces",
         "To run without root: sysctl kernel.apparmor_restrict_unprivileged_userns=0"});
  } else {
    checks.push_back({"user_namespaces", CheckStatus::Ok, cat("at most ", most), ""});
  }
}

// Whether sandboxes of an ordinary user have more ids than one. `in_use` is what the launcher got;
// without a daemon it is what the files promise.
void checkIds(Checks& checks, std::optional<std::uint32_t> in_use) {
  if (::geteuid() == 0) {
    return;
  }
  const os::SubordinateIds here = os::subordinateIdsOf(::geteuid());
  if (in_use.value_or(here.enough() ? 2 : 1) > 1) {
    checks.push_back({"subordinate_ids", CheckStatus::Ok,
                      "a range: each sandbox has 65536 users and groups", ""});
    return;
  }
  const std::string one = "one id: a sandbox has its root and no other user or group";
  if (here.enough()) {
    checks.push_back({"subordinate_ids", CheckStatus::Warning,
                      cat(one, ", though this user has subordinate ids"),
                      "If they are new: agentkernel daemon restart. Else newuidmap or newgidmap "
                      "refused; are they still set-user-id (apt install --reinstall uidmap)?"});
    return;
  }
  std::string remedy = "If its programs need more (apt, chown): ";
  remedy += here.tools ? "" : "apt install uidmap; ";
  const bool files =
      here.users < os::SubordinateIds::kNeeded || here.groups < os::SubordinateIds::kNeeded;
  remedy += files ? cat("usermod --add-subuids 100000-165535 --add-subgids 100000-165535 <user>, "
                        "as root, with a range that nobody else has in /etc/subuid; ")
                  : std::string();
  checks.push_back({"subordinate_ids", CheckStatus::Info,
                    cat(one, " (", here.tools ? "" : "no newuidmap, ", here.users,
                        " in /etc/subuid, ", here.groups, " in /etc/subgid)"),
                    cat(remedy, "agentkernel daemon restart")});
}

// Where ak-launcher looks for it too.
void checkNetwork(Checks& checks) {
  constexpr const char* kPasta = "/usr/bin/pasta";
  if (::access(kPasta, X_OK) == 0) {
    checks.push_back({"network_full", CheckStatus::Ok, kPasta, ""});
  } else {
    checks.push_back({"network_full", CheckStatus::Info,
                      cat(kPasta, " is not there: --network full is refused"),
                      "If you want that: apt install passt"});
  }
}

void checkDisk(Checks& checks, const std::string& state) {
  struct statvfs disk{};
  if (::statvfs(state.c_str(), &disk) != 0) {
    checks.push_back({"disk", CheckStatus::Info, cat(state, " does not exist yet"), ""});
    return;
  }
  const std::uint64_t free_mib = std::uint64_t{disk.f_bavail} * disk.f_frsize >> 20U;
  checks.push_back(
      {"disk", free_mib < 1024 ? CheckStatus::Warning : CheckStatus::Ok,
       cat(free_mib, " MiB free in ", state),
       free_mib < 1024 ? "Free some space, or remove images: agentkernel images prune" : ""});
}

void checkSettings(Checks& checks, UserSettings& settings, const env::Paths& paths) {
  const auto current = settings.current();
  if (!current) {
    checks.push_back(
        {"configuration", CheckStatus::Error, current.error().message, current.error().remedy});
  } else if (::access(paths.user_config.c_str(), F_OK) != 0) {
    checks.push_back({"configuration", CheckStatus::Info,
                      cat("no ", paths.user_config, ": the defaults hold"), ""});
  } else {
    checks.push_back({"configuration", CheckStatus::Ok, paths.user_config, ""});
  }
}

// Offered until somebody has looked.
void checkForeignState(Checks& checks, const std::string& state) {
  if (const std::size_t found = countUnseenForeignState(state); found != 0) {
    checks.push_back({"other_sandboxes", CheckStatus::Info,
                      cat(found, " records of another implementation's sandboxes in ", state),
                      "Look at what could be taken over: agentkernel state import --dry-run"});
  }
}

}  // namespace

Checks checkHost(const env::Paths& paths, UserSettings& settings, Daemon daemon) {
  Checks checks;
  checkKernel(checks);
  checkNamespaces(checks);
  if (daemon == Daemon::None) {
    checkIds(checks, std::nullopt);
  }
  checkNetwork(checks);
  checkDisk(checks, paths.state);
  checkForeignState(checks, paths.state);
  checkSettings(checks, settings, paths);
  return checks;
}

Checks checkPorts(const std::vector<SandboxView>& sandboxes) {
  Checks checks;
  for (const SandboxView& view : sandboxes) {
    for (const model::PortMapping& port : view.record.ports) {
      if (view.status == model::SandboxStatus::Running && !model::onLoopback(port)) {
        checks.push_back({"open_port", CheckStatus::Info,
                          cat("other machines can connect to sandbox '", view.record.name,
                              "': ", model::describe(port)),
                          "Publish it without an address if only this machine is to reach it."});
      }
    }
    for (const std::string& problem : view.port_problems) {
      checks.push_back(
          {"port", CheckStatus::Warning, cat("sandbox '", view.record.name, "': ", problem), ""});
    }
  }
  return checks;
}

net::Task<Checks> HostDoctor::check() {
  Checks checks = co_await parts_.workers.run(
      [this] { return checkHost(parts_.paths, parts_.settings, Daemon::Runs); });
  if (parts_.auditor != nullptr) {
    checks.push_back(checkAudit(*parts_.auditor));
  }
  if (parts_.backend != nullptr) {
    const backend::Probe probe = co_await parts_.backend->probe();
    if (probe.usable) {
      checkIds(checks, probe.rootless_ids);
    }
    checks.push_back({"backend", probe.usable ? CheckStatus::Ok : CheckStatus::Error,
                      cat(parts_.backend->name(), ": ", probe.usable ? probe.isolation + ", " : "",
                          probe.reason),
                      probe.usable ? std::string() : probe.remedy});
    for (const std::string& limit : probe.unenforced) {
      checks.push_back({cat("limit_", limit), CheckStatus::Warning,
                        cat("this host cannot hold the ", limit, " limit of a sandbox"),
                        probe.remedy});
    }
  }
  co_return checks;
}

}  // namespace ak::manager
