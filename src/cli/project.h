#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "cli/command.h"
#include "model/run_request.h"

// The directory that a command is about, and its agentkernel.toml.
namespace ak::cli {

// The working directory as the kernel says it, with device and inode: $PWD may be a path through
// links that mean something else later. Left empty when there is none (it was removed).
void nameDirectory(model::WorkspaceRequest& directory);

// The first argument, else the working directory, without links. NotFound when it is not there.
Result<std::string> directoryOf(const Arguments& arguments);

std::string projectFileIn(const std::string& directory);

// The file as it is; at most 1 MiB. Who is trusted to have written it is not asked here, so it may
// be anything: a FIFO or a device is InvalidArgument and not a wait for ever.
Result<std::string> readProjectFile(const std::string& path);

// What `run` takes: --config FILE, which may be a pipe of the user's, else that of the directory;
// nullopt when there is none.
Result<std::optional<model::ProjectFile>> projectOf(const Arguments& arguments,
                                                    const std::string& directory);

}  // namespace ak::cli
