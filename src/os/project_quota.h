#pragma once

#include <cstdint>
#include <optional>

#include "base/result.h"

// Project quotas of ext4 and xfs: every file below a directory belongs to its project, and the file
// system counts and limits each project's blocks and inodes (quotactl_fd(2), Linux 5.14;
// FS_IOC_FSSETXATTR). Only the initial user namespace may change a file's project, so a guest can
// not leave its own. Blocking; setting needs root.
namespace ak::os {

// Does the file system of directory `dir_fd` (not O_PATH) hold hard limits right now? False where
// it only counts (mounted without prjquota) or cannot at all.
bool enforcesProjectQuota(int dir_fd);

// 0: none.
std::uint32_t projectOf(int dir_fd);

struct ProjectLimit {
  std::uint32_t project = 0;  // not 0
  std::uint64_t bytes = 0;
  std::uint64_t inodes = 0;
};

// Puts the directory, and what is made in it from now on, into the project, and limits that. What
// is in it already stays where it is: for a directory that is empty or was put there before.
Status limitProject(int dir_fd, const ProjectLimit& limit);

// How many bytes its files take; nothing where nobody counts.
std::optional<std::uint64_t> projectUsage(int dir_fd, std::uint32_t project);

// Forgets the limits of a project without files.
Status forgetProject(int dir_fd, std::uint32_t project);

}  // namespace ak::os
