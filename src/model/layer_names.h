#pragma once

// The directories that the launcher makes in BoxRoot::writable, and in which the manager finds what
// a guest wrote. Beside each one lies the "NAME.work" that overlayfs wants.
namespace ak::model {

inline constexpr const char* kRootLayer = "root";
inline constexpr const char* kWorkspaceLayer = "work";
// An ext4 image that holds these directories instead, where a disk limit needs one.
inline constexpr const char* kDiskImage = "disk.ext4";

}  // namespace ak::model
