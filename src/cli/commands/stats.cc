#include <unistd.h>

#include <chrono>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/follow.h"
#include "cli/options.h"

namespace ak::cli {

namespace {

using nlohmann::json;

constexpr std::array<OptionSpec, 3> kOptions = {{
    {"watch", 'w', Takes::Nothing, "", "Show it again every two seconds, until Ctrl-C"},
    {"interval", 0, Takes::Value, "TIME", "With --watch: how often (2s)"},
    {"json", 0, Takes::Nothing, "", "Print JSON, for programs; with --watch an object a line"},
}};

constexpr std::array<std::string_view, 3> kExamples = {
    "agentkernel stats",
    "agentkernel stats --watch",
    "agentkernel stats --json | jq '.sandboxes[] | {name, memory_bytes}'",
};

// "12.5", "-" for what nobody counts.
std::string numberOr(const json& item, const char* key) {
  const auto found = item.find(key);
  return found == item.end() || found->is_null() ? "-" : found->dump();
}

// "5.1 MB / 512.0 MB"
std::string ofLimit(const std::string& now, const std::string& limit) {
  return limit == "-" ? now : cat(now, " / ", limit);
}

std::string sizeOr(const json& item, const char* key) {
  const auto found = item.find(key);
  return found == item.end() || found->is_null() ? "-" : fieldSize(item, key);
}

void print(Output& output, const json& stats) {
  const json host = stats.value("resource_usage", json::object());
  output.line(cat("host: processors ", numberOr(host, "cpu_percent"), "%, memory ",
                  numberOr(host, "memory_used_mb"), " of ", numberOr(host, "memory_total_mb"),
                  " MB, disk ", numberOr(host, "disk_used_mb"), " MB used; ",
                  numberOr(stats, "sandbox_count"), " sandboxes"));
  Output::Table table{.head = {"NAME", "CPU %", "MEMORY", "PROCESSES"}};
  for (const json& item : stats.value("sandboxes", json::array())) {
    table.rows.push_back({fieldText(item, "name"), numberOr(item, "cpu_percent"),
                          ofLimit(sizeOr(item, "memory_bytes"), sizeOr(item, "memory_limit_bytes")),
                          ofLimit(numberOr(item, "pids"), numberOr(item, "pids_limit"))});
  }
  output.table(table);
}

Result<std::chrono::milliseconds> intervalOf(const Arguments& arguments) {
  const auto word = arguments.value("interval");
  if (!word) {
    return std::chrono::seconds(2);
  }
  const auto interval = parseDuration(*word);
  if (!interval || interval->count() < 1 || !arguments.has("watch")) {
    return fail(ErrorCode::InvalidArgument, cat("--interval ", printable(*word), " is no use"),
                "Write --watch --interval 5s; a second is the least.");
  }
  return std::chrono::milliseconds(*interval);
}

Result<int> run(Context& context, const Arguments& arguments) {
  constexpr std::string_view kPath = "/stats?sandboxes=true";
  const std::chrono::milliseconds interval = AK_TRY(intervalOf(arguments));
  const bool is_terminal = ::isatty(STDOUT_FILENO) == 1;
  for (;;) {
    const json stats = AK_TRY(getApi(context, std::string(kPath)));
    if (arguments.has("watch") && is_terminal && !arguments.has("json")) {
      context.output().text("\x1b[H\x1b[2J");  // from the top of an empty screen
    }
    if (!arguments.has("json")) {
      print(context.output(), stats);
    } else if (arguments.has("watch")) {
      context.output().line(stats.dump(-1, ' ', false, json::error_handler_t::replace));
    } else {
      context.output().text(prettyJson(stats));
    }
    if (!arguments.has("watch")) {
      return 0;
    }
    if (AK_TRY(sleepUnlessUnread(interval)) == Woken::NobodyReads) {
      return kNobodyReadsStatus;
    }
  }
}

}  // namespace

const CommandSpec kStatsCommand = {
    .name = "stats",
    .summary = "Show what this machine and each running sandbox use",
    .details =
        "Of a sandbox: processor time over 0.2 s (100 is one core), memory and processes with "
        "their "
        "limits,\nas its control group counts them; - where there is none.",
    .options = kOptions,
    .examples = kExamples,
    .run = run,
};

}  // namespace ak::cli
