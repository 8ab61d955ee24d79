#pragma once

#include "cli/command.h"

// One row of all.cc's table each; every command is a file of its own.
namespace ak::cli {

extern const CommandSpec kResizeCommand;
extern const CommandSpec kAttachCommand;
extern const CommandSpec kReplayCommand;
extern const CommandSpec kAuditListCommand;
extern const CommandSpec kAuditVerifyCommand;
extern const CommandSpec kRunCommand;
extern const CommandSpec kExecCommand;
extern const CommandSpec kListCommand;
extern const CommandSpec kInspectCommand;
extern const CommandSpec kCopyCommand;
extern const CommandSpec kCreateCommand;
extern const CommandSpec kStartCommand;
extern const CommandSpec kEventsCommand;
extern const CommandSpec kPruneCommand;
extern const CommandSpec kRestartCommand;
extern const CommandSpec kStateImportCommand;
extern const CommandSpec kStatsCommand;
extern const CommandSpec kStopCommand;
extern const CommandSpec kRemoveCommand;
extern const CommandSpec kUpdateCommand;
extern const CommandSpec kExtendTtlCommand;
extern const CommandSpec kArchiveCommand;
extern const CommandSpec kRecoverCommand;
extern const CommandSpec kGcCommand;
extern const CommandSpec kReconcileCommand;
extern const CommandSpec kLogsCommand;
extern const CommandSpec kJobListCommand;
extern const CommandSpec kJobStatusCommand;
extern const CommandSpec kJobLogsCommand;
extern const CommandSpec kJobSignalCommand;
extern const CommandSpec kJobKillCommand;
extern const CommandSpec kVerifyCommand;
extern const CommandSpec kDiffCommand;
extern const CommandSpec kApplyCommand;
extern const CommandSpec kDiscardCommand;
extern const CommandSpec kForkCommand;
extern const CommandSpec kVolumeCreateCommand;
extern const CommandSpec kVolumeInspectCommand;
extern const CommandSpec kVolumeListCommand;
extern const CommandSpec kVolumeRemoveCommand;
extern const CommandSpec kSnapshotTakeCommand;
extern const CommandSpec kSnapshotListCommand;
extern const CommandSpec kSnapshotRemoveCommand;
extern const CommandSpec kSnapshotRestoreCommand;
extern const CommandSpec kImagesListCommand;
extern const CommandSpec kImagesImportCommand;
extern const CommandSpec kImagesRemoveCommand;
extern const CommandSpec kImagesPruneCommand;
extern const CommandSpec kDaemonStartCommand;
extern const CommandSpec kDaemonStopCommand;
extern const CommandSpec kDaemonRestartCommand;
extern const CommandSpec kDaemonStatusCommand;
extern const CommandSpec kDaemonLogsCommand;
extern const CommandSpec kDoctorCommand;
extern const CommandSpec kConfigShowCommand;
extern const CommandSpec kTrustCommand;
extern const CommandSpec kCompletionCommand;
extern const CommandSpec kHelpCommand;
extern const CommandSpec kVersionCommand;

}  // namespace ak::cli
