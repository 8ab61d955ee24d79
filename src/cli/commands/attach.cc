#include <unistd.h>

#include <array>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/guest.h"
#include "cli/recording/cast_writer.h"
#include "cli/recording/recording_path.h"
#include "cli/terminal.h"
#include "env/host_environment.h"
#include "model/run_request_json.h"
#include "sys/file.h"

namespace ak::cli {

namespace {

using nlohmann::json;

constexpr std::array<OptionSpec, 7> kOptions = {{
    {"env", 'e', Takes::Values, "KEY[=VALUE]", "Set a variable, or pass on the one from here"},
    {"workdir", 'w', Takes::Value, "DIR", "Working directory in the sandbox"},
    {"user", 'u', Takes::Value, "USER", "User in the sandbox: name, uid or uid:gid"},
    {"sudo", 0, Takes::Nothing, "", "As user 0 of the sandbox"},
    {"session", 0, Takes::Value, "ID", "Join this session, by its id or how that begins"},
    {"detach-keys", 0, Takes::Value, "KEYS",
     "What leaves the session: ctrl-p,ctrl-q, or such as ctrl-a,d, or none"},
    {"record", 0, Takes::Value, "FILE",
     "Record what is shown; a directory, or - for ~/.agentkernel/recordings"},
}};

constexpr std::array<std::string_view, 5> kExamples = {
    "agentkernel attach build",
    "agentkernel attach build -- python3",
    "agentkernel attach build --session 1f2e",
    "agentkernel attach --record demo.cast build",
    "agentkernel job list build",
};

Result<model::AttachRequest> readRequest(Context& context, const Arguments& arguments) {
  model::AttachRequest request;
  request.session = arguments.value("session").value_or("");
  if (!request.session.empty()) {
    for (const char* option : {"env", "workdir", "user", "sudo"}) {
      if (arguments.has(option)) {
        return fail(ErrorCode::InvalidArgument, cat("--", option, " is for a new session"),
                    "Leave it away, or --session.");
      }
    }
    if (!arguments.guestCommand().empty()) {
      return fail(ErrorCode::InvalidArgument, "the session has its command already",
                  "Leave the command away, or --session for a new session.");
    }
  } else {
    AK_TRY(fillCommon(context, arguments, request.start));
    request.start.sudo = arguments.has("sudo");
    addTerminalType(context, request.start.environment);
  }
  request.start.terminal = true;
  request.start.stdin_open = true;
  request.start.window = terminalSize();
  return request;
}

Result<std::optional<CastWriter>> beginRecording(Context& context, const Arguments& arguments) {
  static const SystemClock kClock;
  const auto word = arguments.value("record");
  if (!word) {
    return std::nullopt;
  }
  const env::Environment& environment = context.environment();
  CastHeader header;
  header.window = terminalSize();
  header.title = header.command = cat("agentkernel attach ", arguments.first());
  for (const char* name : {"TERM", "SHELL"}) {
    if (const auto value = env::nonEmpty(environment, name)) {
      header.environment.emplace_back(name, *value);
    }
  }
  const std::string path =
      AK_TRY(recordingPath(*word, arguments.first(), kClock.wall(), environment));
  return AK_TRY(CastWriter::create(path, header, kClock));
}

// One client's time in a session.
class Attached {
 public:
  Attached(Context& context, const Arguments& arguments, std::optional<CastWriter> recording)
      : context_(context), name_(arguments.first()), recording_(std::move(recording)) {}

