#include "cli/guest.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/api.h"
#include "cli/terminal.h"
#include "cli/values.h"
#include "env/host_environment.h"
#include "model/base64.h"
#include "model/run_request_json.h"
#include "model/sandbox.h"

namespace ak::cli {

using nlohmann::json;

namespace {

// Of each stream, for --json; what is beyond is counted out, not kept.
constexpr std::size_t kMaxCaptured = 16 * 1024 * 1024;

// Enough for the last message, little enough to keep on every run.
constexpr std::size_t kLastWords = 2048;

// Piped input and files are forwarded without being asked for; a terminal only with -t or
// --interactive, so that a plain run leaves the keyboard to the shell; /dev/null has nothing to
// say.
Use wantsInput(const Arguments& arguments) {
  if (arguments.has("no-stdin")) {
    return Use::No;
  }
  if (arguments.has("interactive")) {
    return Use::Yes;
  }
  if (::isatty(STDIN_FILENO) == 1) {
    return Use(arguments.has("tty"));
  }
  struct stat input{};
  struct stat null{};
  if (::fstat(STDIN_FILENO, &input) != 0) {
    return Use::No;
  }
  const bool is_null =
      S_ISCHR(input.st_mode) && ::stat("/dev/null", &null) == 0 && input.st_rdev == null.st_rdev;
  return Use(!is_null);
}

// What the C library and common programs say without a network (glibc's strerror and gai_strerror,
// curl, git, node).
bool soundsUnconnected(std::string_view words) {
  constexpr std::string_view kSigns[] = {"Network is unreachable",
                                         "network is unreachable",
                                         "Temporary failure in name resolution",
                                         "Could not resolve host",
                                         "ENETUNREACH",
                                         "EAI_AGAIN"};
  return std::ranges::any_of(
      kSigns, [&](std::string_view sign) { return words.find(sign) != std::string_view::npos; });
}

bool setsVariable(const std::vector<std::string>& environment, std::string_view name) {
  return std::ranges::any_of(environment, [&](const std::string& entry) {
    return entry.starts_with(name) && entry.size() > name.size() && entry[name.size()] == '=';
  });
}

struct Captured {
  std::string bytes;
  bool truncated = false;

  void add(std::string_view more) {
    const std::size_t room = kMaxCaptured - bytes.size();
    truncated |= more.size() > room;
    bytes += more.substr(0, room);
  }

  void put(json& object, const std::string& key) const {
    if (isUtf8(bytes)) {
      object[key] = bytes;
    } else {
      object[key + "_base64"] = model::toBase64(bytes);
    }
    if (truncated) {
      object[key + "_truncated"] = true;
    }
  }
};

// The story of one call, put together from its frames.
class Guest {
 public:
  Guest(Context& context, const GuestCall& call) : context_(context), call_(call) {}

  Result<int> run(client::Stream& stream) {
    SessionOptions options{.standard_input = call_.standard_input, .terminal = call_.terminal};
    options.started = [this](std::string_view text) { onStarted(text); };
    if (call_.json == Use::Yes) {
      options.capture = [this](bool is_error, std::string_view bytes) {
        (is_error ? error_ : output_).add(bytes);
      };
    }
    if (call_.network_hint == Use::Yes) {
      options.overheard = [this](std::string_view bytes) {
        last_words_ += bytes.substr(bytes.size() - std::min(bytes.size(), kLastWords));
        last_words_.erase(0, last_words_.size() - std::min(last_words_.size(), kLastWords));
      };
    }
    const SessionEnd end = AK_TRY(runSession(stream, std::move(options)));
    if (end.left_by_signal != 0) {
      return 128 + end.left_by_signal;
    }
    return finish(end.exit_json);
  }

 private:
  void onStarted(std::string_view frame) {
    started_ = json::parse(frame, nullptr, false);
    if (!started_.is_object()) {
      started_ = json::object();
      return;
    }
    eachString("warnings", [this](const std::string& text) { context_.output().note(text); });
    eachString("hints", [this](const std::string& text) { context_.output().hint(text); });
  }

  template <typename Use>
  void eachString(const char* key, Use use) const {
    const auto list = started_.find(key);
    if (list == started_.end() || !list->is_array()) {
      return;
    }
    for (const json& item : *list) {
      if (item.is_string()) {
        use(item.get_ref<const std::string&>());
      }
    }
  }

