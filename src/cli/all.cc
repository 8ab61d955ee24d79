#include <algorithm>
#include <array>

#include "base/text.h"
#include "cli/commands.h"

namespace ak::cli {

namespace {

// Sorted by name.
using Entry = const CommandSpec*;
constexpr auto kAll = std::to_array<Entry>({
    &kApplyCommand,
    &kArchiveCommand,
    &kAttachCommand,
    &kAuditListCommand,
    &kAuditVerifyCommand,
    &kCompletionCommand,
    &kConfigShowCommand,
    &kCopyCommand,
    &kCreateCommand,
    &kDaemonLogsCommand,
    &kDaemonRestartCommand,
    &kDaemonStartCommand,
    &kDaemonStatusCommand,
    &kDaemonStopCommand,
    &kDiffCommand,
    &kDiscardCommand,
    &kDoctorCommand,
    &kEventsCommand,
    &kExecCommand,
    &kExtendTtlCommand,
    &kForkCommand,
    &kGcCommand,
    &kHelpCommand,
    &kImagesImportCommand,
    &kImagesListCommand,
    &kImagesPruneCommand,
    &kImagesRemoveCommand,
    &kInspectCommand,
    &kJobKillCommand,
    &kJobListCommand,
    &kJobLogsCommand,
    &kJobSignalCommand,
    &kJobStatusCommand,
    &kReconcileCommand,
    &kListCommand,
    &kLogsCommand,
    &kPruneCommand,
    &kRecoverCommand,
    &kReplayCommand,
    &kResizeCommand,
    &kRestartCommand,
    &kRemoveCommand,
    &kRunCommand,
    &kSnapshotListCommand,
    &kSnapshotRestoreCommand,
    &kSnapshotRemoveCommand,
    &kSnapshotTakeCommand,
    &kStartCommand,
    &kStateImportCommand,
    &kStatsCommand,
    &kStopCommand,
    &kTrustCommand,
    &kUpdateCommand,
    &kVerifyCommand,
    &kVersionCommand,
    &kVolumeCreateCommand,
    &kVolumeInspectCommand,
    &kVolumeListCommand,
    &kVolumeRemoveCommand,
});

// Upstream's groups, and words that fingers know from elsewhere.
struct Alias {
  std::string_view words;
  std::string_view name;
};

constexpr auto kAliases = std::to_array<Alias>({
    {"audit", "audit list"},
    {"completions", "completion"},
    {"copy", "cp"},
    {"daemon", "daemon status"},
    {"exec-kill", "job kill"},
    {"exec-list", "job list"},
    {"exec-logs", "job logs"},
    {"images", "images list"},
    {"images delete", "images rm"},
    {"images local-delete", "images rm"},
    {"images local-list", "images list"},
    {"info", "inspect"},
    {"job", "job list"},
    {"job ls", "job list"},
    {"jobs", "job list"},
    {"ls", "list"},
    {"ps", "list"},
    {"remove", "rm"},
    {"extend", "extend-ttl"},
    {"lifecycle", "lifecycle reconcile"},
    {"sandbox archive", "archive"},
    {"sandbox attach", "attach"},
    {"sandbox clean", "prune"},
    {"sandbox cp", "cp"},
    {"sandbox create", "create"},
    {"sandbox exec-kill", "job kill"},
    {"sandbox exec-list", "job list"},
    {"sandbox exec-logs", "job logs"},
    {"sandbox extend-ttl", "extend-ttl"},
    {"sandbox gc", "gc"},
    {"sandbox info", "inspect"},
    {"sandbox list", "list"},
    {"sandbox ls", "list"},
    {"sandbox recover", "recover"},
    {"sandbox remove", "rm"},
    {"sandbox resize", "resize"},
    {"sandbox restart", "restart"},
    {"sandbox rm", "rm"},
    {"sandbox start", "start"},
    {"sandbox stop", "stop"},
    {"sandbox update", "update"},
    {"snapshot", "snapshot list"},
    {"snapshot delete", "snapshot rm"},
    {"snapshot ls", "snapshot list"},
    {"unarchive", "recover"},
    {"volume", "volume list"},
    {"volume delete", "volume rm"},
    {"volume info", "volume inspect"},
    {"volume ls", "volume list"},
    {"volume remove", "volume rm"},
    {"config", "config show"},
});

const CommandSpec* byName(std::string_view name) {
  const auto found = std::ranges::find(kAll, name, [](Entry entry) { return entry->name; });
  return found == kAll.end() ? nullptr : *found;
}

const CommandSpec* byWords(std::string_view words) {
  if (const CommandSpec* command = byName(words)) {
    return command;
  }
  const auto alias = std::ranges::find(kAliases, words, &Alias::words);
  return alias == kAliases.end() ? nullptr : byName(alias->name);
}

// Does the word stand before others, and never alone with arguments?
bool isGroup(std::string_view word) {
  const std::string begin = cat(word, " ");
  return std::ranges::any_of(kAll, [&](Entry entry) { return entry->name.starts_with(begin); }) ||
         std::ranges::any_of(kAliases,
                             [&](const Alias& alias) { return alias.words.starts_with(begin); });
}

}  // namespace

std::span<const CommandSpec* const> allCommands() {
  return kAll;
}

Result<FoundCommand> findCommand(std::span<const char* const> words) {
  const std::string_view first = words.front();
  const std::string_view group = first == "sb" ? "sandbox" : first;
  if (words.size() > 1) {
    if (const CommandSpec* command = byWords(cat(group, " ", words[1]))) {
      return FoundCommand{command, 2};
    }
  }
  // "images" alone lists; "images lst" is a mistake in the second word.
  const bool wrong_second = words.size() > 1 && words[1][0] != '-' && isGroup(group);
  if (!wrong_second) {
    if (const CommandSpec* command = byWords(group)) {
      return FoundCommand{command, 1};
    }
  }
  std::vector<std::string_view> known;
  known.reserve(kAll.size() + kAliases.size());
  for (const Entry entry : kAll) {
    known.push_back(entry->name);
  }
  for (const Alias& alias : kAliases) {
    known.push_back(alias.words);
  }
  const std::string whole = words.size() > 1 ? cat(group, " ", words[1]) : std::string(group);
  std::string_view nearest = nearestWord(whole, known);
  if (nearest.empty()) {
    nearest = nearestWord(group, known);
  }
  return fail(ErrorCode::InvalidArgument,
              cat("unknown command '", printable(wrong_second ? whole : std::string(first)), "'"),
              nearest.empty() ? std::string("List all commands with: agentkernel --help")
                              : cat("Did you mean: agentkernel ", nearest));
}

}  // namespace ak::cli
