
#include <algorithm>

#include "base/stopwatch.h"
#include "base/text.h"
#include "manager/daemon_manager.h"
#include "manager/inside.h"
#include "sys/file.h"

// Proves from inside what inspect claims: the checks are commands in the sandbox, with the rights
// that any command there has (the agent itself has more, and reads no kernel files for anybody).
// None trusts what we wrote down at start. Only the ids are asked for from outside (checkIds).
namespace ak::manager {

namespace {

using Checks = std::vector<VerifyCheck>;

// For all commands together: a guest that stops each of them answers none.
constexpr std::uint64_t kLimitMs = 20'000;

struct Inspection {
  channel::Agent& agent;
  Stopwatch watch;

  net::Task<Result<Ran>> ask(std::vector<std::string> argv) const {
    const std::uint64_t gone = watch.microseconds() / 1000;
    if (gone >= kLimitMs) {
      co_return fail(ErrorCode::Timeout, "the sandbox took too long over the questions before");
    }
    InsideCommand command;
    command.argv = std::move(argv);
    command.limit_ms =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(command.limit_ms, kLimitMs - gone));
    co_return co_await runInside(agent, std::move(command));
  }
};

net::Task<std::string> readInside(const Inspection& inspection, std::string path) {
  std::vector<std::string> argv = {"cat", std::move(path)};
  const Result<Ran> ran = co_await inspection.ask(std::move(argv));
  if (!ran) {
    co_return cat("(unreadable: ", ran.error().message, ")");
  }
  co_return ran->code == 0 ? ran->output : cat("(unreadable: ", trim(ran->output), ")");
}

// A refusal counts only from a shell that ran: an image without one proves nothing.
// A file of the kernel that is covered by /dev/null takes every write, and it leads nowhere.
net::Task<VerifyCheck> refusesWrite(const Inspection& inspection,
                                    std::string path,
                                    std::string text) {
  VerifyCheck check{cat(path, " refuses writes"), false, {}};
  constexpr const char* kScript =
      "[ \"$2\" -ef /dev/null ] && echo covered by /dev/null && exit 41\n"
      "(echo \"$1\" > \"$2\") && echo written && exit 1\n"
      "exit 42";
  std::vector<std::string> argv = {"sh", "-c", kScript, "sh", std::move(text), std::move(path)};
  const Result<Ran> ran = co_await inspection.ask(std::move(argv));
  check.passed = ran && (ran->code == 41 || ran->code == 42);
  check.detail = printable(ran ? trim(ran->output) : std::string_view(ran.error().message));
  co_return check;
}

// The value of "Name:\tvalue" in a /proc/PID/status text.
std::string statusField(std::string_view status, std::string_view name) {
  for (const std::string_view line : split(status, '\n')) {
    if (line.starts_with(name) && line.substr(name.size()).starts_with(':')) {
      return std::string(trim(line.substr(name.size() + 1)));
    }
  }
  return {};
}

void check(Checks& checks, std::string name, bool passed, std::string detail) {
  checks.push_back({std::move(name), passed, printable(detail)});
}

// Capabilities that reach the kernel or the host; a command may never get one.
constexpr std::uint64_t kForbidden = ~((1ULL << 0U) | (1ULL << 1U) | (1ULL << 3U) | (1ULL << 4U) |
                                       (1ULL << 5U) | (1ULL << 6U) | (1ULL << 7U) | (1ULL << 8U));

void checkStatus(Checks& checks, std::string_view status) {
  const std::string bounding = statusField(status, "CapBnd");
  const auto bits = parseNumber<std::uint64_t>(bounding, 16);
  check(checks, "capabilities", bits && (*bits & kForbidden) == 0, cat("bounding set ", bounding));
  check(checks, "no_new_privs", statusField(status, "NoNewPrivs") == "1",
        cat("NoNewPrivs ", statusField(status, "NoNewPrivs")));
  check(checks, "seccomp", statusField(status, "Seccomp") == "2",
        cat("mode ", statusField(status, "Seccomp"), ", ", statusField(status, "Seccomp_filters"),
            " filters"));
  check(checks, "pid namespace",
        !statusField(status, "NSpid").empty() &&
            statusField(status, "NSpid").find_first_of(" \t") == std::string::npos,
        cat("a command sees itself as process ", statusField(status, "NSpid")));
}

// Ids on the host of the sandbox's root: never the host's root. A map speaks in the ids of whoever
// reads it (user_namespaces(7)), and that must be the daemon: read inside, a sandbox without root
// shows the ids of the launcher's namespace, where the user is 0.
void checkIds(Checks& checks, std::string_view uid_map) {
  std::vector<std::string> words;
  for (const std::string_view word : split(uid_map, ' ')) {
    if (const std::string_view trimmed = trim(word); !trimmed.empty()) {
      words.emplace_back(trimmed);
    }
  }
  const bool mapped = words.size() >= 3 && words[0] == "0" && words[1] != "0";
  check(checks, "user namespace", mapped,
        words.size() >= 3 ? cat("id 0 inside is id ", words[1], " outside") : std::string(uid_map));
}

void checkNetwork(Checks& checks, std::string_view devices, model::NetworkMode mode) {
  std::vector<std::string> names;
  for (const std::string_view line : split(devices, '\n')) {
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos && !line.contains('|')) {
      names.emplace_back(trim(line.substr(0, colon)));
    }
  }
  const bool only_loopback = names.size() == 1 && names[0] == "lo";
  check(checks, "network", mode == model::NetworkMode::Full || only_loopback,
        cat("mode ", model::name(mode), ", interfaces: ", join(names, " ")));
}