  Result<int> run(client::Stream& stream, DetachKeys keys) {
    SessionOptions options{.standard_input = Use::Yes, .terminal = Use::Yes};
    options.detach_keys = std::move(keys);
    options.started = [this](std::string_view text) {
      const json started = json::parse(text, nullptr, false);
      session_ = started.is_object() ? printable(fieldText(started, "session")) : std::string();
    };
    if (recording_) {
      options.overheard = [this](std::string_view bytes) { recording_->output(bytes); };
      options.resized = [this](model::TerminalSize size) { recording_->resized(size); };
    }
    Result<SessionEnd> end = runSession(stream, std::move(options));
    if (!end || end->exit_json.empty()) {
      // A full-screen program may be in the middle of its work.
      (void)sys::writeAll(STDOUT_FILENO, kTerminalReset);
    }
    endRecording();
    if (!end) {
      Error error = std::move(end).error();
      if (error.remedy.empty() && error.code == ErrorCode::Unavailable) {
        error.remedy = cat("Join it again: ", joinAgain());
      }
      return std::unexpected(std::move(error));
    }
    if (end->detached || end->left_by_signal != 0) {
      context_.output().note(
          cat("left session ", session_, "; it goes on. Join it again: ", joinAgain()));
      return end->detached ? 0 : 128 + end->left_by_signal;
    }
    const json exit = json::parse(end->exit_json, nullptr, false);
    if (!exit.is_object()) {
      return fail(ErrorCode::Protocol, "the daemon's last frame cannot be read");
    }
    return AK_TRY(model::execOutcomeFromJson(exit)).exit_code;
  }

 private:
  std::string joinAgain() const {
    return cat("agentkernel attach ", printable(name_), " --session ", session_);
  }

  void endRecording() {
    if (!recording_) {
      return;
    }
    recording_->finish();
    const std::string path = printable(recording_->path());
    if (const auto& why = recording_->stopped()) {
      context_.output().note(cat("the recording ", path, " ends early: ", why->message));
    } else {
      context_.output().note(cat("recorded; play it with: agentkernel replay ", path));
    }
  }

  Context& context_;
  const std::string name_;
  std::optional<CastWriter> recording_;
  std::string session_;
};

Result<int> run(Context& context, const Arguments& arguments) {
  if (!onTerminal()) {
    return fail(ErrorCode::InvalidArgument,
                "attach needs a terminal on standard input and standard output",
                "Without one use: agentkernel exec NAME -- COMMAND");
  }
  const std::string keys = AK_TRY(
      parseDetachKeys(arguments.value("detach-keys").value_or(std::string(kUsualDetachKeys))));
  const model::AttachRequest request = AK_TRY(readRequest(context, arguments));
  const client::Request call{.method = "POST",
                             .path = sandboxPath(arguments.first(), "attach"),
                             .body = AK_TRY(toJsonText(model::toJson(request)))};
  client::Client client = AK_TRY(context.connect());
  // Before the session: a recording that cannot be made is told before anything is done. One of a
  // session that cannot be joined does not stay.
  auto recording = AK_TRY(beginRecording(context, arguments));
  auto upgraded = std::move(client).upgrade(call);
  if (!upgraded) {
    if (recording) {
      ::unlink(recording->path().c_str());
    }
    return std::unexpected(std::move(upgraded).error());
  }
  context.checkVersion(upgraded->daemon_version);
  return Attached(context, arguments, std::move(recording)).run(upgraded->stream, DetachKeys(keys));
}

}  // namespace

const CommandSpec kAttachCommand = {
    .name = "attach",
    .arguments = "NAME [--] [COMMAND [ARG...]]",
    .summary = "Open a terminal session in a running sandbox, or join one",
    .details =
        "Without a command the user's own shell. The session outlives this terminal, the "
        "connection\n"
        "and the daemon: ctrl-p ctrl-q leaves it running, and --session joins it again. Several "
        "may\n"
        "be in one session: all see it, all may type, and it has the size of whoever's window "
        "changed\n"
        "last. Who joins sees the end of what was shown; full-screen programs draw anew. "
        "agentkernel\n"
        "job list shows sessions, agentkernel job kill ends one. The exit status is the session's, "
        "or\n"
        "0 when it was left. A recording has what was shown and not what was typed; at most 64 "
        "MiB.",
    .options = kOptions,
    .examples = kExamples,
    .guest_after = 1,
    .guest_command = CommandSpec::GuestCommand::Optional,
    .least = 1,
    .most = 1,
    .completes = Completes::Sandboxes,
    .run = run,
};

}  // namespace ak::cli
