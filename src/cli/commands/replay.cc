#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <csignal>
#include <ctime>
#include <memory>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/context.h"
#include "cli/output_fd.h"
#include "cli/recording/cast_reader.h"
#include "cli/signals.h"
#include "cli/terminal.h"
#include "sys/file.h"

namespace ak::cli {

namespace {

using Seconds = std::chrono::duration<double>;

constexpr std::array<OptionSpec, 2> kOptions = {{
    {"speed", 's', Takes::Value, "FACTOR", "So many times as fast (1.0)"},
    {"max-idle", 0, Takes::Value, "SECONDS",
     "Wait no longer than that where nothing happened (2.0)"},
}};

constexpr std::array<std::string_view, 3> kExamples = {
    "agentkernel replay demo.cast",
    "agentkernel replay --speed 4 --max-idle 0.5 demo.cast",
    "agentkernel replay --max-idle 0 demo.cast > output",
};

Result<double> number(const Arguments& arguments, const char* option, double usual) {
  const auto word = arguments.value(option);
  if (!word) {
    return usual;
  }
  double value = 0;
  const auto [end, error] = std::from_chars(word->data(), word->data() + word->size(), value);
  if (error != std::errc{} || end != word->data() + word->size() || !std::isfinite(value)) {
    return fail(ErrorCode::InvalidArgument,
                cat("--", option, " '", printable(*word), "' is no number"),
                cat("Write it like 1.5, as in: agentkernel replay --", option, " 1.5 FILE"));
  }
  return value;
}

struct Pace {
  double speed;
  Seconds max_idle;

  static Result<Pace> of(const Arguments& arguments) {
    const double speed = AK_TRY(number(arguments, "speed", 1.0));
    const double max_idle = AK_TRY(number(arguments, "max-idle", 2.0));
    if (speed <= 0) {
      return fail(ErrorCode::InvalidArgument, "--speed has to be more than 0",
                  "1 is as it was, 2 twice as fast, 0.5 half as fast.");
    }
    if (max_idle < 0) {
      return fail(ErrorCode::InvalidArgument, "--max-idle cannot be less than 0",
                  "0 waits nowhere.");
    }
    return Pace{speed, Seconds(max_idle)};
  }
};

Result<CastReader::Source> open(const std::string& path) {
  auto file = sys::openPath(path, O_RDONLY | O_NOCTTY | O_NONBLOCK);
  if (!file) {
    return std::unexpected(std::move(file).error().context(printable(path)));
  }
  struct stat info{};
  if (::fstat(file->get(), &info) != 0 || !S_ISREG(info.st_mode)) {
    return fail(ErrorCode::InvalidArgument, cat(printable(path), " is not a regular file"),
                "Name a recording: a .cast file.");
  }
  // Shared only because a std::function is copied; there is one reader.
  auto shared = std::make_shared<sys::OwnedFd>(*std::move(file));
  return [shared]() -> Result<std::string> {
    std::string bytes(64 * 1024, '\0');
    for (;;) {
      const ssize_t size = ::read(shared->get(), bytes.data(), bytes.size());
      if (size >= 0) {
        bytes.resize(static_cast<std::size_t>(size));
        return bytes;
      }
      if (errno != EINTR) {
        return failErrno("read the recording");
      }
    }
  };
}

class Player {
 public:
  Player(CastReader& reader, const Pace& pace, SignalPipe& signals)
      : reader_(reader), pace_(pace), signals_(signals), output_(STDOUT_FILENO) {}

  // 0, or 128+n when a signal ended it.
  Result<int> play() {
    Seconds last{};
    while (auto event = AK_TRY(reader_.next())) {
      const Seconds pause = std::min((event->at - last) / pace_.speed, pace_.max_idle);
      last = event->at;
      due_ += std::chrono::duration_cast<std::chrono::nanoseconds>(pause);
      AK_TRY(waitUntilDue());
      if (event->kind == CastEvent::Kind::Output) {
        AK_TRY(show(event->text));
      }
      if (signal_ != 0) {
        return 128 + signal_;
      }
    }
    return 0;
  }

