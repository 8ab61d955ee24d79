#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "client/envelope.h"
#include "sys/process.h"

namespace ak::cli {

namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 1> kStartExamples = {"agentkernel daemon start"};
constexpr std::array<std::string_view, 1> kStopExamples = {"agentkernel daemon stop"};
constexpr std::array<std::string_view, 1> kRestartExamples = {"agentkernel daemon restart"};
constexpr std::array<std::string_view, 1> kStatusExamples = {"agentkernel daemon status --json"};

constexpr int kStopDeadlineMs = 20000;
constexpr int kNotRunning = 3;  // as systemctl(1) and LSB scripts say it

bool isMissing(const Error& error) {
  return error.sys_errno == ENOENT || error.sys_errno == ECONNREFUSED;
}

// Asks the running daemon to end and waits for it. False: none was running.
Result<bool> stopRunning(Context& context) {
  const client::DaemonPlace place = AK_TRY(context.daemonPlace());
  auto client = client::connectRunning(place.paths);
  if (!client) {
    if (isMissing(client.error())) {
      return false;
    }
    return std::unexpected(std::move(client).error());
  }
  const int pid = AK_TRY(client->daemonPid());
  const sys::OwnedFd process = AK_TRY(sys::openPidFd(pid));
  const client::Request stop{
      .method = "POST", .path = "/daemon/stop", .timeout = std::chrono::seconds(10)};
  if (auto asked = client->call(stop); !asked || asked->status != 200) {
    // One that does not answer any more is asked by signal; SIGTERM means the same to it.
    AK_TRY(sys::signalPidFd(process.get(), SIGTERM));
  }
  pollfd ended{.fd = process.get(), .events = POLLIN, .revents = 0};
  int ready = 0;
  do {
    ready = ::poll(&ended, 1, kStopDeadlineMs);
  } while (ready < 0 && errno == EINTR);
  if (ready == 0) {
    return fail(ErrorCode::Timeout, cat("the daemon (process ", pid, ") has not ended yet"),
                "It may still be ending sandboxes. See: agentkernel daemon logs");
  }
  return true;
}

Result<int> start(Context& context, const Arguments&) {
  client::Client client = AK_TRY(context.connect());
  AK_TRY(client.call({.path = "/health", .timeout = std::chrono::seconds(10)}));
  context.checkVersion(client.daemonVersion());
  context.output().line(cat("the daemon runs (process ", AK_TRY(client.daemonPid()), ")"));
  return 0;
}

Result<int> stop(Context& context, const Arguments&) {
  context.output().line(AK_TRY(stopRunning(context)) ? "the daemon has ended"
                                                     : "the daemon was not running");
  return 0;
}

Result<int> restart(Context& context, const Arguments& arguments) {
  if (auto stopped = stopRunning(context); !stopped) {
    return std::unexpected(std::move(stopped).error());
  }
  return start(context, arguments);
}

// "3 d 4 h", "5 min", "12 s": the two largest units that matter.
std::string durationText(std::uint64_t seconds) {
  if (seconds >= 86'400) {
    return cat(seconds / 86'400, " d ", seconds % 86'400 / 3600, " h");
  }
  if (seconds >= 3600) {
    return cat(seconds / 3600, " h ", seconds % 3600 / 60, " min");
  }
  return seconds >= 60 ? cat(seconds / 60, " min") : cat(seconds, " s");
}

void printStatus(Context& context, const json& data) {
  const auto row = [&](std::string_view head, const std::string& text) {
    context.output().line(cat(head, std::string(12 - head.size(), ' '), printable(text)));
  };
  const json pool = data.value("pool", json::object());
  row("daemon",
      cat("running (process ", fieldText(data, "pid"), "), version ", fieldText(data, "version")));
  const auto uptime = parseNumber<std::uint64_t>(fieldText(data, "uptime_seconds"));
  row("since", uptime ? durationText(*uptime) : "unknown");
  row("socket", data.value("socket", ""));
  row("backend", fieldText(data, "backend"));
  row("sandboxes",
      cat(fieldText(data, "running"), " running, ", fieldText(data, "known"), " known"));
  row("pool", cat(fieldText(pool, "warm"), " ready (", fieldText(pool, "target"),
                  " of each kind, at most ", fieldText(pool, "max"), "), ", fieldText(pool, "hits"),
                  " hits, ", fieldText(pool, "misses"), " misses"));
  const json audit = data.value("audit", json::object());
  row("audit", !audit.value("enabled", false) ? std::string("switched off")
               : audit.contains("failing") ? cat("CANNOT BE WRITTEN: ", fieldText(audit, "failing"),
                                                 "; ", fieldText(audit, "lost"), " events lost")
                                           : fieldText(audit, "path"));
  row("launcher", cat("restarted ", fieldText(data, "launcher_restarts"), " times"));
}

Result<int> status(Context& context, const Arguments& arguments) {
  // Asking how it is must not start it.
  const client::DaemonPlace place = AK_TRY(context.daemonPlace());
  auto client = client::connectRunning(place.paths);
  if (!client) {
    if (!isMissing(client.error())) {
      return std::unexpected(std::move(client).error());
    }
    context.output().text(arguments.has("json") ? prettyJson({{"daemon", "stopped"}})
                                                : "the daemon is not running\n");
    return kNotRunning;
  }
  const client::Response response =
      AK_TRY(client->call({.path = "/status", .timeout = std::chrono::seconds(10)}));
  json data = AK_TRY(client::dataOf(response));
  if (!data.is_object()) {
    return fail(ErrorCode::Protocol, "the daemon's status is not an object",
                "Install the same version of both programs, then: agentkernel daemon restart");
  }
  data["daemon"] = "running";
  data["socket"] = place.paths.daemonSocket();
  data["pid"] = AK_TRY(client->daemonPid());
  context.checkVersion(client->daemonVersion());
  if (arguments.has("json")) {
    context.output().text(prettyJson(data));
    return 0;
  }
  printStatus(context, data);
  return 0;
}

}  // namespace

const CommandSpec kDaemonStartCommand = {
    .name = "daemon start",
    .summary = "Start the daemon if it does not run",
    .details = "Commands that need the daemon start it by themselves.",
    .examples = kStartExamples,
    .run = start,
};

const CommandSpec kDaemonStopCommand = {
    .name = "daemon stop",
    .summary = "End the daemon; named sandboxes live on",
    .examples = kStopExamples,
    .run = stop,
};

const CommandSpec kDaemonRestartCommand = {
    .name = "daemon restart",
    .summary = "End the daemon and start the installed one",
    .details = "Commands that are running in the foreground are ended; named sandboxes live on.",
    .examples = kRestartExamples,
    .run = restart,
};

const CommandSpec kDaemonStatusCommand = {
    .name = "daemon status",
    .summary = "Show whether the daemon runs, and its numbers",
    .details = "The exit status is 3 when it does not run; it is not started.",
    .options = kJsonOnly,
    .examples = kStatusExamples,
    .run = status,
};

}  // namespace ak::cli
