// From the file and not the API: the log is wanted most when there is no daemon.
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <limits>
#include <optional>

#include <climits>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/context.h"
#include "cli/follow.h"
#include "sys/log_reader.h"

namespace ak::cli {

namespace {

constexpr std::array<OptionSpec, 3> kOptions = {{
    {"last", 'l', Takes::Value, "N", "Only the last N lines"},
    {"follow", 'f', Takes::Nothing, "", "Go on with what is logged until Ctrl-C"},
    {"json", 0, Takes::Nothing, "", "Print an object {message} a line, for programs"},
}};

constexpr std::array<std::string_view, 2> kExamples = {
    "agentkernel daemon logs --last 50",
    "agentkernel daemon logs --follow --last 10",
};

// A writer that is faster than we are, or a log of the greatest size allowed, must not fill our
// memory; what is beyond is left out.
constexpr std::size_t kMostAtOnce = std::size_t{64} << 20U;

Result<std::size_t> linesWanted(const Arguments& arguments) {
  const auto word = arguments.value("last");
  if (!word) {
    return std::numeric_limits<std::size_t>::max();
  }
  if (const auto count = parseNumber<std::size_t>(*word)) {
    return *count;
  }
  return fail(ErrorCode::InvalidArgument, cat("--last ", printable(*word), " is not a number"),
              "Write for example: --last 50");
}

std::string_view lastLines(std::string_view text, std::size_t count) {
  std::size_t at = text.ends_with('\n') ? text.size() - 1 : text.size();
  for (std::size_t i = 0; i < count && at != std::string_view::npos && at != 0; ++i) {
    at = text.rfind('\n', at - 1);
  }
  return at == std::string_view::npos || at == 0 ? text : text.substr(at + 1);
}

// What is there now and was not read yet.
Result<std::string> readOn(sys::LogReader& log) {
  std::string text;
  while (text.size() < kMostAtOnce) {
    sys::LogReader::Piece piece = AK_TRY(log.next());
    if (piece.skipped) {
      text += "[agentkernel: some of the log is missing here]\n";
    }
    if (piece.data.empty()) {
      break;
    }
    text += piece.data;
  }
  return text;
}

// Tells of every change in the state directory: the log is renamed when it is full, and a watch of
// the file would go with it.
Result<sys::OwnedFd> watch(const std::string& directory) {
  sys::OwnedFd changes(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!changes.valid() ||
      ::inotify_add_watch(changes.get(), directory.c_str(),
                          IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_DELETE_SELF | IN_ONLYDIR) < 0) {
    return failErrno(cat("watch ", directory));
  }
  return changes;
}

// Forgets the events that have come; false when the directory is gone.
Result<bool> stillThere(const sys::OwnedFd& changes) {
  alignas(inotify_event) char buffer[16 * (sizeof(inotify_event) + NAME_MAX + 1)];
  for (;;) {
    const ssize_t size = ::read(changes.get(), buffer, sizeof buffer);
    if (size < 0) {
      return errno == EAGAIN || errno == EINTR ? Result<bool>(true) : failErrno("read inotify");
    }
    for (const char* at = buffer; at < buffer + size;) {
      const auto* event = reinterpret_cast<const inotify_event*>(at);
      if ((event->mask & IN_IGNORED) != 0) {
        return false;
      }
      at += sizeof(inotify_event) + event->len;
    }
  }
}

Result<int> follow(Context& context,
                   sys::LogReader& log,
                   const sys::OwnedFd& changes,
                   LogPrinter& printer) {
  for (;;) {
    const bool there = AK_TRY(stillThere(changes));
    printer.add(AK_TRY(readOn(log)));
    if (!there) {
      printer.end();
      context.output().note("the state directory was removed");
      return 0;
    }
    if (AK_TRY(waitToFollow(changes.get())) == Woken::NobodyReads) {
      return kNobodyReadsStatus;
    }
  }
}

Result<int> logs(Context& context, const Arguments& arguments) {
  const std::size_t wanted = AK_TRY(linesWanted(arguments));
  const client::DaemonPlace place = AK_TRY(context.daemonPlace());
  auto log = sys::LogReader::open(cat(place.paths.state, client::kLogFile));
  if (!log) {
    if (log.error().sys_errno != ENOENT) {
      return std::unexpected(std::move(log).error());
    }
    context.output().note("there is no log yet: the daemon has never run");
    return 0;
  }
  // Watched before it is read, so that nothing can be written unseen between the two.
  std::optional<sys::OwnedFd> changes;
  if (arguments.has("follow")) {
    changes = AK_TRY(watch(place.paths.state));
  }
  const std::string text = AK_TRY(readOn(*log));
  LogPrinter printer(context.output(),
                     arguments.has("json") ? LogPrinter::Form::Json : LogPrinter::Form::Text);
  printer.add(lastLines(text, wanted));
  if (changes) {
    return follow(context, *log, *changes, printer);
  }
  printer.end();
  return 0;
}

}  // namespace

const CommandSpec kDaemonLogsCommand = {
    .name = "daemon logs",
    .summary = "Show the daemon's log",
    .details =
        "Read from daemon.log and daemon.log.1 in the state directory, so a daemon need not run "
        "and\n"
        "is not started. [log] in the configuration says how much is kept.\n"
        "--follow goes on over restarts of the daemon.",
    .options = kOptions,
    .examples = kExamples,
    .run = logs,
};

}  // namespace ak::cli
