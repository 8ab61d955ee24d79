#include <array>

#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/text.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "client/client.h"

// What was done, by whom.
namespace ak::cli {

namespace {

using nlohmann::json;

constexpr std::array<OptionSpec, 6> kListOptions = {{
    {"sandbox", 's', Takes::Value, "NAME", "Only events of this sandbox, by name or UUID"},
    {"last", 'l', Takes::Value, "N", "Show the newest N events (default: 20)"},
    {"type", 't', Takes::Values, "TYPE", "Only events of this type; any of several"},
    {"since", 0, Takes::Value, "TIME", "Only newer ones: 2026-01-02T03:04:05Z, or 30m, 1h, 3d ago"},
    {"path", 0, Takes::Nothing, "", "Print where the log is, and nothing else"},
    kJsonOption,
}};

constexpr std::array<std::string_view, 5> kListExamples = {
    "agentkernel audit",
    "agentkernel audit --sandbox build --last 100",
    "agentkernel audit --type policy_violation --since 1d",
    "agentkernel audit --type command_executed --json | jq -r '.[].command | join(\" \")'",
    "tail -F \"$(agentkernel audit --path)\"",
};

constexpr std::array<OptionSpec, 2> kVerifyOptions = {{
    {"head", 0, Takes::Value, "SEQ:HASH", "This line, noted elsewhere before, must be in the log"},
    kJsonOption,
}};

constexpr std::array<std::string_view, 3> kVerifyExamples = {
    "agentkernel audit verify",
    "agentkernel audit verify --json | jq -r .head >> /media/safe/audit-heads",
    "agentkernel audit verify --head \"$(tail -1 /media/safe/audit-heads)\"",
};

// A time, or how long ago.
Result<std::string> sinceTime(const std::string& text) {
  if (parseTime(text)) {
    return text;
  }
  const auto ago = parseDuration(text);
  if (!ago) {
    return fail(ErrorCode::InvalidArgument, cat("--since ", text, " is no time"),
                "Write a time (2026-01-02T03:04:05Z) or how long ago: 30m, 1h, 3d.");
  }
  return formatTime(SystemClock().wall() - *ago);
}

Result<std::string> queryFrom(const Arguments& arguments) {
  const auto last = arguments.value("last");
  std::string query = cat("?last=", client::escapeSegment(last.value_or("20")));
  if (const auto sandbox = arguments.value("sandbox")) {
    query += cat("&sandbox=", client::escapeSegment(*sandbox));
  }
  for (const std::string& type : arguments.values("type")) {
    query += cat("&type=", client::escapeSegment(type));
  }
  if (const auto since = arguments.value("since")) {
    const std::string time = AK_TRY(sinceTime(*since));
    query += cat("&since=", client::escapeSegment(time));
  }
  return query;
}

// Words that need it in quotes, as a shell would want them.
std::string commandText(const json& command) {
  std::string text;
  for (const json& word : command) {
    const std::string plain = word.is_string() ? word.get<std::string>() : std::string();
    const bool quote =
        plain.empty() || plain.find_first_of(" \t\n'\"\\$`;|&<>()*?") != std::string::npos;
    text += cat(text.empty() ? "" : " ", quote ? "'" : "", plain, quote ? "'" : "");
  }
  return text;
}

// What is said of an event in one line; the rest is in --json.
std::string detailsOf(const json& event) {
  std::string text;
  const auto add = [&](std::string_view label, const std::string& value) {
    if (!value.empty()) {
      text += cat(text.empty() ? "" : "  ", label, value);
    }
  };
  if (const auto command = event.find("command"); command != event.end() && command->is_array()) {
    add("", commandText(*command));
  }
  add("", fieldText(event, "path"));
  const std::string outcome = fieldText(event, "outcome");
  add("exit ", event.contains("exit_code") && !event["exit_code"].is_null()
                   ? fieldText(event, "exit_code")
                   : std::string());
  add("", outcome == "exited" ? std::string() : outcome);
  for (const char* key : {"image", "profile", "policy", "details", "error", "reason", "change",
                          "paths", "images", "permission", "version"}) {
    add("",
        event.contains(key) && !event.contains("command") ? fieldText(event, key) : std::string());
  }
  if (event.contains("command")) {
    add("", fieldText(event, "details"));
    add("", fieldText(event, "error"));
  }
  return text;
}

std::string sandboxOf(const json& event) {
  const std::string sandbox = fieldText(event, "sandbox");
  return sandbox.empty() ? fieldText(event, "name") : sandbox;
}

Result<int> list(Context& context, const Arguments& arguments) {
  if (arguments.has("path")) {
    const client::DaemonPlace place = AK_TRY(context.daemonPlace());
    context.output().line(place.paths.audit_log);
    return 0;
  }
  const std::string query = AK_TRY(queryFrom(arguments));
  const json events = AK_TRY(getApi(context, cat("/audit", query)));
  if (arguments.has("json")) {
    context.output().text(prettyJson(events));
    return 0;
  }
  Output::Table table{.head = {"TIME", "USER", "EVENT", "SANDBOX", "DETAILS"}};
  for (const json& event : events) {
    const std::string user = fieldText(event, "user");
    table.rows.push_back({fieldTime(event, "timestamp"), user == "null" ? "" : user,
                          fieldText(event, "type"), sandboxOf(event), detailsOf(event)});
  }
  context.output().table(table);
  return 0;
}

Result<int> verify(Context& context, const Arguments& arguments) {
  const auto head = arguments.value("head");
  const json verdict = AK_TRY(getApi(
      context, cat("/audit/verify", head ? cat("?head=", client::escapeSegment(*head)) : "")));
  const bool intact = verdict.value("intact", false);
  if (arguments.has("json")) {
    context.output().text(prettyJson(verdict));
    return intact ? 0 : 1;
  }
  if (intact) {
    context.output().line(cat("intact: ", fieldText(verdict, "lines"), " lines, ",
                              fieldText(verdict, "first"), " to ", fieldText(verdict, "last")));
    context.output().line(cat("head: ", fieldText(verdict, "head")));
    return 0;
  }
  std::string where = fieldText(verdict, "file");
  if (!where.empty()) {
    where = cat(" (", where, ", line ", fieldText(verdict, "line"), ")");
  }
  context.output().line(printable(cat("DAMAGED: ", fieldText(verdict, "problem"), where)));
  context.output().line(cat("sound before that: ", fieldText(verdict, "lines"), " lines"));
  return 1;
}

}  // namespace

const CommandSpec kAuditListCommand = {
    .name = "audit list",
    .summary = "Show what was done: commands, files, sandboxes, refusals, and by whom",
    .details =
        "Oldest first. Secrets are taken out of command lines before they are written, "
        "values of\nenvironment variables never are. docs/audit.md has all types and keys.",
    .options = kListOptions,
    .examples = kListExamples,
    .run = list,
};

const CommandSpec kAuditVerifyCommand = {
    .name = "audit verify",
    .summary = "Prove that no line of the audit log was changed, removed or put in",
    .details =
        "Reads the whole log; exit status 1 when it is damaged. Each line carries a hash over all "
        "before\nit, and the daemon keeps the end apart from the log. Whoever may write as you can "
        "forge\nboth: note the printed head elsewhere from time to time, and give it with --head.",
    .options = kVerifyOptions,
    .examples = kVerifyExamples,
    .run = verify,
};

}  // namespace ak::cli