  Result<int> finish(const std::string& text) {
    json exit = json::parse(text, nullptr, false);
    if (!exit.is_object()) {
      return fail(ErrorCode::Protocol, "the daemon's last frame cannot be read");
    }
    const model::ExecOutcome outcome = AK_TRY(model::execOutcomeFromJson(exit));
    if (call_.json == Use::Yes) {
      printJson(std::move(exit));
      return outcome.exit_code;
    }
    if (call_.detach == Detach::Yes) {
      context_.output().line(printable(fieldText(started_, "sandbox")));
      return 0;
    }
    if (outcome.timed_out) {
      context_.output().note("the command was ended: its timeout passed");
    }
    if (outcome.out_of_memory) {
      context_.output().note("the sandbox ran out of memory; give it more with --memory");
    }
    if (outcome.exit_code != 0 && soundsUnconnected(last_words_)) {
      context_.output().hint(
          "a sandbox has no network unless it is asked for: agentkernel run --network full ...");
    }
    if (call_.changes == Use::Yes) {
      AK_TRY(printChanges(exit));
    }
    return outcome.exit_code;
  }

  void printJson(const json& exit) {
    json object = std::move(started_);
    object.update(exit);
    if (call_.detach == Detach::No) {
      output_.put(object, "stdout");
      error_.put(object, "stderr");
    }
    context_.output().text(prettyJson(object));
  }

  Status printChanges(const json& exit) {
    if (exit.contains("changes_omitted")) {
      context_.output().note(
          cat("there are too many changes to list here; with --keep they stay: "
              "agentkernel diff --name-only ",
              fieldText(started_, "sandbox")));
      return {};
    }
    if (exit.contains("changes_error")) {
      context_.output().error(model::errorFromJson(exit["changes_error"]));
      return {};
    }
    std::vector<model::Change> changes;
    if (exit.contains("changes")) {
      changes = AK_TRY(changesIn(exit, "changes"));
    }
    if (changes.empty()) {
      context_.output().note("the command changed nothing in the workspace");
      return {};
    }
    context_.output().changes(changes);
    const std::string name = fieldText(started_, "sandbox");
    context_.output().note(cat(changes.size(), changes.size() == 1 ? " change" : " changes",
                               "; with --keep they stay: agentkernel diff ", name,
                               ", agentkernel apply ", name, ", agentkernel discard ", name));
    return {};
  }

  Context& context_;
  const GuestCall& call_;
  std::string last_words_;
  json started_ = json::object();
  Captured output_;
  Captured error_;
};

}  // namespace

void addTerminalType(Context& context, std::vector<std::string>& environment) {
  if (!setsVariable(environment, "TERM")) {
    environment.push_back(cat("TERM=", env::terminalType(context.environment())));
  }
}

template <typename Request>
Status fillCommon(Context& context, const Arguments& arguments, Request& request) {
  request.command = arguments.guestCommand();
  for (const std::string& path : arguments.values("env-file")) {
    std::vector<std::string> entries = AK_TRY(readEnvironmentFile(path, context.environment()));
    request.environment.insert(request.environment.end(), entries.begin(), entries.end());
  }
  for (const std::string& word : arguments.values("env")) {
    request.environment.push_back(AK_TRY(environmentEntry(word, context.environment())));
  }
  request.workdir = arguments.value("workdir").value_or("");
  request.user = arguments.value("user").value_or("");
  if (const auto word = arguments.value("timeout")) {
    request.timeout = AK_TRY(parseTimeout(*word));
  }
  request.stdin_open = wantsInput(arguments) == Use::Yes;
  if (arguments.has("tty")) {
    request.terminal = true;
    request.window = terminalSize();
    addTerminalType(context, request.environment);
  }
  // Told here, before a daemon has to be started for it; the daemon checks again.
  if (!request.command.empty()) {
    AK_TRY(model::validateCommand(request.command));
  }
  AK_TRY(model::validateEnvironment(request.environment));
  if (!request.workdir.empty()) {
    AK_TRY(model::validateWorkdir(request.workdir));
  }
  return {};
}

template Status fillCommon(Context&, const Arguments&, model::RunRequest&);
template Status fillCommon(Context&, const Arguments&, model::ExecRequest&);

Result<int> callGuest(Context& context, const GuestCall& call) {
  const client::Request request{.method = "POST", .path = call.path, .body = call.body};
  client::Client client = AK_TRY(context.connect());
  client::Client::Upgraded upgraded = AK_TRY(std::move(client).upgrade(request));
  context.checkVersion(upgraded.daemon_version);
  return Guest(context, call).run(upgraded.stream);
}

}  // namespace ak::cli