void checkMounts(Checks& checks, std::string_view mounts) {
  std::vector<std::string> loose;
  bool has_root = false;
  for (const std::string_view line : split(mounts, '\n')) {
    const auto fields = split(line, ' ');
    has_root = has_root || (fields.size() > 3 && fields[1] == "/");
    if (fields.size() > 3 && !cat(",", fields[3], ",").contains(",nosuid,")) {
      loose.emplace_back(fields[1]);
    }
  }
  check(checks, "mounts", has_root && loose.empty(),
        !has_root       ? cat("no list of them: ", mounts)
        : loose.empty() ? "all nosuid"
                        : cat("without nosuid: ", join(loose, " ")));
}

}  // namespace

net::Task<Result<Checks>> DaemonManager::verify(std::string name) {
  const SandboxPtr sandbox = AK_CO_TRY(lifecycle_.table().findRunning(name));
  const std::shared_ptr<channel::Agent> agent = sandbox->agent;
  const Inspection inspection{*agent, Stopwatch(foundation_.clock)};
  Checks checks;
  checkStatus(checks, co_await readInside(inspection, "/proc/self/status"));
  const auto uid_map = sys::readFile(cat("/proc/", sandbox->record.pid, "/uid_map"), 4096);
  checkIds(checks, uid_map ? *uid_map : uid_map.error().message);
  checkNetwork(checks, co_await readInside(inspection, "/proc/self/net/dev"),
               sandbox->record.permissions.network);
  checkMounts(checks, co_await readInside(inspection, "/proc/self/mounts"));
  const std::string namespaces =
      co_await readInside(inspection, "/proc/sys/user/max_user_namespaces");
  check(checks, "no nested user namespaces", trim(namespaces) == "0",
        cat("max_user_namespaces ", trim(namespaces)));
  const std::string hostname = co_await readInside(inspection, "/proc/sys/kernel/hostname");
  check(checks, "hostname", trim(hostname) == sandbox->record.name, std::string(trim(hostname)));
  checks.push_back(co_await refusesWrite(inspection, "/proc/sysrq-trigger", "h"));
  if (sandbox->record.permissions.read_only_root) {
    checks.push_back(co_await refusesWrite(inspection, "/etc/ak-verify", ""));
  }
  for (const model::EnforcedLimit& limit : sandbox->record.limits) {
    check(checks, cat("limit: ", limit.name), limit.by != "unenforced",
          limit.remedy.empty() ? cat("held by ", limit.by) : cat(limit.by, ". ", limit.remedy));
  }
  co_return checks;
}

}  // namespace ak::manager