 private:
  using SteadyClock = std::chrono::steady_clock;

  // A signal ends it, and every wait.
  Status pollFor(int fd, std::optional<SteadyClock::time_point> until) {
    std::array<pollfd, 2> slots = {{{.fd = signals_.fd(), .events = POLLIN, .revents = 0},
                                    {.fd = fd, .events = POLLOUT, .revents = 0}}};
    timespec wait{};
    if (until) {
      const auto left = std::max(*until - SteadyClock::now(), SteadyClock::duration(0));
      wait.tv_sec = std::chrono::floor<std::chrono::seconds>(left).count();
      wait.tv_nsec = (left % std::chrono::seconds(1)).count();
    }
    if (::ppoll(slots.data(), slots.size(), until ? &wait : nullptr, nullptr) < 0 &&
        errno != EINTR) {
      return failErrno("poll");
    }
    for (const int signal : signals_.take()) {
      signal_ = signal;
    }
    return {};
  }

  Status waitUntilDue() {
    while (signal_ == 0 && SteadyClock::now() < due_) {
      AK_TRY(pollFor(-1, due_));
    }
    return {};
  }

  Status show(std::string_view text) {
    while (signal_ == 0 && !text.empty()) {
      const auto taken = output_.write(text);
      if (!taken && taken.error().code == ErrorCode::Cancelled) {
        signal_ = SIGPIPE;  // nobody reads any more
        return {};
      }
      const std::size_t size = AK_TRY(taken);
      text.remove_prefix(size);
      if (size == 0) {
        AK_TRY(pollFor(output_.pollFd(), {}));
      }
    }
    return {};
  }

  CastReader& reader_;
  const Pace& pace_;
  SignalPipe& signals_;
  OutputFd output_;
  SteadyClock::time_point due_ = SteadyClock::now();
  int signal_ = 0;
};

Result<int> run(Context& context, const Arguments& arguments) {
  const Pace pace = AK_TRY(Pace::of(arguments));
  CastReader::Source source = AK_TRY(open(arguments.first()));
  CastReader reader = AK_TRY(CastReader::open(std::move(source)));
  const bool terminal = ::isatty(STDOUT_FILENO) == 1;
  const model::TerminalSize recorded = reader.window();
  const model::TerminalSize here = terminalSize();
  if (terminal && (recorded.rows > here.rows || recorded.columns > here.columns)) {
    context.output().hint(cat("recorded in a terminal of ", recorded.columns, "x", recorded.rows,
                              "; yours is smaller"));
  }
  ::signal(SIGPIPE, SIG_IGN);
  SignalPipe signals = AK_TRY(SignalPipe::open({SIGINT, SIGTERM, SIGHUP, SIGQUIT}));
  const auto status = Player(reader, pace, signals).play();
  if (terminal) {
    // What was recorded may end, or be left, in the middle of a full-screen program.
    (void)sys::writeAll(STDOUT_FILENO, kTerminalReset);
  }
  if (status && *status == 0 && reader.skipped() != 0) {
    context.output().note(cat(reader.skipped(), " lines of the recording could not be read"));
  }
  return status;
}

}  // namespace

const CommandSpec kReplayCommand = {
    .name = "replay",
    .arguments = "FILE",
    .summary = "Play a recording of a terminal",
    .details =
        "Recordings are made by agentkernel attach --record; other asciicast files of version 2 "
        "are\n"
        "played too. What was shown goes to the terminal as it was, escape sequences and all, so "
        "play\n"
        "what you would also have watched. Ctrl-C ends it.",
    .options = kOptions,
    .examples = kExamples,
    .least = 1,
    .most = 1,
    .completes = Completes::Files,
    .run = run,
};

}  // namespace ak::cli
